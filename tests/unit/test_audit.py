"""The audit trail: what is noted of a command, and the table that spreadsheets read."""

from __future__ import annotations

import csv
import io
from datetime import UTC, datetime

from slate_desktop.agent.audit import clipped
from slate_desktop.domain.audit import CSV_HEADER, MAX_TEXT, AuditEntry, to_csv
from slate_desktop.wire.keys import SigningKey

NOON = datetime(2026, 11, 26, 12, 0, 0, 250_000, UTC)


def entry(**more: object) -> AuditEntry:
    fields: dict[str, object] = {
        "id": 7, "project_id": "p", "project_name": "pong", "user_id": "u", "user_name": "Anna",
        "agent_id": "a", "action": "session.start", "target": "s", "detail": "", "asked_at": NOON,
        "recorded_at": NOON, "code": "ok", "message": "", "ended_at": NOON,
    }  # fmt: skip
    return AuditEntry(**(fields | more))  # type: ignore[arg-type]


def test_a_table_holds_every_field_and_no_formula() -> None:
    hostile = '=HYPERLINK("http://x","y")'
    text = to_csv([entry(detail=hostile, user_name="@cmd", code=None, ended_at=None)])
    header, row = list(csv.reader(io.StringIO(text)))
    assert tuple(header) == CSV_HEADER
    found = dict(zip(header, row, strict=True))
    assert found["detail"] == f"'{hostile}"
    assert found["person"] == "'@cmd"
    assert found["result"] == "under way"
    assert found["ended_at"] == ""
    assert found["recorded_at"] == "2026-11-26T12:00:00.250+00:00"


def test_what_is_noted_holds_no_secret_and_is_bounded() -> None:
    seed = SigningKey.generate().seed
    noted = clipped(f"login --password=hunter2 {seed}\x00 " + "x" * 1000)
    assert "hunter2" not in noted
    assert seed not in noted
    assert "\x00" not in noted
    assert len(noted) == MAX_TEXT
