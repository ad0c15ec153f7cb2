"""What runs game engines here: Docker with its images, and engines' own programs."""

from __future__ import annotations

import asyncio
import shutil
from typing import TYPE_CHECKING

from slate_desktop.diagnosis.check import Check, State
from slate_desktop.diagnosis.supply import check_runc
from slate_desktop.domain.engine import Engine, preset_for
from slate_desktop.domain.sizes import format_bytes
from slate_desktop.errors import CommandError, SlateError

if TYPE_CHECKING:
    from slate_desktop.agent.drivers.base import DriverInfo
    from slate_desktop.agent.drivers.docker.engine import Engine as DockerEngine

_TIMEOUT_S = 15.0
_OLDEST_DOCKER = (20, 10)


async def check_engines() -> list[Check]:
    """Check Docker, the presets' images and a Godot program."""
    return [*await _check_docker(), _check_godot()]


async def _check_docker() -> list[Check]:
    from slate_desktop.agent.drivers.docker.driver import DockerDriver
    from slate_desktop.agent.drivers.docker.engine import Engine as DockerEngine
    from slate_desktop.settings.model import load_settings

    try:
        docker_host = load_settings().docker_host
    except SlateError:
        docker_host = None
    driver, engine = DockerDriver(docker_host), DockerEngine(docker_host)
    try:
        async with asyncio.timeout(_TIMEOUT_S):
            info = await driver.fingerprint()
            if not info.is_available:
                return [
                    Check(
                        name="Docker",
                        state=State.WARNING,
                        detail=info.reason,
                        fix="Install and start it (Debian: apt install docker.io), or run sessions "
                        "with --driver process.",
                    )
                ]
            images = [await _check_image(engine, reference) for reference in _references()]
            answer = await engine.call("asking for versions", lambda client: client.version())
            runc = check_runc(answer)
    except CommandError as exc:
        return [Check(name="Docker", state=State.WARNING, detail=str(exc), fix=exc.hint)]
    except TimeoutError:
        return [Check(name="Docker", state=State.WARNING, detail="it does not answer in time")]
    finally:
        await engine.aclose()
        await driver.aclose()
    return [_describe(info), *runc, *images]


def _describe(info: DriverInfo) -> Check:
    gpu = "NVIDIA GPU" if info.has_gpu else "no GPU"
    problems = list(info.warnings)
    if _version(info.version) < _OLDEST_DOCKER:
        problems.append("It is older than 20.10: update it.")
    return Check(
        name="Docker",
        state=State.WARNING if problems else State.OK,
        detail=f"{info.version}; {info.cpus:g} CPUs, {format_bytes(info.memory_bytes)}, {gpu}",
        fix=" ".join(problems),
    )


def _references() -> list[str]:
    """Return the images of the presets."""
    presets = [preset_for(engine).container for engine in Engine]
    return [
        f"{preset['image']}:{preset.get('tag', 'latest')}"
        for preset in presets
        if "image" in preset
    ]


async def _check_image(engine: DockerEngine, reference: str) -> Check:
    name = f"image {reference}"
    try:
        is_there = await engine.call(
            "looking for an image", lambda client: bool(client.images(name=reference))
        )
    except CommandError as exc:
        return Check(name=name, state=State.WARNING, detail=exc.message)
    if is_there:
        return Check(name=name, state=State.OK, detail="there")
    if reference.startswith("slate/godot-runtime"):
        fix = "Build it: docker build -t slate/godot-runtime packaging/images/godot"
    else:
        fix = "Load it into Docker, or start sessions with --pull where a registry has it."
    return Check(name=name, state=State.NOTE, detail="not there", fix=fix)


def _check_godot() -> Check:
    names = [name for version in ("3", "4") for name in preset_for(Engine.GODOT, version).binaries]
    for name in names:
        path = shutil.which(name)
        if path is not None:
            return Check(name="Godot", state=State.OK, detail=path)
    return Check(
        name="Godot",
        state=State.NOTE,
        detail="no program of it on this machine; it runs with Docker",
        fix="Debian: apt install godot3-server",
    )


def _version(text: str) -> tuple[int, ...]:
    numbers = []
    for part in text.split(".")[:2]:
        digits = "".join(char for char in part if char.isdigit())
        numbers.append(int(digits or 0))
    return tuple(numbers)
