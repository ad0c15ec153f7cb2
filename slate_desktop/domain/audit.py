"""The audit trail as values: what was asked by whom, of what, and how it ended."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable
from datetime import UTC, datetime

import msgspec

from slate_desktop.translation import message

OK = "ok"
NO_ANSWER = "no_answer"
MAX_TEXT = 500
CSV_HEADER = (
    "id", "recorded_at", "asked_at", "ended_at", "project", "project_id", "person", "user_id",
    "action", "target", "detail", "agent", "result", "message",
)  # fmt: skip


class AuditEntry(msgspec.Struct, frozen=True, kw_only=True):
    """One row of the trail.

    Attributes:
        action: what was asked, such as ``session.start``.
        target: of what: the id of a session, build, asset job, person or host.
        project_id: empty for what concerns a host; ``user_id`` for the server's administrator.
        detail: what else tells one command from another, such as what was executed.
        asked_at: by the clock of the one who asked; ``recorded_at`` is the database's.
        code: ``ok`` or the code of the error; None while it is under way.
        is_unanswered: it has no end, and the agent that would tell it is away: it never got the
            command, or died with it.
    """

    id: int
    project_id: str
    project_name: str
    user_id: str
    user_name: str
    agent_id: str
    action: str
    target: str
    detail: str
    asked_at: datetime
    recorded_at: datetime
    code: str | None
    message: str
    ended_at: datetime | None
    is_unanswered: bool = False

    @property
    def result(self) -> str:
        """The code in a word that also stands for none."""
        if self.code == NO_ANSWER or (self.code is None and self.is_unanswered):
            return message("no answer")
        return self.code or message("under way")


class AuditCommand(msgspec.Struct, frozen=True, kw_only=True):
    """What is noted before a command has its effect."""

    project_id: str
    user_id: str
    signer: str
    idem: str
    action: str
    target: str
    asked_at: datetime
    detail: str = ""


def moment_of_ms(milliseconds: int) -> datetime:
    """Return a time given as UTC milliseconds since the epoch."""
    return datetime.fromtimestamp(milliseconds / 1000, UTC)


def to_csv(entries: Iterable[AuditEntry]) -> str:
    """Return entries as a table for spreadsheets, which take no cell for a formula.

    Source: https://owasp.org/www-community/attacks/CSV_Injection
    """
    out = io.StringIO()
    writer = csv.writer(out)
    writer.writerow(CSV_HEADER)
    for entry in entries:
        cells = (
            str(entry.id), _time(entry.recorded_at), _time(entry.asked_at), _time(entry.ended_at),
            entry.project_name, entry.project_id, entry.user_name, entry.user_id, entry.action,
            entry.target, entry.detail, entry.agent_id, entry.result, entry.message,
        )  # fmt: skip
        writer.writerow([_harmless(cell) for cell in cells])
    return out.getvalue()


def _time(moment: datetime | None) -> str:
    return "" if moment is None else moment.astimezone(UTC).isoformat(timespec="milliseconds")


def _harmless(cell: str) -> str:
    return f"'{cell}" if cell.startswith(("=", "+", "-", "@", "\t", "\r")) else cell
