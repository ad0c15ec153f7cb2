"""Log lines: stored once each whatever is repeated, read in keyset pages.

Identity is ``(session_id, container_id, stream, ts_ns, ord)``: storing the same line again changes
nothing. Numbers are given by the agent that owns the session; one that a person's line took
meanwhile is passed over by giving the rest of the batch the next free numbers.
"""

from __future__ import annotations

import re
import time
from collections.abc import Sequence
from typing import Any

import msgspec
from asyncpg import exceptions as pg

from slate_desktop.domain.logs import LEVEL_ORDER, LogLevel, LogLine, LogPage, LogRecord
from slate_desktop.domain.required_text import required_text
from slate_desktop.errors import CommandError, ErrorCode, StaleWriteError
from slate_desktop.store.errors import not_found
from slate_desktop.store.port import Runner

# Above this many rows one COPY is quicker than unnest.
COPY_ABOVE_ROWS = 2_000
MAX_PAGE = 5_000
# Lines that one statement looks through where few may fit; it takes some 50 ms.
WINDOW_LINES = 100_000
# The levels that slate_runtime_logs_level holds.
PROBLEMS = frozenset({LogLevel.WARN.value, LogLevel.ERROR.value})
_NO_END = 2**62
_ESCAPE = re.compile(r"\\.|\(\?P<[^>]*>", re.DOTALL)
_ESCAPES = {r"\b": r"\y", r"\B": r"\Y"}
LogKey = tuple[str, int, int]
_LEVELS = {level.value: level for level in LogLevel}


