"""An agent on a real broker and a real database, and a person who commands it."""

from __future__ import annotations

import asyncio
import contextlib
import json
import sys
import time
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest

from slate_desktop.agent.drivers.base import Driver
from slate_desktop.agent.drivers.scripted import ScriptedDriver
from slate_desktop.agent.drivers.scripted_engine import (
    Exit,
    Hold,
    Say,
    Script,
    ScriptedEngine,
    Use,
    Wait,
)
from slate_desktop.agent.options import AgentOptions
from slate_desktop.agent.service import Agent
from slate_desktop.bus.nats_bus import NatsBus
from slate_desktop.control.client import Slate
from slate_desktop.control.profiles import Endpoint
from slate_desktop.domain.container import DriverName
from slate_desktop.domain.project import Project, User
from slate_desktop.domain.roles import Operation
from slate_desktop.domain.session import RuntimeSession, SessionStatus
from slate_desktop.errors import SlateError
from slate_desktop.store import Database
from slate_desktop.wire.envelope import AUDIENCE_ANY, sign_request
from slate_desktop.wire.subjects import container
from tests.services.nats import AGENT_ID, RealNats
from tests.services.postgres import PostgresDsn

MIB = 1024 * 1024
SCRIPTS = {
    "hold": Script((Say("hello"), Hold())),
    "short": Script((Say("one"), Say("two", stream="stderr"), Exit(0))),
    "fails": Script((Wait(0.4), Say("bad"), Exit(3))),
    "deaf": Script((Hold(),), on_stop=None),
    "greedy": Script((Wait(0.4), Use(100 * MIB), Hold())),
}


