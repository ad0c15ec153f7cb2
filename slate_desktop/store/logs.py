"""Log lines as they are read: in keyset pages, by search, by time; and a person's own lines."""

from __future__ import annotations

import re
import time
from typing import Any

from slate_desktop.domain.logs import LEVEL_ORDER, LogLevel, LogLine, LogPage
from slate_desktop.domain.required_text import required_text
from slate_desktop.errors import CommandError, ErrorCode
from slate_desktop.store.errors import not_found
from slate_desktop.store.log_writing import LogWriting

MAX_PAGE = 5_000
# Lines that one statement looks through where few may fit; it takes some 50 ms.
WINDOW_LINES = 100_000
# The levels that slate_runtime_logs_level holds.
PROBLEMS = frozenset({LogLevel.WARN.value, LogLevel.ERROR.value})
_NO_END = 2**62
_ESCAPE = re.compile(r"\\.|\(\?P<[^>]*>", re.DOTALL)
_ESCAPES = {r"\b": r"\y", r"\B": r"\Y"}
_LEVELS = {level.value: level for level in LogLevel}


class Logs(LogWriting):
    """Rows of ``slate_runtime_logs``; what the agent does with them is in ``LogWriting``."""

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
        is_regex: bool = False,
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
            is_regex: ``grep`` is a regular expression.
            since_ns: from this time on, UTC nanoseconds.
            until_ns: before this time, UTC nanoseconds.

        Raises:
            CommandError: ``bad_request`` for an expression that PostgreSQL does not understand.
        """
        limit = max(1, min(limit, MAX_PAGE))
        levels = _levels_from(level)
        filters = {
            "session_id": session_id,
            "levels": levels,
            "text": None if grep is None or is_regex else f"%{_escape_like(grep)}%",
            "regex": _expression(grep, is_regex=True) if is_regex and grep else None,
            "part": required_text(grep) if is_regex and grep else "",
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