class Logs:
    """Rows of ``slate_runtime_logs``."""

    def __init__(self, runner: Runner) -> None:
        self._run = runner

    async def append(self, session_id: str, records: Sequence[LogRecord], *, epoch: int) -> int:
        """Store lines of the session's owner; returns the number after the last stored one.

        Raises:
            StaleWriteError: a newer agent process owns the session; nothing was written.
            DatabaseError: nothing was written, or it is not known: do it again.
        """
        async with self._run.connection() as connection:
            for _ in range(3):
                try:
                    return await self._append(connection, session_id, list(records), epoch)
                except pg.UniqueViolationError:
                    records = await self._renumber(connection, session_id, records)
            return await self._append(connection, session_id, list(records), epoch)

    async def resume_point(
        self, session_id: str, container_id: str, *, overlap_ns: int
    ) -> tuple[int, dict[str, int], set[LogKey]]:
        """Return where an agent goes on with a runtime's log.

        Returns:
            The session's next free number; the newest stamp of each stream of this runtime; and
            the identities ``(stream, ts_ns, ord)`` that are not older than ``overlap_ns`` before
            the newest of their stream.
        """
        newest_seq = await self._run.value("get_max_log_seq", session_id=session_id)
        rows = await self._run.many(
            "last_log_stamps", session_id=session_id, container_id=container_id
        )
        newest = {row["stream"]: row["ts_ns"] for row in rows}
        if not newest:
            return newest_seq + 1, {}, set()
        known: set[LogKey] = set()
        for stream, ts_ns in newest.items():
            # By stream: one that fell silent long ago must not bring all lines of the others.
            keys = await self._run.many(
                "known_log_keys",
                session_id=session_id,
                container_id=container_id,
                stream=stream,
                since_ns=ts_ns - overlap_ns,
            )
            known |= {(k["stream"], k["ts_ns"], k["ord"]) for k in keys}
        return newest_seq + 1, newest, known

    async def add(
        self,
        session_id: str,
        level: LogLevel | str,
        message: str,
        *,
        metadata: dict[str, Any] | None = None,
    ) -> LogLine:
        """Add a line of a person or a script.

        Raises:
            CommandError: ``not_found`` for an unknown session, ``bad_request`` for a bad level.
        """
        level = _level(level)
        async with self._run.connection() as connection, connection.transaction():
            if await self._run.on(connection, "lock_log_owner", session_id=session_id) is None:
                raise not_found("session", "session_id")
            row = await self._run.on(
                connection,
                "add_log",
                session_id=session_id,
                ts_ns=time.time_ns(),
                level=level.value,
                message=message,
                metadata=metadata or None,
            )
        return _line(row)

    async def page(
        self,
        session_id: str,
        *,
        before_seq: int | None = None,
        after_seq: int | None = None,
        limit: int = 1_000,
        level: LogLevel | str | None = None,
        grep: str | None = None,
        since_ns: int | None = None,
        until_ns: int | None = None,
    ) -> LogPage:
        """Return a page in rising ``seq``: the newest lines, or those before or after a number.

        Args:
            session_id: which session.
            before_seq: lines older than this one.
            after_seq: lines newer than this one.
            limit: 1 to 5,000 lines.
            level: this level and weightier ones only.
            grep: lines that hold this text, without regard to case.
            since_ns: from this time on, UTC nanoseconds.
            until_ns: before this time, UTC nanoseconds.
        """
        limit = max(1, min(limit, MAX_PAGE))
        levels = _levels_from(level)
        filters = {
            "session_id": session_id,
            "levels": levels,
            "text": None if grep is None else f"%{_escape_like(grep)}%",
            "since_ns": since_ns,
            "until_ns": until_ns,
        }
        # Warnings and errors have an index of their own; all else is read along the numbers, and
        # only a bounded number of lines at once where most of them may not fit.
        is_indexed = levels is not None and PROBLEMS.issuperset(levels)
        what = "page_problems" if is_indexed else "page_logs"
        window = _NO_END if is_indexed or (levels is None and grep is None) else WINDOW_LINES
        if after_seq is not None:
            rows = await self._rows_after(f"{what}_after", after_seq, window, limit + 1, filters)
            lines = [_line(row) for row in rows[:limit]]
            return LogPage(lines=lines, has_older=after_seq > 0, has_newer=len(rows) > limit)
        rows = await self._rows_before(f"{what}_before", before_seq, window, limit + 1, filters)
        lines = [_line(row) for row in reversed(rows[:limit])]
        return LogPage(lines=lines, has_older=len(rows) > limit, has_newer=before_seq is not None)

    async def search(
        self, session_id: str, first: int, last: int, pattern: str, *, is_regex: bool
    ) -> list[tuple[int, str | None]]:
        """Return the numbers of lines that match in any case, rising.

        Lines with escape sequences come with their text, whether they match or not: what a person
        sees of them is known to the reader alone.

        Raises:
            CommandError: ``bad_request`` for an expression that PostgreSQL does not understand.
        """
        query, text, part = "find_log_text", pattern, ""
        if is_regex or not pattern.isascii():
            # lower() knows ASCII alone in a database of the C locale.
            query, text = "find_log_expression", _expression(pattern, is_regex=is_regex)
            # A text is found in a third of the time that an expression takes.
            part = required_text(pattern) if is_regex else ""
        rows = await self._run.many(
            query, session_id=session_id, first=first, last=last, text=text, part=part
        )
        return [(row["seq"], row["message"]) for row in rows]

    async def find_at(self, session_id: str, ts_ns: int) -> int | None:
        """Return the number of the first line at or after a time, UTC nanoseconds."""
        return await self._run.value("find_log_at", session_id=session_id, ts_ns=ts_ns)

    async def problem_density(
        self, session_id: str, first: int, last: int, buckets: int
    ) -> dict[LogLevel, dict[int, int]]:
        """Return how many warnings and errors lie in each equal part of ``first`` to ``last``."""
        counts: dict[LogLevel, dict[int, int]] = {LogLevel.WARN: {}, LogLevel.ERROR: {}}
        if last < first:
            return counts
        rows = await self._run.many(
            "list_problem_density",
            session_id=session_id,
            first=float(first),
            last=float(last + 1),
            buckets=buckets,
        )
        for row in rows:
            counts[_LEVELS[row["level"]]][row["bucket"]] = row["lines"]
        return counts

    async def _rows_before(
        self, query: str, before: int | None, window: int, limit: int, filters: dict[str, Any]
    ) -> list[Any]:
        end: int = _NO_END if before is None else before
        if before is None and window != _NO_END:
            end = await self._run.value("get_max_log_seq", session_id=filters["session_id"]) + 1
        rows: list[Any] = []
        while len(rows) < limit and end > 1:
            floor = max(1, end - window)
            rows += await self._run.many(
                query, before=end, floor=floor, limit=limit - len(rows), **filters
            )
            end = floor
        return rows

    async def _rows_after(
        self, query: str, after: int, window: int, limit: int, filters: dict[str, Any]
    ) -> list[Any]:
        newest = _NO_END
        if window != _NO_END:
            newest = await self._run.value("get_max_log_seq", session_id=filters["session_id"])
        rows: list[Any] = []
        while len(rows) < limit and after < newest:
            ceiling = min(newest, after + window)
            rows += await self._run.many(
                query, after=after, ceiling=ceiling, limit=limit - len(rows), **filters
            )
            after = ceiling
        return rows

    async def _append(
        self, connection: Any, session_id: str, records: list[LogRecord], epoch: int
    ) -> int:
        async with connection.transaction():
            owner = await self._run.on(connection, "lock_log_owner", session_id=session_id)
            if owner is None or owner["agent_epoch"] != epoch:
                raise StaleWriteError("Another agent process owns this session's log.")
            if len(records) > COPY_ABOVE_ROWS:
                await self._run.on(connection, "make_log_stage")
                await connection.copy_records_to_table(
                    "slate_log_stage", records=[_copy_row(r) for r in records]
                )
                await self._run.on(connection, "insert_staged_logs", session_id=session_id)
            elif records:
                await self._run.on(
                    connection, "insert_logs", session_id=session_id, **_columns(records)
                )
        return records[-1].seq + 1 if records else 0

    async def _renumber(
        self, connection: Any, session_id: str, records: Sequence[LogRecord]
    ) -> list[LogRecord]:
        """Give lines that are not stored yet the numbers after the newest stored one."""
        newest = await self._run.on(connection, "get_max_log_seq", session_id=session_id)
        known: set[tuple[str, str, int, int]] = set()
        for container_id, stream in {(r.container_id, r.stream) for r in records}:
            stamps = [
                r.ts_ns for r in records if (r.container_id, r.stream) == (container_id, stream)
            ]
            keys = await self._run.on(
                connection,
                "known_log_keys",
                session_id=session_id,
                container_id=container_id,
                stream=stream,
                since_ns=min(stamps),
            )
            known |= {(container_id, k["stream"], k["ts_ns"], k["ord"]) for k in keys}
        fresh = [r for r in records if (r.container_id, r.stream, r.ts_ns, r.ord) not in known]
        first = max(newest + 1, fresh[0].seq) if fresh else newest + 1
        return [msgspec.structs.replace(r, seq=first + i) for i, r in enumerate(fresh)]