class AgentWorld:
    """Broker, database, one agent with a scripted engine, one person who owns one project."""

    def __init__(self, nats: RealNats, dsn: PostgresDsn, directory: Path) -> None:
        self.nats = nats
        self.dsn = dsn
        self.directory = directory
        self.engine = ScriptedEngine(SCRIPTS)
        self.db: Database
        self.bus: NatsBus
        self.user: User
        self.project: Project
        self.agents: list[tuple[Agent, asyncio.Task[int]]] = []
        self._count = 0

    async def open(self) -> None:
        self.db = await Database.connect(self.dsn, application_name="test")
        self.bus = await NatsBus.connect(self.nats.url, seed=self.nats.user.seed, name="person")
        self.user = await self.db.users.create("person", self.nats.user.public)
        self.project = await self.add_project(self.user)

    async def connect_slate(self) -> Slate:
        """Return the person's client, as their window has one."""
        endpoint = Endpoint(
            profile="test",
            nats_url=self.nats.url,
            seed=self.nats.user.seed,
            database_url=self.dsn.user,
        )
        return await Slate.connect_to(endpoint)

    async def add_project(self, owner: User, **more: Any) -> Project:
        self._count += 1
        root = self.directory / f"project{self._count}"
        root.mkdir()
        fields = {"engine": "custom", "command": ["hold"]} | more
        return await self.db.projects.add(
            name=f"project {self._count}", owner_id=owner.id, root=str(root), **fields
        )

    async def close(self) -> None:
        for agent, task in self.agents:
            agent.stop()
            await asyncio.wait({task}, timeout=30)
        await self.engine.aclose()
        await self.bus.aclose()
        await self.db.aclose()

    def options(self, **more: Any) -> AgentOptions:
        fields: dict[str, Any] = {
            "agent_id": AGENT_ID,
            "nats_url": self.nats.url,
            "nats_seed": self.nats.agent.seed,
            "database_url": self.dsn.agent,
            "data_dir": self.directory / "data",
        }
        return AgentOptions(**(fields | more))

    async def start_agent(
        self, *, drivers: dict[DriverName, Driver] | None = None, **more: Any
    ) -> Agent:
        if drivers is None:
            drivers = {DriverName.SCRIPTED: ScriptedDriver(self.engine)}
        agent = Agent(self.options(**more), drivers=drivers)
        task = asyncio.create_task(agent.run(), name="agent")
        self.agents.append((agent, task))
        serving = asyncio.create_task(agent.is_serving.wait())
        await asyncio.wait({task, serving}, timeout=30, return_when=asyncio.FIRST_COMPLETED)
        if task.done():
            task.result()
        assert serving.done(), "the agent does not serve"
        return agent

    async def end_agent(self) -> int:
        """Stop the newest agent; its runtimes go on."""
        agent, task = self.agents.pop()
        agent.stop()
        return await asyncio.wait_for(task, 30)

    async def new_session(self, project: Project | None = None, **more: Any) -> RuntimeSession:
        project = project or self.project
        return await self.db.sessions.create(
            project_id=project.id,
            user_id=project.owner_id,
            runtime_type=project.engine.value,
            **more,
        )

    async def ask(
        self,
        operation: Operation | str,
        session_id: str,
        body: dict[str, Any] | None = None,
        *,
        key: Any = None,
        bus: NatsBus | None = None,
        timeout_s: float = 20,
        **more: Any,
    ) -> dict[str, Any]:
        """Send a signed command and return the answer, an error reply too.

        An agent answers within two seconds, with what was reached so far. On a busy machine that
        may not be the end yet: then it is asked again under the same key.
        """
        self._count += 1
        subject, data = container(operation, session_id), json.dumps(body or {}).encode()
        fields = {
            "audience": AUDIENCE_ANY if operation == "start" else AGENT_ID,
            "idem": f"i{self._count}",
        }

        async def answer() -> dict[str, Any]:
            now = {"now_ms": time.time_ns() // 1_000_000}
            headers = sign_request(key or self.nats.user, subject, data, **(fields | now | more))
            message = await (bus or self.bus).request(
                subject, data, headers=headers, timeout_s=timeout_s
            )
            return json.loads(message.data)

        reply = await answer()
        if not is_under_way(operation, reply) or ("error" in reply and "idem" in more):
            return reply
        with contextlib.suppress(SlateError, TimeoutError):
            async with asyncio.timeout(30):
                while is_under_way(operation, again := await answer()):  # noqa: ASYNC110
                    await asyncio.sleep(0.2)
                return again
        return reply

    async def until(
        self, session_id: str, is_true: Callable[[RuntimeSession], bool], timeout_s: float = 30
    ) -> RuntimeSession:
        """Return the row once it satisfies ``is_true``."""
        async with asyncio.timeout(timeout_s):
            while True:
                row = await self.db.sessions.get(session_id)
                if is_true(row):
                    return row
                await asyncio.sleep(0.02)

    async def until_status(
        self, session_id: str, status: SessionStatus, timeout_s: float = 30
    ) -> RuntimeSession:
        return await self.until(session_id, lambda row: row.status is status, timeout_s)

    async def until_messages(self, session_id: str, expected: list[str]) -> None:
        """Wait until the log is these lines: who runs may not have said anything yet."""
        async with asyncio.timeout(30):
            while await self.messages(session_id) != expected:  # noqa: ASYNC110
                await asyncio.sleep(0.02)

    async def messages(self, session_id: str) -> list[str]:
        page = await self.db.logs.page(session_id, limit=5000)
        return [line.message for line in page.lines]


@pytest.fixture(name="world")
async def agent_world(
    nats: RealNats, postgres_dsn: PostgresDsn, tmp_path: Path
) -> AsyncIterator[AgentWorld]:
    """An agent's world on the suite's servers; no agent runs yet."""
    made = AgentWorld(nats, postgres_dsn, tmp_path)
    await made.open()
    yield made
    await made.close()


def is_under_way(operation: str, reply: dict[str, Any]) -> bool:
    """Tell whether an answer came before the end of its command."""
    if "error" in reply:
        return reply["error"].get("code") in ("in_progress", "rate_limited")
    if operation == "stop":
        return reply.get("status") not in ("stopped", "failed", "lost")
    return operation in ("start", "restart") and reply.get("status") in (
        "creating", "starting", "stopping",
    )  # fmt: skip


def python_project(script: str) -> list[str]:
    """The command of a custom project that runs a script with this interpreter."""
    return [sys.executable, "-u", "-c", script]
