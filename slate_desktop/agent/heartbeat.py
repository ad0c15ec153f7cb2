"""Says that the agent lives, and finds out when a newer process has taken its place."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any

import msgspec

from slate_desktop.agent import placement
from slate_desktop.agent.fleet import Fleet
from slate_desktop.agent.hostload import HostMeter
from slate_desktop.agent.neighbours import Neighbours
from slate_desktop.agent.roster import Roster
from slate_desktop.bus.port import Bus
from slate_desktop.domain.project import AgentRow
from slate_desktop.errors import CommandError, DatabaseError, NotConnectedError, StaleWriteError
from slate_desktop.wire.codec import encode
from slate_desktop.wire.events import Heartbeat
from slate_desktop.wire.subjects import agent_heartbeat

if TYPE_CHECKING:
    from slate_desktop.store import Database

_log = logging.getLogger(__name__)
PERIOD_S = 5.0
FINGERPRINT_EVERY = 6


class SupersededError(Exception):
    """A newer process of the same agent has begun; this one ends and leaves its runtimes alone."""


class Pulse:
    """The agent's heartbeat.

    Args:
        db: where the agent's row stands.
        bus: where the heartbeat goes.
        fleet: the drivers, fingerprinted now and then.
        roster: the sessions that live here.
        agent_id: this agent.
        epoch: of this process.
        neighbours: told of all agents.
        meter: tells how busy the host is; None tells nothing.
        jobs: tells how many builds and asset jobs are under way here.
        on_row: told the agent's own row at every beat.
    """

    def __init__(
        self,
        db: Database,
        bus: Bus,
        fleet: Fleet,
        roster: Roster,
        *,
        agent_id: str,
        epoch: int,
        neighbours: Neighbours,
        meter: HostMeter | None = None,
        jobs: Callable[[], int] = int,
        on_row: Callable[[AgentRow], Awaitable[None]] | None = None,
    ) -> None:
        self._db = db
        self._bus = bus
        self._fleet = fleet
        self._roster = roster
        self._agent_id = agent_id
        self._epoch = epoch
        self._neighbours = neighbours
        self._meter = meter
        self._jobs = jobs
        self._on_row = on_row

    async def run(self, period_s: float = PERIOD_S) -> None:
        """Beat until cancelled.

        Raises:
            SupersededError: the agent's row carries a newer epoch.
        """
        beat = 0
        while True:
            if beat and beat % FINGERPRINT_EVERY == 0:
                await self._fleet.refresh()
            await self._publish()
            try:
                await self._note_seen()
            except DatabaseError as error:
                _log.debug("the database does not hear the heartbeat", extra={"reason": str(error)})
            beat += 1
            await asyncio.sleep(period_s)

    async def _publish(self) -> None:
        beat = Heartbeat(
            agent_id=self._agent_id,
            epoch=self._epoch,
            capabilities=self._capabilities(),
            engines=placement.engines(self._fleet.infos),
            sessions=len(self._roster),
            jobs=self._jobs(),
        )
        try:
            await self._bus.publish(agent_heartbeat(self._agent_id), encode(beat))
        except (NotConnectedError, CommandError) as error:
            _log.debug("nobody hears the heartbeat", extra={"reason": str(error)})

    def _capabilities(self) -> dict[str, Any]:
        found = placement.capabilities(self._fleet.infos, builds=self._fleet.advertised_builds())
        if self._meter is not None:
            found["load"] = msgspec.to_builtins(self._meter.read())
        return found

    async def _note_seen(self) -> None:
        """Write at every beat: whoever looks at rows alone calls an agent of 15 s offline."""
        try:
            await self._db.agents.seen(
                self._agent_id, epoch=self._epoch, capabilities=self._capabilities()
            )
        except StaleWriteError as error:
            raise SupersededError(str(error)) from error
        rows = {agent.id: agent for agent in await self._db.agents.list()}
        self._neighbours.add(rows)
        if self._on_row is not None and self._agent_id in rows:
            await self._on_row(rows[self._agent_id])
