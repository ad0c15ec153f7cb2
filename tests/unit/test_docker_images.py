"""Whether there is room for an image is asked before it is pulled, and only then."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from slate_desktop.agent.disk import RESERVE_BYTES
from slate_desktop.agent.drivers.docker.images import ensure_image
from slate_desktop.domain.container import ContainerConfig
from slate_desktop.errors import CommandError, ErrorCode

GIB = 2**30


class Usage(NamedTuple):
    total: int
    used: int
    free: int


class Engine:
    """An engine with its data in a folder, and perhaps an image."""

    def __init__(self, root: Path, *, has_image: bool) -> None:
        self.root = root
        self.has_image = has_image
        self.asked: list[str] = []

    async def call(self, what: str, work: Callable[[Any], Any]) -> Any:
        self.asked.append(what)
        if what == "looking for the image":
            return self.has_image
        return {"DockerRootDir": str(self.root)} if what == "asking for the engine" else None


async def ensure(engine: Engine, image_bytes: int) -> None:
    config = ContainerConfig(image="unityci/editor", tag="6000", pull=True)
    await ensure_image(
        engine,  # type: ignore[arg-type]
        config,
        credentials=None,
        image_bytes=image_bytes,
        on_progress=None,
    )


@pytest.fixture
def free(monkeypatch: pytest.MonkeyPatch) -> None:
    usage = Usage(100 * GIB, 95 * GIB, 5 * GIB)
    monkeypatch.setattr(shutil, "disk_usage", lambda path: usage)


@pytest.mark.usefixtures("free")
async def test_an_image_that_does_not_fit_is_not_pulled(tmp_path: Path) -> None:
    engine = Engine(tmp_path, has_image=False)
    with pytest.raises(
        CommandError, match=r"The image unityci/editor:6000 needs 10\.5 GiB"
    ) as info:
        await ensure(engine, 10 * GIB)
    assert info.value.code is ErrorCode.DISK_LOW
    assert "pulling the image" not in engine.asked
    await ensure(engine, 5 * GIB - RESERVE_BYTES)
    assert "pulling the image" in engine.asked


@pytest.mark.usefixtures("free")
async def test_an_image_that_is_here_needs_no_room(tmp_path: Path) -> None:
    await ensure(Engine(tmp_path, has_image=True), 10 * GIB)


@pytest.mark.usefixtures("free")
async def test_the_disk_of_another_host_is_not_judged(tmp_path: Path) -> None:
    engine = Engine(tmp_path / "not here", has_image=False)
    await ensure(engine, 10 * GIB)
    assert "pulling the image" in engine.asked
