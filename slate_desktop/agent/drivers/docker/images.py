"""Images: is one here, may it be pulled, and with whose login."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from slate_desktop.agent.disk import RESERVE_BYTES, check_disk
from slate_desktop.agent.drivers.docker.engine import Engine
from slate_desktop.agent.drivers.docker.spool import engine_root
from slate_desktop.agent.drivers.docker.translate import from_pull, translate
from slate_desktop.domain.container import ContainerConfig
from slate_desktop.errors import CommandError, ErrorCode

if TYPE_CHECKING:
    import docker

Credentials = Callable[[str], tuple[str, str] | None]
_PROGRESS_INTERVAL_S = 0.25
_PULL_TIMEOUT_S = 3600.0
_DOCKER_HUB = "docker.io"


async def ensure_image(
    engine: Engine,
    config: ContainerConfig,
    *,
    credentials: Credentials | None,
    image_bytes: int = 0,
    on_progress: Callable[[str], None] | None,
) -> None:
    """Make sure that the image is on the engine, pulling it when the configuration says so.

    Raises:
        CommandError: ``image_missing``, ``image_denied`` (another digest), ``disk_low``,
            ``docker_error`` (registry away), ``docker_unavailable``.
    """
    reference = config.reference
    if reference is None:
        raise CommandError(
            ErrorCode.BAD_REQUEST, "a container needs an image", field="image",
            hint="Name one in the container configuration.",
        )  # fmt: skip
    if await engine.call("looking for the image", lambda client: _has_image(client, reference)):
        return
    if not config.pull:
        await _refuse_other_digest(engine, config)
        raise CommandError(
            ErrorCode.IMAGE_MISSING,
            f"the image {reference} is not on this engine, and pulling is off",
            field="image",
            hint=f"Run 'docker pull {reference}' on the agent's host, build it, or turn pull on.",
        )
    await _check_room(engine, reference, image_bytes)
    loop = asyncio.get_running_loop()

    def tell(text: str) -> None:
        if on_progress is not None:
            loop.call_soon_threadsafe(on_progress, text)

    tell(f"Pulling {reference}")
    login = credentials(registry_of(config.image or "")) if credentials else None
    await asyncio.wait_for(
        engine.call("pulling the image", lambda client: _pull(client, config, login, tell)),
        _PULL_TIMEOUT_S,
    )


def registry_of(image: str) -> str:
    """Return the registry's host that an image name means."""
    first, slash, _ = image.partition("/")
    is_host = bool(slash) and ("." in first or ":" in first or first == "localhost")
    return first if is_host else _DOCKER_HUB


async def _check_room(engine: Engine, reference: str, image_bytes: int) -> None:
    """Refuse a pull that fills the engine's disk, where that is a disk of this host."""
    info = await engine.call("asking for the engine", lambda client: client.info())
    root = await engine_root(info)
    if root is not None:
        needed = image_bytes + RESERVE_BYTES
        await asyncio.to_thread(check_disk, root, needed, f"The image {reference}")


async def _refuse_other_digest(engine: Engine, config: ContainerConfig) -> None:
    """Refuse a tag that is here with another digest than was asked for."""
    tagged = f"{config.image}:{config.tag}"
    if config.digest and await engine.call(
        "looking for the image", lambda client: _has_image(client, tagged)
    ):
        raise CommandError(
            ErrorCode.IMAGE_DENIED,
            f"the image {tagged} on this engine has another digest than {config.digest}",
            field="image",
            hint="Correct the digest, or pull the image that has it.",
        )


def _has_image(client: docker.APIClient, reference: str) -> bool:
    import docker.errors

    try:
        client.inspect_image(reference)
    except docker.errors.NotFound:
        return False
    return True


def _pull(
    client: docker.APIClient,
    config: ContainerConfig,
    login: tuple[str, str] | None,
    tell: Callable[[str], None],
) -> None:
    import docker.errors

    auth = {"username": login[0], "password": login[1]} if login else None
    tag = config.digest or config.tag
    layers: dict[str, tuple[int, int]] = {}
    next_tell = 0.0
    try:
        events = client.pull(
            config.image or "", tag=tag, stream=True, decode=True, auth_config=auth
        )
        for event in events:
            if "error" in event:
                raise from_pull(str(event["error"]), config.reference or "")
            _note_layer(layers, event)
            if time.monotonic() >= next_tell:
                next_tell = time.monotonic() + _PROGRESS_INTERVAL_S
                tell(_progress(config.reference or "", layers))
    except docker.errors.APIError as exc:
        raise from_pull(str(exc.explanation or exc), config.reference or "") from exc
    except docker.errors.DockerException as exc:
        raise translate(exc, "pulling the image") from exc


def _note_layer(layers: dict[str, tuple[int, int]], event: dict[str, Any]) -> None:
    detail = event.get("progressDetail") or {}
    if event.get("status") == "Downloading" and detail.get("total"):
        layers[str(event.get("id"))] = (int(detail.get("current", 0)), int(detail["total"]))


def _progress(reference: str, layers: dict[str, tuple[int, int]]) -> str:
    total = sum(size for _, size in layers.values())
    if not total:
        return f"Pulling {reference}"
    done = sum(current for current, _ in layers.values())
    return f"Pulling {reference}: {done // 2**20} of {total // 2**20} MiB"
