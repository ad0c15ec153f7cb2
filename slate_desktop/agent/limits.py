"""Limits beyond what a session asks for: those of quotas, and those that change while it runs."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import msgspec

from slate_desktop.agent.logdoors import LineNote
from slate_desktop.agent.planning import StartPlan
from slate_desktop.domain.container import DriverName, NetworkMode
from slate_desktop.domain.logs import LogLevel
from slate_desktop.domain.session import RuntimeSession
from slate_desktop.domain.sizes import exact_size, format_bytes, format_rate
from slate_desktop.domain.stats import ContainerStats
from slate_desktop.errors import CommandError, ErrorCode

if TYPE_CHECKING:
    from slate_desktop.store import Database

# What a runtime uses moves a little between two samples.
_ROOM = 1.05


async def within_quotas(db: Database, plan: StartPlan, row: RuntimeSession) -> StartPlan:
    """Return the plan with no more bandwidth than quotas give each container, and a note of it.

    Raises:
        DatabaseError: it is not known what they give.
    """
    has_network = plan.config.network_mode is not NetworkMode.NONE
    if plan.driver is not DriverName.DOCKER or not has_network:
        return plan
    most = await db.quotas.most_bandwidth(row.project_id, row.user_id)
    own = plan.config.bandwidth_bits
    if most is None or (own is not None and own <= most):
        return plan
    return msgspec.structs.replace(
        plan,
        config=msgspec.structs.replace(plan.config, bandwidth_bits=most),
        notes=[*plan.notes, f"Bandwidth: {format_rate(most)}; a quota allows no more."],
    )


def refuse_less_than_used(memory_bytes: int | None, newest: ContainerStats | None) -> None:
    """Refuse a memory limit that the kernel would enforce by ending the runtime.

    Raises:
        CommandError: ``limit_denied``.
    """
    if memory_bytes is None or newest is None:
        return
    if memory_bytes < newest.memory_usage * _ROOM:
        raise CommandError(
            ErrorCode.LIMIT_DENIED,
            f"{format_bytes(memory_bytes)} is less than the {format_bytes(newest.memory_usage)} "
            "that the session uses now: it would be ended",
            field="memory",
        )


def limits_to_json(memory_bytes: int | None, cpus: float | None) -> dict[str, object]:
    """Return limits as fields of a configuration."""
    fields: dict[str, object] = {}
    if memory_bytes is not None:
        fields["memory"] = exact_size(memory_bytes)
    if cpus is not None:
        fields["cpus"] = cpus
    return fields


def limits_note(memory_bytes: int | None, cpus: float | None) -> LineNote:
    """Return the line that says so in the log."""
    parts = [f"{format_bytes(memory_bytes)} of memory"] if memory_bytes is not None else []
    if cpus is not None:
        parts.append(f"{cpus:g} CPUs")
    return LineNote(
        ts_ns=time.time_ns(),
        level=LogLevel.INFO,
        text=f"limits changed: {' and '.join(parts)}",
        metadata={"limits": limits_to_json(memory_bytes, cpus)},
    )
