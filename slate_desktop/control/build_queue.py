"""The builds' queue: who works on it, what a build waits for, its place and how it is changed."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

import msgspec

from slate_desktop.control.builds import BuildRows
from slate_desktop.domain.build import BuildJob, BuildStatus
from slate_desktop.domain.ids import check_id
from slate_desktop.errors import CommandError, ErrorCode

if TYPE_CHECKING:
    from slate_desktop.domain.builds.waiting import Running, Waiting, Worker

_ONLINE_S = 40.0


class BuildQueue(BuildRows):
    """The part of ``Slate`` that works on the queue of builds."""

    async def prioritise_build(self, build_id: str, priority: int) -> BuildJob:
        """Give a waiting build another priority, -100 to 100; higher ones are built earlier.

        Raises:
            CommandError: ``not_found``, ``illegal_state``, ``bad_request``.
        """
        from slate_desktop.domain.builds.options import MAX_PRIORITY

        if type(priority) is not int or not -MAX_PRIORITY <= priority <= MAX_PRIORITY:
            raise CommandError(
                ErrorCode.BAD_REQUEST, "priority must be -100 to 100", field="priority"
            )
        job = await self.db.builds.set_priority(check_id(build_id, "build_id"), priority)
        await self._build_changed(job)
        return job

    async def move_build(
        self, build_id: str, *, other_id: str | None = None, is_after: bool = False
    ) -> BuildJob:
        """Put a waiting build before another one; it takes that one's priority.

        Args:
            build_id: the build that moves.
            other_id: its new neighbour, of any project; None moves it to the front.
            is_after: behind the neighbour, or to the end, instead.

        Raises:
            CommandError: ``not_found``; ``illegal_state`` when one of them waits no more.
        """
        if other_id is not None:
            check_id(other_id, "other_id")
        job = await self.db.builds.move(
            check_id(build_id, "build_id"), other_id=other_id, is_after=is_after
        )
        await self._build_changed(job)
        return job

    async def explain_build(self, build_id: str) -> Waiting | None:
        """Return what a queued build waits for, None for one that waits no more.

        Raises:
            CommandError: ``not_found``.
        """
        from slate_desktop.domain.builds.waiting import Needs, Waiting, explain
        from slate_desktop.domain.quotas import waiting_words

        job = await self.db.builds.get(check_id(build_id, "build_id"))
        if job.status is not BuildStatus.QUEUED:
            return None
        if job.envelope is None:
            return Waiting(position=1, of=1, reason="It was not handed to the workers yet.")
        queue = await self.db.builds.queue()
        running = await self.db.builds.list(statuses=[BuildStatus.BUILDING], limit=100)
        seated = await self.db.builds.seated()
        waiting = explain(
            Needs(
                build_id=job.id,
                systems=tuple(job.needs.systems or ()),
                capability=job.needs.capability,
                licence=job.licence,
                memory_bytes=job.needs.memory_bytes or 0,
            ),
            [other.id for other in queue if other.target_platform is job.target_platform],
            [await self._running(other, is_seated=other.id in seated) for other in running],
            await self._build_workers(),
        )
        facts = await self.db.quotas.build_waits_for(job.id)
        if facts is not None:
            waiting = msgspec.structs.replace(waiting, reason=waiting_words(facts))
        return waiting

    async def build_eta_s(self, job: BuildJob) -> float | None:
        """Return the seconds that a running build still takes, learned from the project's own."""
        from slate_desktop.domain.builds.eta import remaining_s

        if job.status is not BuildStatus.BUILDING or job.started_at is None:
            return None
        history = await self.db.builds.durations(
            job.project_id, job.target_platform, job.build_type
        )
        elapsed_s = (datetime.now(UTC) - job.started_at).total_seconds()
        return remaining_s(history, max(0.0, elapsed_s), job.progress)

    async def _build_workers(self) -> list[Worker]:
        from slate_desktop.domain.builds.waiting import Worker

        found: list[Worker] = []
        for agent in await self.db.agents.list():
            told = agent.capabilities.get("builds")
            is_live = agent.seen_ago_s is not None and agent.seen_ago_s <= _ONLINE_S
            # A cordoned host takes no build.
            if isinstance(told, dict) and is_live and agent.cordoned_at is None:
                found.append(
                    Worker(
                        agent_id=agent.id,
                        system=str(told.get("system", "linux")),
                        slots=int(told.get("slots", 1)),
                        capabilities=frozenset(map(str, told.get("capabilities", ()))),
                        licences={str(k): int(v) for k, v in told.get("licences", {}).items()},
                        memory_bytes=int(agent.capabilities.get("memory_bytes") or 0),
                        held=tuple((str(name), int(size)) for name, size in told.get("held", ())),
                    )
                )
        return found

    async def _running(self, job: BuildJob, *, is_seated: bool) -> Running:
        from slate_desktop.domain.builds.waiting import Running

        return Running(
            build_id=job.id,
            agent_id=job.agent_id,
            licence=job.licence if is_seated else None,
            memory_bytes=job.needs.memory_bytes or 0,
            remaining_s=await self.build_eta_s(job),
        )
