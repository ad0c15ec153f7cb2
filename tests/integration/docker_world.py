"""An agent with a real Docker engine, on a real broker and a real database."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any, cast

import pytest

from slate_desktop.agent.drivers.base import Driver
from slate_desktop.agent.drivers.docker import DockerDriver
from slate_desktop.domain.container import DriverName
from slate_desktop.domain.session import RuntimeSession, SessionStatus
from tests.integration.agent_world import AgentWorld
from tests.services.nats import AGENT_ID, RealNats
from tests.services.postgres import PostgresDsn

S = SessionStatus


class DockerWorld(AgentWorld):
    """An agent with the docker driver only."""

    url = ""
    image = ""

    async def start_docker_agent(self, **options: Any) -> None:
        driver = cast("Driver", DockerDriver(self.url))
        await self.start_agent(drivers={DriverName.DOCKER: driver}, **options)

    async def new_container(self, script: str, **config: object) -> RuntimeSession:
        project = await self.add_project(self.user, command=["sh", "-c", script])
        image, tag = self.image.split(":")
        fields = {"image": image, "tag": tag, "memory": "64m", "networkMode": "none"}
        return await self.new_session(project, container_config=fields | config)

    async def run(self, session_id: str) -> RuntimeSession:
        """Start a session; a busy machine may need longer than an answer may take."""
        reply = await self.ask("start", session_id)
        assert "error" not in reply, reply
        return await self.until_status(session_id, S.RUNNING, 30)

    async def sweep(self) -> None:
        driver = DockerDriver(self.url)
        for handle, _ in await driver.list_runtimes(AGENT_ID):
            await driver.remove(handle)
        await driver.aclose()

    async def until_no_container(self, session_id: str) -> None:
        """Wait: a container goes only after its session's row has been written."""
        driver = DockerDriver(self.url)
        try:
            async with asyncio.timeout(30):
                while any(  # noqa: ASYNC110 — the engine tells of no change
                    handle.labels.session == session_id
                    for handle, _ in await driver.list_runtimes(AGENT_ID)
                ):
                    await asyncio.sleep(0.05)
        finally:
            await driver.aclose()


@pytest.fixture(name="world")
async def docker_world(
    nats: RealNats,
    postgres_dsn: PostgresDsn,
    docker_engine: str,
    base_image: str,
    tmp_path: Path,
) -> AsyncIterator[DockerWorld]:
    """A world with a real engine, where nothing is left of earlier tests; no agent runs yet."""
    made = DockerWorld(nats, postgres_dsn, tmp_path)
    made.url, made.image = docker_engine, base_image
    await made.open()
    await made.sweep()
    yield made
    await made.close()
    await made.sweep()
