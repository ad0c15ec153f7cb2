"""The connection lamps: broker, database, agent and engine, in words and with latency."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable
from typing import Any

from slate_desktop.bus.port import ConnectionState
from slate_desktop.control.client import Slate
from slate_desktop.control.events import AGENT_SILENCE_S, SeenAgent
from slate_desktop.control.live import Lifetime
from slate_desktop.control.signals import Signal
from slate_desktop.control.values import Lamp, LampState
from slate_desktop.domain.container import DriverName
from slate_desktop.errors import SlateError
from slate_desktop.translation import message
from slate_desktop.wire.events import Heartbeat

logger = logging.getLogger(__name__)

LAMP_NAMES = ("broker", "database", "agent", "engine")
_LOOK_TIMEOUT_S = 4.0


class ConnectionModel:
    """Watches a client's connections.

    Attributes:
        lamps: each name of ``LAMP_NAMES`` with its lamp.
    """

    changed = Signal(str, object)  # name, Lamp

    def __init__(self, slate: Slate, *, interval_s: float = 5.0) -> None:
        self.lamps: dict[str, Lamp] = {name: Lamp(name=name) for name in LAMP_NAMES}
        self._slate = slate
        self._interval_s = interval_s
        self._life = Lifetime("connection")

    async def open(self) -> None:
        """Begin to watch."""
        self._life.own(self._slate.bus.on_state(self._on_state))
        self._life.own(self._slate.events.on_heartbeat(self._on_heartbeat))
        self._life.spawn(self._watch(), "watch")

    async def refresh(self) -> None:
        """Look at everything now."""
        await asyncio.gather(self._look_at_broker(), self._look_at_database())
        await self._look_at_agents()

    async def aclose(self) -> None:
        """Stop watching."""
        await self._life.aclose()

    async def _watch(self) -> None:
        while True:
            try:
                await self.refresh()
            except Exception:
                # A fault of ours, or of who listens: lamps that stand still would be a lie.
                logger.exception("the connections could not be looked at")
            await asyncio.sleep(self._interval_s)

    async def _look_at_broker(self) -> None:
        bus = self._slate.bus
        if bus.state is not ConnectionState.CONNECTED:
            self._set(_broker_away(bus))
            return
        flush = getattr(bus, "flush", None)
        latency_ms = None
        if flush is not None:
            try:
                latency_ms = await _timed(flush)
            except (SlateError, TimeoutError) as exc:
                self._set(
                    Lamp(
                        name="broker", state=LampState.BUSY, words="not answering", detail=str(exc)
                    )
                )
                return
        where = getattr(bus, "url", "")
        self._set(
            Lamp(
                name="broker",
                state=LampState.OK,
                words="connected",
                detail=f"NATS at {where}" if where else "NATS",
                latency_ms=latency_ms,
            )
        )

    async def _look_at_database(self) -> None:
        try:
            latency_ms = await _timed(self._slate.db.ping)
        except (SlateError, TimeoutError) as exc:
            lamp = Lamp(
                name="database",
                state=LampState.OFF,
                words="away",
                detail=_sentence(exc, "It does not answer in time; running sessions go on."),
            )
        else:
            lamp = Lamp(
                name="database",
                state=LampState.OK,
                words="connected",
                detail="PostgreSQL",
                latency_ms=latency_ms,
            )
        self._set(lamp)

    async def _look_at_agents(self) -> None:
        live = [agent for agent in self._slate.events.agents.values() if agent.is_live]
        if live:
            self._show_agents(live)
            return
        try:
            rows = await self._slate.list_agents()
        except SlateError:
            self._set(Lamp(name="agent"))
            self._set(Lamp(name="engine"))
            return
        ages_s = [row.seen_ago_s for row in rows if row.seen_ago_s is not None]
        if not ages_s:
            words, detail = message("none"), "No agent has joined. Start one with `slate agent`."
        else:
            ago_s = int(min(ages_s))
            words = message("offline")
            detail = f"No agent was heard for {ago_s} s. Start it with `slate agent`."
            if ago_s <= AGENT_SILENCE_S:
                words, detail = message("starting"), "The agent is not heard yet."
        state = LampState.BUSY if words == "starting" else LampState.OFF
        self._set(Lamp(name="agent", state=state, words=words, detail=detail))
        self._set(Lamp(name="engine", words="unknown", detail="No agent tells of its engine."))

    def _on_state(self, state: ConnectionState) -> None:
        if state is not ConnectionState.CONNECTED:
            self._set(_broker_away(self._slate.bus))
            self._set(Lamp(name="agent", words="unknown", detail="The broker is away."))
            self._set(Lamp(name="engine", words="unknown", detail="The broker is away."))
        else:
            self._life.spawn(self.refresh(), "refresh")

    def _on_heartbeat(self, _: Heartbeat) -> None:
        self._show_agents([a for a in self._slate.events.agents.values() if a.is_live])

    def _show_agents(self, live: list[SeenAgent]) -> None:
        names = ", ".join(sorted(agent.heartbeat.agent_id for agent in live))
        sessions = sum(agent.heartbeat.sessions for agent in live)
        self._set(
            Lamp(
                name="agent",
                state=LampState.OK,
                words="online" if len(live) == 1 else f"{len(live)} online",
                detail=f"{names}; "
                + (message("1 session") if sessions == 1 else message(f"{sessions} sessions")),
            )
        )
        engines: dict[str, dict[str, Any]] = {}
        for agent in live:
            for name, info in agent.heartbeat.engines.items():
                if not engines.get(name, {}).get("is_available"):
                    engines[name] = info
        self._set(engine_lamp(engines))

    def _set(self, lamp: Lamp) -> None:
        old = self.lamps[lamp.name]
        self.lamps[lamp.name] = lamp
        if old != lamp:
            self.changed.emit(lamp.name, lamp)


def engine_lamp(engines: dict[str, dict[str, Any]]) -> Lamp:
    """Return the engine's lamp from agents' fingerprints, by driver."""
    docker = engines.get(DriverName.DOCKER.value, {})
    others = [
        name
        for name, info in engines.items()
        if name != DriverName.DOCKER.value and info.get("is_available")
    ]
    if docker.get("is_available"):
        warnings = [str(text) for text in docker.get("warnings", [])]
        return Lamp(
            name="engine",
            state=LampState.WARNING if warnings else LampState.OK,
            words=f"Docker {docker.get('version', '')}".strip(),
            detail="; ".join(warnings) or "Containers can be started.",
        )
    reason = str(docker.get("reason") or message("Docker is not there"))
    if others:
        return Lamp(
            name="engine",
            state=LampState.WARNING,
            words="processes only",
            detail=f"{reason}. Sessions run as local processes.",
        )
    return Lamp(name="engine", state=LampState.OFF, words="none", detail=reason)


def _broker_away(bus: object) -> Lamp:
    is_closed = getattr(bus, "state", None) is ConnectionState.CLOSED
    return Lamp(
        name="broker",
        state=LampState.OFF if is_closed else LampState.BUSY,
        words="closed" if is_closed else "reconnecting",
        detail=getattr(bus, "reason", "") or "The connection to the broker is down.",
    )


async def _timed(look: Callable[[], Awaitable[object]]) -> float:
    start = time.perf_counter()
    async with asyncio.timeout(_LOOK_TIMEOUT_S):
        await look()
    return round((time.perf_counter() - start) * 1000, 1)


def _sentence(error: BaseException, otherwise: str) -> str:
    return str(error) or otherwise
