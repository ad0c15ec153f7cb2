"""A bridge of each session's own, so that sessions cannot meet."""

from __future__ import annotations

import functools
import hashlib
import logging
from collections.abc import Iterable
from typing import TYPE_CHECKING

from slate_desktop.agent.drivers.base import Labels
from slate_desktop.agent.drivers.docker import bandwidth
from slate_desktop.agent.drivers.docker.engine import Engine
from slate_desktop.agent.drivers.docker.guard import BRIDGE_PREFIX, FilterError, Guard
from slate_desktop.agent.drivers.docker.profile import limit_of, network_name
from slate_desktop.domain.container import ContainerConfig, NetworkMode
from slate_desktop.errors import CommandError, ErrorCode

if TYPE_CHECKING:
    import docker

_log = logging.getLogger(__name__)
_KIND_LABEL = "slate.network"
# A device's name has 15 bytes at most.
_BRIDGE_DIGITS = 12


def bridge_name(labels: Labels) -> str:
    """Return the name of the device of a session's own bridge."""
    digest = hashlib.sha256(labels.session.encode()).hexdigest()
    return BRIDGE_PREFIX + digest[:_BRIDGE_DIGITS]


class Networks:
    """The networks of the sessions on one engine: who meets whom, and how fast.

    Args:
        engine: makes them.
        servers: hosts that no container may reach, such as the broker's.
    """

    def __init__(self, engine: Engine, servers: Iterable[str] = ()) -> None:
        self._engine = engine
        self._servers = tuple(servers)
        self._limits = bandwidth.Limits()

    @functools.cached_property
    def _guard(self) -> Guard:
        return Guard(self._servers, is_local=self._engine.address.is_local)

    async def warnings(self) -> list[str]:
        """Return what cannot be kept up on this host, as sentences."""
        found: list[str] = []
        if reason := await self._guard.why_not():
            found.append(f"Containers that have a network can reach this host: {reason}.")
        if reason := self._why_no_limit():
            found.append(f"The bandwidth of containers cannot be limited: {reason}.")
        return found

    def check(self, config: ContainerConfig) -> None:
        """Refuse a limit of bandwidth that cannot be kept; raises ``limit_denied``."""
        if limit_of(config) is not None and (reason := self._why_no_limit()):
            raise _refusal(reason)

    async def stand(self) -> None:
        """Have the packet filter's rules in place again."""
        await self._guard.stand()

    async def ensure(self, labels: Labels, config: ContainerConfig) -> str:
        """Make the session's network unless it is there, with its rules; returns a note, or "".

        Without ports and without a way out the network has no address of the host and leads
        nowhere, with or without rules. The note says what the rules would have kept away, where
        there are none.

        Raises:
            CommandError: ``docker_error`` on an engine that has no bridges, or no address left,
                and where the packet filter refuses the rules; ``limit_denied`` where the kernel
                refuses the limit.
        """
        has_way_out = config.network_mode is NetworkMode.INTERNET
        is_closed = not has_way_out and not config.ports
        reason = await self._guard.why_not()
        bridge = bridge_name(labels)
        if not reason:
            try:
                await self._guard.open(bridge, has_way_out=has_way_out)
            except FilterError as error:
                raise CommandError(
                    ErrorCode.DOCKER_ERROR,
                    f"The session's network cannot be guarded: {error}.",
                    hint="Look at the host's packet filter with 'iptables -S', or start the session"
                    " without a network.",
                ) from error
        await _make(self._engine, labels, bridge, is_closed=is_closed)
        try:
            await self._limits.prepare(bridge, config.bandwidth_bits)
        except bandwidth.LimitError as error:
            await self.remove(labels)
            raise _refusal(str(error)) from error
        if not reason or is_closed:
            return ""
        if has_way_out:
            return f"Network: the runtime can reach services of its host, since {reason}."
        return (
            f"Network: the runtime can reach services of its host and the internet, since {reason}."
        )

    async def hold(self, labels: Labels, bits_per_s: int | None) -> None:
        """Hold a container that runs to its limit; also one that an earlier process began.

        Raises:
            CommandError: ``limit_denied``.
        """
        if bits_per_s is None:
            return
        try:
            await self._limits.hold(bridge_name(labels), bits_per_s)
        except bandwidth.LimitError as error:
            raise _refusal(str(error)) from error

    async def keep(self, labels: Labels, bits_per_s: int | None) -> None:
        """Do what ``hold`` does for one that runs anyway: what fails is said in the agent's log."""
        try:
            await self.hold(labels, bits_per_s)
        except CommandError as error:
            _log.warning(
                "a container is not held to its bandwidth",
                extra={"session": labels.session, "reason": error.message},
            )

    async def remove(self, labels: Labels) -> None:
        """Remove the network; one that is gone, or that another attempt uses, is left alone."""
        name = network_name(labels)
        try:
            await self._engine.call(
                "removing the network", lambda client: client.remove_network(name)
            )
        except CommandError as exc:
            if exc.code is ErrorCode.DOCKER_UNAVAILABLE:
                raise
            if exc.details.get("status") != 404:
                return
        await self._limits.forget(bridge_name(labels))
        if not await self._guard.why_not():
            await self._guard.close(bridge_name(labels))

    def _why_no_limit(self) -> str:
        return bandwidth.why_not(is_local=self._engine.address.is_local)


def _refusal(reason: str) -> CommandError:
    return CommandError(
        ErrorCode.LIMIT_DENIED,
        f"The bandwidth of containers cannot be limited on this host: {reason}",
        field="bandwidth",
        hint="Start it on another host, or without the limit.",
    )


async def _make(engine: Engine, labels: Labels, bridge: str, *, is_closed: bool) -> None:
    name, kind = network_name(labels), "closed" if is_closed else "bridge"

    def work(client: docker.APIClient) -> None:
        import docker.errors

        # The filter matches parts of names.
        for found in client.networks(names=[name]):
            if found["Name"] != name:
                continue
            if (found.get("Labels") or {}).get(_KIND_LABEL) == kind:
                return
            # Of an earlier attempt, with another configuration.
            client.remove_network(found["Id"])
        options = {
            "com.docker.network.bridge.enable_icc": "false",
            "com.docker.network.bridge.name": bridge,
        }
        if is_closed:
            options["com.docker.network.bridge.inhibit_ipv4"] = "true"
        try:
            client.create_network(
                name,
                driver="bridge",
                check_duplicate=True,
                internal=is_closed,
                options=options,
                labels={
                    "slate.agent": labels.agent,
                    "slate.session": labels.session,
                    "slate.project": labels.project,
                    _KIND_LABEL: kind,
                },
            )
        except docker.errors.APIError as exc:
            if exc.status_code != 409:
                raise

    await engine.call("making the session's network", work)
