"""Where one session's lines go: to the windows at once, and into the database."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

import msgspec

from slate_desktop.agent.numbering import API_STREAM, OVERLAP_NS, ResumePoint, floor_of
from slate_desktop.agent.rategate import read_markers
from slate_desktop.bus.port import Bus
from slate_desktop.domain.logs import LogLevel, LogRecord
from slate_desktop.domain.session import RuntimeSession
from slate_desktop.errors import CommandError, NotConnectedError
from slate_desktop.store.log_writing import KNOWN_LINES
from slate_desktop.wire.events import LogEvent
from slate_desktop.wire.log_batch import batches_of
from slate_desktop.wire.subjects import EventKind, runtime

if TYPE_CHECKING:
    from slate_desktop.store import Database

_log = logging.getLogger(__name__)
_encoder = msgspec.json.Encoder()


class SessionLog:
    """The log of one attempt of a session.

    Args:
        db: the database.
        bus: the broker.
        row: the session; its attempt stands in every batch.
        epoch: of this agent process; the database refuses lines of an older one.
    """

    def __init__(self, db: Database, bus: Bus, row: RuntimeSession, epoch: int) -> None:
        self._db = db
        self._bus = bus
        self._row = row
        self._epoch = epoch
        self._subject = runtime(row.project_id, row.id, EventKind.LOGS)

    async def resume_point(self, container_id: str) -> ResumePoint:
        """Return what is stored of a runtime's log.

        Raises:
            DatabaseError: it cannot be known now.
        """
        next_seq, newest, known = await self._db.logs.resume_point(
            self._row.id, container_id, overlap_ns=OVERLAP_NS
        )
        kept_bytes, markers = await self._db.logs.run_volume(self._row.id, container_id)
        return ResumePoint(
            next_seq=next_seq,
            last_ts_ns=newest,
            known=frozenset(known),
            floor=floor_of(known, KNOWN_LINES),
            flood=msgspec.structs.replace(read_markers(markers), kept_bytes=kept_bytes),
        )

    async def publish_logs(self, records: list[LogRecord]) -> None:
        """Show lines to the windows; they read what they miss from the database."""
        batches = batches_of(records, attempt=self._row.attempt, epoch=self._epoch)
        try:
            for batch in batches:
                event = LogEvent(
                    session_id=self._row.id, project_id=self._row.project_id, data=batch
                )
                await self._bus.publish(self._subject, _encoder.encode(event))
        except NotConnectedError:
            return
        except CommandError as error:
            _log.warning("log lines could not be shown", extra={"reason": error.message})

    async def append_logs(self, records: list[LogRecord]) -> int:
        """Store lines and return the next free number; storing them again is harmless.

        Raises:
            DatabaseError: try again.
            StaleWriteError: the session is another agent process's now.
        """
        return await self._db.logs.append(self._row.id, records, epoch=self._epoch)

    async def add(self, level: LogLevel, message: str, metadata: dict[str, Any]) -> LogRecord:
        """Store and show a person's line while no runtime's log is carried.

        Raises:
            CommandError: ``not_found``.
            DatabaseError: it was not stored, or nobody knows.
        """
        line = await self._db.logs.add(self._row.id, level, message, metadata=metadata)
        record = LogRecord(
            seq=line.seq,
            container_id=API_STREAM,
            stream=line.stream,
            ts_ns=line.timestamp_ns,
            ord=0,
            level=line.level,
            message=line.message,
            metadata=line.metadata,
        )
        await self.publish_logs([record])
        return record
