"""A bridge of each session's own, so that sessions cannot meet."""

from __future__ import annotations

from typing import TYPE_CHECKING

from slate_desktop.agent.drivers.base import Labels
from slate_desktop.agent.drivers.docker.engine import Engine
from slate_desktop.errors import CommandError, ErrorCode

if TYPE_CHECKING:
    import docker


async def ensure(engine: Engine, name: str, labels: Labels) -> None:
    """Make the network unless it is there.

    Raises:
        CommandError: ``docker_error`` on an engine that has no bridges, or no address left.
    """

    def work(client: docker.APIClient) -> None:
        import docker.errors

        # The filter matches parts of names.
        if any(found["Name"] == name for found in client.networks(names=[name])):
            return
        try:
            client.create_network(
                name,
                driver="bridge",
                check_duplicate=True,
                options={"com.docker.network.bridge.enable_icc": "false"},
                labels={
                    "slate.agent": labels.agent,
                    "slate.session": labels.session,
                    "slate.project": labels.project,
                },
            )
        except docker.errors.APIError as exc:
            if exc.status_code != 409:
                raise

    await engine.call("making the session's network", work)


async def remove(engine: Engine, name: str) -> None:
    """Remove the network; one that is gone, or that another attempt uses, is left alone."""
    try:
        await engine.call("removing the network", lambda client: client.remove_network(name))
    except CommandError as exc:
        if exc.code is ErrorCode.DOCKER_UNAVAILABLE:
            raise
