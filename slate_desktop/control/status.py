"""What a status event changes in a row that a reader holds."""

from __future__ import annotations

from datetime import datetime

import msgspec

from slate_desktop.domain.session import RuntimeSession
from slate_desktop.wire.events import StatusData
from slate_desktop.wire.messages import SessionReply


def apply_status(row: RuntimeSession, data: StatusData | SessionReply) -> RuntimeSession:
    """Return the row as the event tells it; an older or unconfirmed event changes nothing.

    An unconfirmed one (the database is away) carries no version: the row stays what was stored, and
    the reader shows the event's words beside it.
    """
    if data.version is None or data.version <= row.version:
        return row
    return msgspec.structs.replace(
        row,
        status=data.status,
        version=data.version,
        attempt=data.attempt,
        exit_code=data.exit_code,
        oom_killed=data.oom_killed,
        error_code=data.error_code,
        error_message=data.error_message,
        container_id=data.container_id,
        log_complete=data.log_complete,
        started_at=_time(data.started_at),
        stopped_at=_time(data.stopped_at),
    )


def _time(text: str | None) -> datetime | None:
    if text is None:
        return None
    try:
        return datetime.fromisoformat(text)
    except ValueError:
        return None
