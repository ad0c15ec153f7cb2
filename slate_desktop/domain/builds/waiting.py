"""What a queued build waits for, in words: its place, the worker, the licence, the memory."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from slate_desktop.domain.builds.eta import about
from slate_desktop.domain.sizes import format_bytes
from slate_desktop.translation import message

_SHORT_ID = 8


class Running(msgspec.Struct, frozen=True, kw_only=True):
    """A build that runs: what it holds, and how long it still takes where that is known."""

    build_id: str
    agent_id: str | None = None
    licence: str | None = None
    memory_bytes: int = 0
    remaining_s: float | None = None


class Worker(msgspec.Struct, frozen=True, kw_only=True):
    """A worker that lives.

    ``slots`` are builds that it runs at once; ``held`` names what holds its memory, with bytes,
    besides the builds that run there.
    """

    agent_id: str
    system: str = "linux"
    slots: int = 1
    capabilities: frozenset[str] = frozenset()
    licences: dict[str, int] = {}
    memory_bytes: int = 0
    held: tuple[tuple[str, int], ...] = ()


class Needs(msgspec.Struct, frozen=True, kw_only=True):
    """What a queued build asks of a worker."""

    build_id: str
    systems: tuple[str, ...] = ()
    capability: str | None = None
    licence: str | None = None
    memory_bytes: int = 0


class Waiting(msgspec.Struct, frozen=True, kw_only=True):
    """A queued build's place, 1 for the next one, and what it waits for."""

    position: int
    of: int
    reason: str


def explain(
    needs: Needs, queue: Sequence[str], running: Sequence[Running], workers: Sequence[Worker]
) -> Waiting:
    """Say what a build waits for.

    Args:
        needs: the build.
        queue: ids of all queued builds, the next one first.
        running: builds that run now.
        workers: agents that live and take builds.
    """
    position = queue.index(needs.build_id) + 1 if needs.build_id in queue else 1
    return Waiting(
        position=position,
        of=max(len(queue), position),
        reason=_reason(needs, position, running, workers),
    )


def _reason(
    needs: Needs, position: int, running: Sequence[Running], workers: Sequence[Worker]
) -> str:
    if not workers:
        return "No worker is there: start an agent."
    fitting = [
        worker
        for worker in workers
        if (not needs.systems or worker.system in needs.systems)
        and (needs.capability is None or needs.capability in worker.capabilities)
    ]
    if not fitting:
        missing = needs.capability or f"a {' or '.join(needs.systems)} machine"
        return f"No worker that lives offers {missing}."
    if needs.licence is not None and (text := _licence(needs.licence, running, fitting)):
        return text
    if position > 1:
        before = message("build") if position == 2 else message("builds")
        return f"{position - 1} {before} before this one{_soonest(running)}."
    busy = sum(build.agent_id in {w.agent_id for w in fitting} for build in running)
    slots = sum(worker.slots for worker in fitting)
    if busy >= slots:
        names = ", ".join(build.build_id[:_SHORT_ID] for build in running[:3])
        return f"{busy} of {slots} build slots in use by {names}{_soonest(running)}."
    if needs.memory_bytes and (text := _memory(needs.memory_bytes, running, fitting)):
        return text
    return "Starts in a moment."


def _licence(licence: str, running: Sequence[Running], workers: Sequence[Worker]) -> str:
    total = max((worker.licences.get(licence, 0) for worker in workers), default=0)
    name = licence.capitalize()
    holders = [build for build in running if build.licence == licence]
    if total == 0:
        return f"No {name} licence is configured on any worker."
    if len(holders) < total:
        return ""
    ids = " and ".join(build.build_id[:_SHORT_ID] for build in holders[:3])
    return f"{name} licence {len(holders)} of {total} in use by build {ids}{_soonest(holders)}."


def _memory(wanted: int, running: Sequence[Running], workers: Sequence[Worker]) -> str:
    held = {worker.agent_id: _held(worker, running) for worker in workers}
    best = max(workers, key=lambda w: w.memory_bytes - sum(size for _, size in held[w.agent_id]))
    holders = held[best.agent_id]
    taken = sum(size for _, size in holders)
    free = best.memory_bytes - taken
    # A build never asks for more than there is: on a smaller host it gets all of it.
    asked = min(wanted, best.memory_bytes)
    if free >= asked or not all(worker.memory_bytes for worker in workers):
        return ""
    names = " and ".join(name for name, _ in holders[:3])
    more = f" and {len(holders) - 3} more" if len(holders) > 3 else ""
    held_by, all_taken = f"{names}{more}", format_bytes(taken)
    holds = (
        message(f"{held_by} holds {all_taken}")
        if len(holders) == 1
        else message(f"{held_by} hold {all_taken}")
    )
    return f"{format_bytes(asked)} of memory, {format_bytes(max(0, free))} free: {holds}."


def _held(worker: Worker, running: Sequence[Running]) -> list[tuple[str, int]]:
    builds = [
        (f"build {build.build_id[:_SHORT_ID]}", build.memory_bytes)
        for build in running
        if build.agent_id == worker.agent_id and build.memory_bytes
    ]
    return [*worker.held, *builds]


def _soonest(running: Sequence[Running]) -> str:
    known = [build.remaining_s for build in running if build.remaining_s is not None]
    return f", {about(min(known))}" if known else ""
