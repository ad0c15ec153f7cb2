"""How the agent stores lines: each once whatever is repeated, in order, by the session's owner.

Identity is ``(session_id, container_id, stream, ts_ns, ord)``: storing the same line again changes
nothing. Numbers are given by the agent that owns the session; one that a person's line took
meanwhile is passed over by giving the rest of the batch the next free numbers.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec
from asyncpg import exceptions as pg

from slate_desktop.domain.logs import LogLevel, LogRecord
from slate_desktop.errors import StaleWriteError
from slate_desktop.store.port import Runner

# Above this many rows one COPY is quicker than unnest, for the server and for the client.
COPY_ABOVE_ROWS = 200
# What is older than so many lines of its stream is stored: in a flood, five seconds are a million.
KNOWN_LINES = 50_000
# So many tell of floods that may reach into what an agent reads again.
DROP_MARKERS = 20
LogKey = tuple[str, int, int]
_COPIED = (
    "session_id",
    "seq",
    "container_id",
    "stream",
    "ts_ns",
    "ord",
    "level",
    "message",
    "partial",
    "metadata",
)
# By table: the property of an enumeration takes as long as the rest of a row.
_LEVELS = {level: level.value for level in LogLevel}
# Lines of the agent and of persons: no run's limit counts them.
_API_STREAM = "api"
_OWN_STREAMS = frozenset({"slate", _API_STREAM})


class LogWriting:
    """What an agent does with rows of ``slate_runtime_logs``."""

    def __init__(self, runner: Runner) -> None:
        self._run = runner
        # Half of what the way over a stage costs the server.
        self._copies_straight = True

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
            the newest of their stream, the newest ``KNOWN_LINES`` of each at most.
        """
        newest_seq = await self._run.value("get_max_log_seq", session_id=session_id)
        rows = await self._run.many(
            "list_log_positions", session_id=session_id, container_id=container_id
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
                until_ns=ts_ns,
                limit=KNOWN_LINES,
            )
            known |= {(k["stream"], k["ts_ns"], k["ord"]) for k in keys}
        return newest_seq + 1, newest, known

    async def run_volume(
        self, session_id: str, container_id: str
    ) -> tuple[int, list[tuple[int, dict[str, Any]]]]:
        """Return what limits of floods go on with.

        Returns:
            Bytes of the runtime's lines that the session's current run has stored; and the newest
            lines that tell of dropped ones, newest first, as ``ord`` and metadata.
        """
        size = await self._run.value("get_log_volume", session_id=session_id)
        rows = await self._run.many(
            "list_drop_markers",
            session_id=session_id,
            container_id=container_id,
            limit=DROP_MARKERS,
        )
        return size or 0, [(row["ord"], row["metadata"]) for row in rows]

    async def _append(
        self, connection: Any, session_id: str, records: list[LogRecord], epoch: int
    ) -> int:
        async with connection.transaction():
            owner = await self._run.on(connection, "lock_log_owner", session_id=session_id)
            if owner is None or owner["agent_epoch"] != epoch:
                raise StaleWriteError("Another agent process owns this session's log.")
            if not records:
                return 0
            if len(records) > COPY_ABOVE_ROWS:
                told = await self._copy(connection, session_id, records)
            else:
                told = await self._run.on(
                    connection, "insert_logs", session_id=session_id, **_columns(records)
                )
            # "INSERT 0 <rows>". Of a batch that was partly there nearly all is, or nearly nothing.
            stored = int(told.rpartition(" ")[2])
            await self._run.on(
                connection,
                "note_log_batch",
                session_id=session_id,
                attempt=owner["attempt"],
                bytes=_volume(records) * stored // len(records),
                **_positions(records),
            )
        return records[-1].seq + 1

    async def _copy(self, connection: Any, session_id: str, records: list[LogRecord]) -> str:
        """Copy a big batch; returns what the server says, which ends with the rows stored."""
        rows = _copy_rows(session_id, records)
        if self._copies_straight:
            try:
                async with connection.transaction():
                    return await connection.copy_records_to_table(
                        "slate_runtime_logs", records=rows, columns=_COPIED
                    )
            except pg.UniqueViolationError:
                pass  # some of them are there: COPY itself cannot skip those
            except pg.FeatureNotSupportedError:
                self._copies_straight = False  # rules for rows are on
        await self._run.on(connection, "make_log_stage")
        await connection.copy_records_to_table("slate_log_stage", records=rows, columns=_COPIED)
        return await self._run.on(connection, "insert_staged_logs")

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
                until_ns=max(stamps),
                limit=None,
            )
            known |= {(container_id, k["stream"], k["ts_ns"], k["ord"]) for k in keys}
        fresh = [r for r in records if (r.container_id, r.stream, r.ts_ns, r.ord) not in known]
        first = max(newest + 1, fresh[0].seq) if fresh else newest + 1
        return [msgspec.structs.replace(r, seq=first + i) for i, r in enumerate(fresh)]


def _volume(records: list[LogRecord]) -> int:
    return sum(
        len(r.message) if r.message.isascii() else len(r.message.encode())
        for r in records
        if r.stream not in _OWN_STREAMS
    )


def _positions(records: list[LogRecord]) -> dict[str, list[Any]]:
    """Return the newest time of each stream, of a runtime's own lines and the agent's."""
    newest: dict[tuple[str, str], int] = {}
    for r in records:
        key = (r.container_id, r.stream)
        if r.ts_ns > newest.get(key, -1):
            newest[key] = r.ts_ns
    newest = {key: ts_ns for key, ts_ns in newest.items() if key[1] != _API_STREAM}
    return {
        "containers": [container_id for container_id, _ in newest],
        "streams": [stream for _, stream in newest],
        "stamps": list(newest.values()),
    }


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


def _copy_rows(session_id: str, records: list[LogRecord]) -> list[tuple[Any, ...]]:
    levels = _LEVELS
    return [
        (
            session_id,
            r.seq,
            r.container_id,
            r.stream,
            r.ts_ns,
            r.ord,
            levels[r.level],
            r.message,
            r.partial,
            r.metadata or None,
        )
        for r in records
    ]
