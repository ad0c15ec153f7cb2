"""A world to be attacked: it knows what it looked like before, and hears whatever is published."""

from __future__ import annotations

import asyncio
import itertools
import json
import time
from typing import Any

import nats
from nats.aio.client import Client
from nats.aio.msg import Msg

from slate_desktop.agent.callers import Gate
from slate_desktop.bus.nats_bus import NatsBus
from slate_desktop.bus.permissions import inbox_prefix
from slate_desktop.domain.roles import Operation
from slate_desktop.domain.session import RuntimeSession, SessionStatus
from slate_desktop.wire.envelope import AUDIENCE_ANY, sign_request
from slate_desktop.wire.keys import SigningKey
from slate_desktop.wire.subjects import container
from tests.integration.agent_world import AgentWorld, is_under_way
from tests.services.nats import AGENT_ID

Headers = dict[str, str]
ROWS = """
    select 'session' as kind, id, version, status, container_config::text, deleted_at is null
        from slate_runtime_sessions
    union all
    select 'build', id, version, status, options::text, deleted_at is null from slate_build_jobs
    union all
    select 'project', id, version, name, settings::text, deleted_at is null from slate_projects
    order by 1, 2
"""
_marks = itertools.count()


class BadInputWorld(AgentWorld):
    """One session that was never started, one that runs, and an observer of every subject."""

    gate: Gate
    idle: RuntimeSession
    running: RuntimeSession
    person: Client
    observer: Client
    _other: NatsBus | None = None

    async def begin(self) -> None:
        """Start the agent and the running session, and remember what everything looks like."""
        await self.start_agent()
        self.idle, self.running = await self.new_session(), await self.new_session()
        assert (await self.ask("start", self.running.id))["status"] == "running"
        # Windows are told of a line whenever it is read.
        await self.until_messages(self.running.id, ["hello"])
        await self.connect_clients()
        await self.remember()

    async def connect_clients(self) -> None:
        """Connect one plain client with the person's key and one that hears every subject."""
        self.person, self.observer = [
            await nats.connect(
                self.nats.url,
                nkeys_seed_str=key.seed,
                inbox_prefix=inbox_prefix(key.public),
                error_cb=self._note_violation,
            )
            for key in (self.nats.user, self.nats.anyone)
        ]
        self._heard: list[Msg] = []
        self.violations: list[str] = []
        self._marked = asyncio.Event()
        await self.observer.subscribe(">", cb=self._hear)
        await self.observer.flush()

    async def other_bus(self) -> NatsBus:
        """Return the connection of another person."""
        if self._other is None:
            seed = self.nats.other_user.seed
            self._other = await NatsBus.connect(self.nats.url, seed=seed, name="other")
        return self._other

    async def close(self) -> None:
        """End the clients too."""
        if self._other is not None:
            await self._other.aclose()
        for name in ("person", "observer"):
            client = getattr(self, name, None)
            if client is not None:
                await client.close()
        await super().close()

    async def remember(self) -> None:
        """Take the present state as the one that bad input must leave as it is."""
        await self._catch_up()
        self._heard.clear()
        self._before = await self._state()

    async def assert_untouched(self) -> None:
        """Nothing was started, changed or published since; and the agent still serves."""
        assert await self._state() == self._before
        published = await self.published()
        assert published == [], published
        reply = await self.tell("stats", self.running.id, b"{}")
        assert reply.get("memory_usage"), reply

    async def published(self) -> list[str]:
        """Subjects of what the agent published, but for beats, samples, requests, answers.

        Nor what its work queues ask of the broker while they are set up, whenever that ends.
        """
        await self._catch_up()
        return [
            msg.subject
            for msg in self._heard
            if not msg.subject.startswith(("slate.container.", "_INBOX_", "observer.", "$JS."))
            and not msg.subject.endswith((".heartbeat", ".stats", ".request"))
        ]

    async def heard(self, subject: str) -> int:
        """Count the messages on one subject."""
        await self._catch_up()
        return sum(msg.subject == subject for msg in self._heard)

    def envelope(
        self,
        operation: Operation | str,
        session_id: str,
        data: bytes,
        *,
        key: SigningKey | None = None,
        **more: Any,
    ) -> Headers:
        """Sign a request as the client does."""
        self._count += 1
        fields: dict[str, Any] = {
            "audience": AUDIENCE_ANY if operation == "start" else AGENT_ID,
            "idem": f"b{self._count}",
            "now_ms": time.time_ns() // 1_000_000,
        }
        subject = container(operation, session_id)
        return sign_request(key or self.nats.user, subject, data, **(fields | more))

    async def send(self, subject: str, data: bytes, headers: Headers | None) -> dict[str, Any]:
        """Send a request as it is and return the answer."""
        msg = await self.person.request(subject, data, timeout=20, headers=headers)
        return json.loads(msg.data)

    async def tell(
        self, operation: Operation | str, session_id: str, data: bytes | object, **more: Any
    ) -> dict[str, Any]:
        """Send a well-signed request, again while this key asks too often; return the answer.

        One that came before the end of its command is asked for again under the same key.
        """
        body = data if isinstance(data, bytes) else json.dumps(data).encode()
        # Under a key of the caller's own, somebody else's request may be under way.
        is_begun = "idem" not in more
        more.setdefault("idem", f"t{next(_marks)}")
        async with asyncio.timeout(60):
            while True:
                headers = self.envelope(operation, session_id, body, **more)
                reply = await self.send(container(operation, session_id), body, headers)
                if reply.get("error", {}).get("code") != "rate_limited":
                    if not is_under_way(operation, reply) or ("error" in reply and not is_begun):
                        return reply
                    is_begun = True
                await asyncio.sleep(0.05)

    async def stop_running(self) -> RuntimeSession:
        """End the running session, and take that as the state to be kept."""
        await self.tell("stop", self.running.id, {"grace": 0})
        return await self.until_status(self.running.id, SessionStatus.STOPPED)

    async def _state(self) -> tuple[list[tuple[Any, ...]], list[tuple[str, str]]]:
        async with self.db.connection() as connection:
            rows = [tuple(row) for row in await connection.fetch(ROWS)]
        runtimes = [(r.handle.name, r.state.value) for r in self.engine.runtimes()]
        return rows, sorted(runtimes)

    async def _note_violation(self, error: Exception) -> None:
        self.violations.append(str(error))

    async def _hear(self, msg: Msg) -> None:
        if msg.subject == self._mark:
            self._marked.set()
        self._heard.append(msg)

    _mark = ""

    async def _catch_up(self) -> None:
        """Return once everything that the broker took before now was heard."""
        self._mark, self._marked = f"observer.mark.{next(_marks)}", asyncio.Event()
        await self.observer.publish(self._mark)
        await asyncio.wait_for(self._marked.wait(), 30)


def code_and_field(reply: dict[str, Any]) -> tuple[str, str | None]:
    """What programs match in a refusal; the rest of its form is checked here."""
    error = reply.get("error")
    assert isinstance(error, dict), reply
    assert set(error) == {"code", "message", "field", "retry", "details", "now_ms"}
    assert error["message"]
    assert error["retry"] in ("never", "later", "resign", "unknown")
    return error["code"], error["field"]
