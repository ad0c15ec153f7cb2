"""Quotas: how much a project, or a person in all projects, may take at once.

Owners limit their projects, administrators limit projects and people; the least of what is set
holds. The database keeps to them (``migrations/019_quotas.sql``); here they are values and words.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from enum import StrEnum
from typing import Any

import msgspec

from slate_desktop.domain.fields import MAX_BANDWIDTH, MIN_BANDWIDTH
from slate_desktop.domain.sizes import format_bytes, format_rate, parse_rate, parse_size
from slate_desktop.errors import CommandError, ErrorCode, Retry
from slate_desktop.translation import message


class Scope(StrEnum):
    """What a quota is of."""

    PROJECT = "project"
    PERSON = "person"


class Level(StrEnum):
    """Who sets it, and may raise it."""

    ADMINISTRATOR = "administrator"
    OWNER = "owner"


class Limit(StrEnum):
    """What is limited, as the columns are called; the order in which lists show them."""

    SESSIONS = "sessions"
    MEMORY = "memory_bytes"
    CPUS = "cpus"
    BUILDS = "builds"
    DISK = "disk_bytes"
    BANDWIDTH = "bandwidth_bits"


_IN_BYTES = frozenset({Limit.MEMORY, Limit.DISK})
_WHOLE = frozenset({Limit.SESSIONS, Limit.BUILDS})
MAX_COUNT, MAX_CPUS, MAX_BYTES = 1_000_000, 1_000_000.0, 2**60
_BOUNDS = {Limit.CPUS: (0, MAX_CPUS), Limit.BANDWIDTH: (MIN_BANDWIDTH, MAX_BANDWIDTH)}


class Quota(msgspec.Struct, frozen=True, kw_only=True):
    """One row of ``slate_quotas``; None for no limit.

    Attributes:
        scope: what ``subject_id`` is.
        subject_id: a project's or a person's id.
        level: who set it.
        sessions: at once.
        memory_bytes: of running containers and builds in sum.
        cpus: of running containers in sum.
        builds: at once.
        disk_bytes: of synchronised files, results of assets and artifacts.
        bandwidth_bits: per second, of each container: what it sends, and what it receives.
        set_by: the name of the person who set it.
    """

    scope: Scope
    subject_id: str
    level: Level
    sessions: int | None = None
    memory_bytes: int | None = None
    cpus: float | None = None
    builds: int | None = None
    disk_bytes: int | None = None
    bandwidth_bits: int | None = None
    set_by: str = ""


class QuotaUse(msgspec.Struct, frozen=True, kw_only=True):
    """What is taken now of what is limited in sum; units as in ``Quota``."""

    sessions: int = 0
    memory_bytes: int = 0
    cpus: float = 0.0
    builds: int = 0
    disk_bytes: int = 0


class QuotaLine(msgspec.Struct, frozen=True, kw_only=True):
    """One limit as lists show it: what is taken, and the least that was set, with who set that.

    Nothing is taken of what each container has for itself.
    """

    limit: Limit
    used: float
    most: float | None = None
    level: Level | None = None
    set_by: str = ""

    @property
    def is_reached(self) -> bool:
        """Whether nothing is left."""
        return self.most is not None and self.used >= self.most


def lines_of(quotas: Sequence[Quota], use: QuotaUse) -> list[QuotaLine]:
    """Return a line for every limit, with the least quota of each."""
    lines = []
    for limit in Limit:
        name, used = limit.value, float(getattr(use, limit.value, 0))
        set_ones = [quota for quota in quotas if getattr(quota, name) is not None]
        if set_ones:
            least = min(set_ones, key=lambda quota: getattr(quota, name))
            line = QuotaLine(
                limit=limit,
                used=used,
                most=float(getattr(least, name)),
                level=least.level,
                set_by=least.set_by,
            )
        else:
            line = QuotaLine(limit=limit, used=used)
        lines.append(line)
    return lines


def format_amount(limit: Limit, amount: float) -> str:
    """Return an amount for people."""
    if limit is Limit.BANDWIDTH:
        return format_rate(amount)
    return format_bytes(amount) if limit in _IN_BYTES else f"{amount:g}"


def format_used(line: QuotaLine) -> str:
    """Return what is taken for people; empty for what is not limited in sum."""
    return "" if line.limit is Limit.BANDWIDTH else format_amount(line.limit, line.used)


def read_amount(limit: Limit, text: str) -> float | None:
    """Return what a person wrote as a limit; None for ``none``, which takes the limit away.

    Raises:
        CommandError: ``bad_request``, with what would be right.
    """
    text = text.strip().lower()
    if text == "none":
        return None
    try:
        if limit is Limit.BANDWIDTH:
            amount: float = parse_rate(text)
        elif limit in _IN_BYTES:
            amount = parse_size(text)
        else:
            amount = int(text) if limit in _WHOLE else float(text)
    except ValueError:
        raise _bad(limit, text) from None
    least, most = _BOUNDS.get(limit, (0, MAX_BYTES if limit in _IN_BYTES else MAX_COUNT))
    if not least <= amount <= most:
        raise _bad(limit, text)
    return amount


def _bad(limit: Limit, text: str) -> CommandError:
    if limit is Limit.BANDWIDTH:
        words = f"{text!r} is no rate for a quota: write one such as 50mbit, or none."
    elif limit in _IN_BYTES:
        words = f"{text!r} is no size for a quota: write one such as 64g, or none."
    else:
        words = f"{text!r} is no number for a quota: write one such as 4, or none."
    return CommandError(ErrorCode.BAD_REQUEST, words, field=limit.value)


def words_of(facts: Mapping[str, Any]) -> str:
    """Return the sentence for a quota that something would break.

    Args:
        facts: ``scope``, ``name``, ``level``, ``quota``, ``limit``, ``used``, ``asked`` as the
            database tells them.
    """
    limit = Limit(facts["quota"])
    name = str(facts.get("name") or "?")
    most = format_amount(limit, facts["limit"])
    used, asked = format_amount(limit, facts["used"]), format_amount(limit, facts["asked"])
    match limit:
        case Limit.SESSIONS:
            words = message(f"{name} may run {most} sessions at once, and {used} run.")
            if (most, used) == ("1", "1"):
                words = message(f"{name} may run 1 session at once, and 1 runs.")
        case Limit.MEMORY:
            words = message(
                f"{name} may hold {most} of memory in sum; {used} are held, and this asks for"
                f" {asked}."
            )
        case Limit.CPUS:
            words = message(
                f"{name} may hold {most} CPUs in sum; {used} are held, and this asks for {asked}."
            )
        case Limit.BUILDS:
            words = message(f"{name} may run {most} builds at once, and {used} run.")
            if (most, used) == ("1", "1"):
                words = message(f"{name} may run 1 build at once, and 1 runs.")
        case Limit.DISK:
            words = message(f"{name} may keep {most} of files, and {used} are kept.")
        case Limit.BANDWIDTH:
            raise ValueError("nothing is refused for its bandwidth")
    return words


def who_can_raise(facts: Mapping[str, Any]) -> str:
    """Return who can raise the quota, as a sentence."""
    if facts["level"] == Level.OWNER:
        return message("An owner of the project can raise this quota.")
    return message("An administrator of the server can raise this quota.")


def refusal_of(facts: Mapping[str, Any]) -> CommandError:
    """Return the refusal of what would break a quota."""
    return CommandError(
        ErrorCode.QUOTA_EXCEEDED,
        words_of(facts),
        retry=Retry.LATER,
        details=dict(facts),
        hint=who_can_raise(facts),
    )


def waiting_words(facts: Mapping[str, Any]) -> str:
    """Return why a queued build waits for a quota, and who can raise that."""
    return f"{words_of(facts)} {who_can_raise(facts)}"