def _columns(records: list[LogRecord]) -> dict[str, list[Any]]:
    return {
        "seqs": [r.seq for r in records],
        "containers": [r.container_id for r in records],
        "streams": [r.stream for r in records],
        "stamps": [r.ts_ns for r in records],
        "ords": [r.ord for r in records],
        "levels": [r.level.value for r in records],
        "messages": [r.message for r in records],
        "partials": [r.partial for r in records],
        "metadata": [
            msgspec.json.encode(r.metadata).decode() if r.metadata else None for r in records
        ],
    }


def _copy_row(r: LogRecord) -> tuple[Any, ...]:
    return (
        r.seq,
        r.container_id,
        r.stream,
        r.ts_ns,
        r.ord,
        r.level.value,
        r.message,
        r.partial,
        r.metadata or None,
    )


def _line(row: Any) -> LogLine:
    # By position and by table: a page of 200 lines is half as quick by name.
    seq, ts_ns, level, message, stream, partial, metadata = row.values()
    return LogLine(
        seq=seq,
        timestamp_ns=ts_ns,
        level=_LEVELS[level],
        message=message,
        stream=stream,
        partial=partial,
        metadata=metadata or {},
    )


def _level(level: LogLevel | str) -> LogLevel:
    try:
        return LogLevel(level)
    except ValueError as exc:
        raise CommandError(
            ErrorCode.BAD_REQUEST,
            f"level must be one of: {', '.join(LogLevel)}",
            field="level",
        ) from exc


def _levels_from(level: LogLevel | str | None) -> list[str] | None:
    if level is None:
        return None
    least = LEVEL_ORDER[_level(level)]
    return [name.value for name, order in LEVEL_ORDER.items() if order >= least]


def _expression(pattern: str, *, is_regex: bool) -> str:
    r"""Return an expression of Python as one of PostgreSQL, which calls ``\b`` ``\y``.

    Source: https://www.postgresql.org/docs/current/functions-matching.html, 9.7.3.3
    """
    if not is_regex:
        pattern = re.escape(pattern)
        return "".join(_any_case(char) for char in pattern)
    return _ESCAPE.sub(_spelling, pattern)


def _spelling(found: re.Match[str]) -> str:
    return "(" if found[0].startswith("(") else _ESCAPES.get(found[0], found[0])


def _any_case(char: str) -> str:
    lower, upper = char.lower(), char.upper()
    is_one = len(lower) == len(upper) == 1 and lower != upper
    return f"[{lower}{upper}]" if is_one and not char.isascii() else char


def _escape_like(text: str) -> str:
    return text.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
