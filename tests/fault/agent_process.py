"""A real agent process that can be killed, on a real broker and database."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from slate_desktop.agent import failpoints
from tests.integration.agent_world import AgentWorld
from tests.services.nats import AGENT_ID

ROOT = Path(__file__).resolve().parents[2]


class AgentProcess:
    """Starts, kills and starts again an agent of a world; runtimes are local processes."""

    def __init__(self, world: AgentWorld, **options: Any) -> None:
        self.world = world
        self.process: subprocess.Popen[bytes] | None = None
        self._options = {"drivers": ["process"]} | options
        self.agent_id: str = self._options.get("agent_id", AGENT_ID)
        self.data_dir = Path(self._options.get("data_dir", world.options().data_dir))
        self._log = world.directory / f"{self.agent_id}.log"
        self.environment: dict[str, str] = {}

    def spawn(self, failpoint: str = "", **options: Any) -> None:
        """Start it without waiting."""
        values = msgspec.to_builtins(self.world.options(), enc_hook=str)
        env = {**os.environ, "PYTHONPATH": str(ROOT), **self.environment}
        env.pop(failpoints.ENV_NAME, None)
        if failpoint:
            env[failpoints.ENV_NAME] = failpoint
        with self._log.open("ab") as log:
            self.process = subprocess.Popen(
                [
                    sys.executable,
                    "-m",
                    "tests.fault.agent_main",
                    json.dumps(values | self._options | options),
                ],
                stdout=log,
                stderr=log,
                env=env,
                cwd=ROOT,
            )

    async def start(self, failpoint: str = "") -> None:
        """Start it and wait until it serves."""
        before = await self._epoch()
        self.spawn(failpoint)
        async with asyncio.timeout(60):
            while await self._epoch() == before or not await self.is_serving():
                assert self.process is not None
                assert self.process.poll() is None, self.log_tail()
                await asyncio.sleep(0.05)

    def log_tail(self) -> str:
        """Return the end of what it wrote."""
        return self._log.read_text()[-4000:]

    def kill(self) -> None:
        """As ``kill -9``."""
        assert self.process is not None
        self.process.kill()
        self.process.wait(10)

    async def wait(self, timeout_s: float = 40) -> int:
        """Return the exit code once it has ended."""
        assert self.process is not None
        return await asyncio.to_thread(self.process.wait, timeout_s)

    async def runtimes(self) -> int:
        """Return how many runtimes it has, running or not."""
        from slate_desktop.agent.drivers.process import ProcessDriver

        driver = ProcessDriver(self.data_dir / "runtimes")
        try:
            return len(await driver.list_runtimes(self.agent_id))
        finally:
            await driver.aclose()

    async def aclose(self) -> None:
        """End it, and every runtime that it left."""
        if self.process is not None and self.process.poll() is None:
            self.process.terminate()
            await self.wait()
        await self._end_runtimes()

    async def _end_runtimes(self) -> None:
        from slate_desktop.agent.drivers.process import ProcessDriver

        driver = ProcessDriver(self.data_dir / "runtimes")
        for handle, _ in await driver.list_runtimes(self.agent_id):
            await driver.stop(handle, 0)
            await driver.remove(handle)
        await driver.aclose()

    async def _epoch(self) -> int:
        agents = await self.world.db.agents.list()
        return next((a.epoch for a in agents if a.id == self.agent_id), 0)

    async def is_serving(self) -> bool:
        """Tell whether it answers."""
        with contextlib.suppress(Exception):
            reply = await self.world.ask("stats", "NOBODY", audience=self.agent_id)
            return reply["error"]["code"] == "not_found"
        return False


@pytest.fixture(name="agent")
async def agent_process(world: AgentWorld) -> AsyncIterator[AgentProcess]:
    """An agent of the test's world that the test starts; it and its runtimes end with the test."""
    made = AgentProcess(world)
    yield made
    await made.aclose()
