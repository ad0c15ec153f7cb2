"""Containers of a driver on the real engine, without an agent around them."""

from __future__ import annotations

import contextlib
import socket
import threading
import uuid
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path

import msgspec
import pytest

from slate_desktop.agent.drivers.base import Handle, Labels, RuntimeSpec
from slate_desktop.agent.drivers.docker import DockerDriver
from slate_desktop.domain.container import ContainerConfig
from tests.services.docker import TEST_AGENT, remove_leftovers

SERVE = ["sh", "-c", "trap 'exit 0' TERM; echo ready; while true; do sleep 0.05; done"]
Make = Callable[..., RuntimeSpec]


@pytest.fixture
async def driver(docker_engine: str, base_image: str) -> AsyncIterator[DockerDriver]:
    made = DockerDriver(docker_engine)
    yield made
    await made.aclose()
    remove_leftovers(docker_engine)


@pytest.fixture
def make(tmp_path: Path) -> Make:
    root = tmp_path / "project"
    root.mkdir()
    root.chmod(0o755)
    (root / "hello.txt").write_text("hello from the host")

    def build(argv: list[str] | None = None, **config: object) -> RuntimeSpec:
        session = uuid.uuid4().hex
        image = {"image": "debian", "tag": "bookworm-slim", **config}
        return RuntimeSpec(
            name=f"slate-{session}-1",
            labels=Labels(agent=TEST_AGENT, session=session, project="p1", attempt=1, epoch=1),
            config=msgspec.convert(image, ContainerConfig),
            project_root=str(root),
            argv=argv or SERVE,
        )

    return build


async def ready(driver: DockerDriver, spec: RuntimeSpec) -> Handle:
    handle = await driver.create(spec)
    await driver.start(handle)
    async for frames in driver.logs(handle):
        if frames:
            break
    return handle


async def sh(driver: DockerDriver, handle: Handle, script: str) -> str:
    return (await driver.execute(handle, ["sh", "-c", script], 30)).stdout.strip()


@contextlib.contextmanager
def greeting_service(address: str, words: bytes) -> Iterator[int]:
    """Somebody who listens on an address of this host and greets whoever comes; gives the port."""
    with socket.create_server((address, 0)) as server:
        ended = threading.Event()
        server.settimeout(0.2)

        def greet() -> None:
            while not ended.is_set():
                try:
                    client, _ = server.accept()
                except OSError:
                    continue
                with client, contextlib.suppress(OSError):  # who is ended meanwhile hangs up
                    client.sendall(words)

        thread = threading.Thread(target=greet)
        thread.start()
        try:
            yield server.getsockname()[1]
        finally:
            ended.set()
            thread.join()
