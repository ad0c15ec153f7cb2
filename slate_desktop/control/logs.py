"""Operations on stored log lines."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator
from typing import TYPE_CHECKING, Any

from slate_desktop.control.operations import Operations
from slate_desktop.control.requests import REPLY_TIMEOUT_S
from slate_desktop.domain.ids import check_id, new_id
from slate_desktop.domain.logs import LogLevel, LogLine, LogPage
from slate_desktop.domain.session import RuntimeSession
from slate_desktop.errors import (
    AgentOfflineError,
    CommandError,
    ErrorCode,
    OutcomeUnknownError,
)
from slate_desktop.wire.subjects import agent_request

if TYPE_CHECKING:
    from slate_desktop.wire.agent_messages import AddLineRequest

MAX_PAGE_LINES = 5000
# A line is asked for under one key until it is answered: too many at once only take longer.
_ASK_AGAIN = frozenset({ErrorCode.RATE_LIMITED, ErrorCode.IN_PROGRESS})
_ASK_AGAIN_S = 0.1
_ADD_WITHIN_S = 10.0
# A batch reaches windows and the database at once: the first look may be too early.
_LOOKS_S = (0.0, 0.1, 0.5, 2.0)
_COMPLETE_WITHIN_S = 3.0


class LogOperations(Operations):
    """The part of ``Slate`` that reads and adds log lines."""

    async def add_runtime_log(
        self,
        session_id: str,
        message: str,
        *,
        level: LogLevel | str = LogLevel.INFO,
        metadata: dict[str, Any] | None = None,
    ) -> LogLine:
        """Store a line of one's own in a session's log, where every window sees it at once.

        The session's agent numbers the line among those that it has shown and not yet stored; while
        it does not answer, or where a session never had one, the line goes to the database.

        Raises:
            CommandError: ``not_found``, or ``bad_request`` for a bad level, message or metadata.
            OutcomeUnknownError: nobody knows whether the line was added.
        """
        from slate_desktop.wire.agent_messages import make_add_line, write_add_line

        request = make_add_line(session_id, message, level, metadata)
        body = write_add_line(request)
        row = await self.db.sessions.get(request.session_id)
        line = None
        if row.agent_id is not None:
            line = await self._add_through_agent(row.agent_id, request, body)
        if line is None:
            line = await self.db.logs.add(
                request.session_id, request.level, request.message, metadata=request.metadata
            )
        self._log_added.emit(session_id)
        return line

    async def _add_through_agent(
        self, agent_id: str, request: AddLineRequest, body: bytes
    ) -> LogLine | None:
        """Return the line as the agent stored it; None while that agent does not answer."""
        from slate_desktop.wire.agent_messages import LineReply

        seen = self.events.agents.get(agent_id)
        if seen is not None and not seen.is_live:
            return None
        subject, idem = agent_request(agent_id), new_id()
        deadline = time.monotonic() + _ADD_WITHIN_S
        while True:
            try:
                reply = await self.requester.send(
                    subject, body, LineReply, agent_id, idem, REPLY_TIMEOUT_S
                )
            except AgentOfflineError:
                return None
            except (CommandError, TimeoutError) as error:
                may_pass = isinstance(error, TimeoutError) or error.code in _ASK_AGAIN
                if not may_pass:
                    raise
                if time.monotonic() >= deadline:
                    raise OutcomeUnknownError(
                        "The agent did not say in time whether it added the line.", idem=idem
                    ) from error
                await asyncio.sleep(_ASK_AGAIN_S)
            else:
                return LogLine(
                    seq=reply.seq,
                    timestamp_ns=reply.timestamp_ns,
                    stream=reply.stream,
                    level=request.level,
                    message=request.message,
                    metadata=request.metadata,
                )

    async def get_runtime_logs(
        self,
        session_id: str,
        *,
        limit: int = 1000,
        before: int | None = None,
        after: int | None = None,
        min_level: LogLevel | str | None = None,
        text: str | None = None,
        is_regex: bool = False,
        since_ns: int | None = None,
        until_ns: int | None = None,
    ) -> LogPage:
        """Return a page of stored lines in rising ``seq``.

        Args:
            session_id: the session.
            limit: lines at most, up to 5,000.
            before: only lines with a smaller ``seq`` (the newest of them).
            after: only lines with a larger ``seq`` (the oldest of them).
            min_level: this level and heavier ones.
            text: only lines that contain it, in any case.
            is_regex: ``text`` is a regular expression that lines must match, in any case.
            since_ns: only lines from this moment on, UTC nanoseconds since the epoch.
            until_ns: only lines before this moment.

        Raises:
            CommandError: ``bad_request``.
        """
        if before is not None and after is not None:
            raise CommandError(
                ErrorCode.BAD_REQUEST, "A page lies before or after a number.", field="before"
            )
        return await self.db.logs.page(
            check_id(session_id, "session_id"),
            before_seq=before,
            after_seq=after,
            limit=limit,
            level=min_level,
            grep=text,
            is_regex=is_regex,
            since_ns=since_ns,
            until_ns=until_ns,
        )

    async def search_runtime_logs(
        self, session_id: str, first: int, last: int, pattern: str, *, is_regex: bool = False
    ) -> list[tuple[int, str | None]]:
        """Return the numbers of stored lines from ``first`` to ``last`` that match in any case.

        Lines with terminal colours come with their text, whether they match or not; ``LogSearch``
        sorts them out, and looks through a whole log in windows.

        Raises:
            CommandError: ``bad_request`` for an expression that the database does not understand.
        """
        return await self.db.logs.search(
            check_id(session_id, "session_id"), first, last, pattern, is_regex=is_regex
        )

    async def find_runtime_log_at(self, session_id: str, timestamp_ns: int) -> int | None:
        """Return the number of the first line at or after a moment, None where there is none.

        Args:
            session_id: the session.
            timestamp_ns: UTC nanoseconds since the epoch.
        """
        return await self.db.logs.find_at(check_id(session_id, "session_id"), timestamp_ns)

    async def get_problem_density(
        self, session_id: str, first: int, last: int, buckets: int = 256
    ) -> dict[LogLevel, dict[int, int]]:
        """Return how many warnings and errors lie in each equal part of a span of lines.

        Args:
            session_id: the session.
            first: the first line's number.
            last: the last line's number.
            buckets: the number of parts, 1 to 4,096.

        Raises:
            CommandError: ``bad_request``.
        """
        if not 1 <= buckets <= 4_096:
            raise CommandError(
                ErrorCode.BAD_REQUEST, "buckets must be from 1 to 4096.", field="buckets"
            )
        return await self.db.logs.problem_density(
            check_id(session_id, "session_id"), first, last, buckets
        )

    async def follow_runtime_logs(
        self,
        session_id: str,
        *,
        after: int = 0,
        min_level: LogLevel | str | None = None,
        text: str | None = None,
        is_regex: bool = False,
    ) -> AsyncIterator[list[LogLine]]:
        """Yield batches of lines with ``seq`` above ``after``, without holes, until the end.

        The iterator ends when the session has ended and its log is complete. Lines come from the
        database; events only say when to look.
        """
        row = await self.db.sessions.get(check_id(session_id, "session_id"))
        news = asyncio.Event()
        subscription = await self.events.follow_logs(row.project_id, row.id, lambda _: news.set())
        end_status = self.events.on_status(lambda _: news.set(), row.id)
        try:
            look = 0
            ended_for_s = 0.0
            while True:
                news.clear()
                row = await self.db.sessions.get(session_id)
                count = 0
                while True:
                    lines, after, has_more = await self._lines_after(
                        session_id, after, min_level, text, is_regex
                    )
                    if lines:
                        count += len(lines)
                        yield lines
                    if not has_more:
                        break
                if _is_over(row, ended_for_s) and not count:
                    return
                wait_s = _LOOKS_S[look]
                ended_for_s = ended_for_s + wait_s if row.is_final else 0.0
                is_told = await _is_set_within(news, wait_s)
                look = 1 if is_told or count else min(look + 1, len(_LOOKS_S) - 1)
        finally:
            end_status()
            await subscription.unsubscribe()

    async def _lines_after(
        self,
        session_id: str,
        after: int,
        min_level: LogLevel | str | None,
        text: str | None,
        is_regex: bool,
    ) -> tuple[list[LogLine], int, bool]:
        """Return a page, up to where was looked, and whether more is there."""
        is_filtered = min_level is not None or text is not None
        newest = after
        if is_filtered:
            # What the filter leaves out must not be looked at again the next time.
            last = await self.get_runtime_logs(session_id, limit=1)
            newest = last.lines[-1].seq if last.lines else after
        page = await self.get_runtime_logs(
            session_id,
            limit=MAX_PAGE_LINES,
            after=after,
            min_level=min_level,
            text=text,
            is_regex=is_regex,
        )
        if page.lines:
            after = page.lines[-1].seq
        if not page.has_newer:
            after = max(after, newest)
        return page.lines, after, page.has_newer


def _is_over(row: RuntimeSession, ended_for_s: float) -> bool:
    """Tell whether no line can come any more; a log that broke off is given a little time."""
    return row.is_final and (row.log_complete or ended_for_s >= _COMPLETE_WITHIN_S)


async def _is_set_within(event: asyncio.Event, timeout_s: float) -> bool:
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(timeout_s):
            await event.wait()
    return event.is_set()
