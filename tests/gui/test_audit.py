"""The dialog of the audit trail: what it shows, filters, and writes."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from slate_desktop.domain.audit import AuditEntry
from slate_desktop.errors import DatabaseError
from slate_desktop.ui.audit import commands
from slate_desktop.ui.audit.dialog import AuditDialog
from slate_desktop.ui.audit.rows import ACTION, DETAIL, PERSON, PROJECT, RESULT, TARGET
from slate_desktop.ui.window import MainWindow
from tests.gui.conftest import until
from tests.gui.fakes import FakeSlate


def entry(number: int, **more: Any) -> AuditEntry:
    now = datetime.now(UTC)
    fields: dict[str, Any] = {
        "id": number, "project_id": "p1", "project_name": "pong", "user_id": "u1",
        "user_name": "Anna", "agent_id": "a1", "action": "session.start", "target": f"s{number}",
        "detail": "", "asked_at": now, "recorded_at": now, "code": "ok", "message": "",
        "ended_at": now,
    }  # fmt: skip
    return AuditEntry(**(fields | more))


def some() -> list[AuditEntry]:
    return [
        entry(4, action="session.stop", code=None, ended_at=None, is_unanswered=True),
        entry(3, action="session.execute", detail="rm -rf '<b>x</b>'", code=None, ended_at=None),
        entry(2, user_id="u2", user_name="Bert", code="forbidden", message="A viewer may not."),
        entry(1),
    ]


async def opened(window: MainWindow) -> AuditDialog:
    window.registry["audit.show"].trigger()
    await until(lambda: window.findChild(AuditDialog) is not None)
    dialog = window.findChild(AuditDialog)
    assert isinstance(dialog, AuditDialog)
    await until(dialog.isVisible)
    return dialog


def texts(dialog: AuditDialog, column: int) -> list[str]:
    rows = range(dialog.filter.rowCount())
    return [str(dialog.filter.index(row, column).data()) for row in rows]


async def test_rows_are_shown_and_filtered(window: MainWindow, slate: FakeSlate) -> None:
    slate.audit = some()
    dialog = await opened(window)
    dialog.projects.setCurrentIndex(0)
    await until(lambda: dialog.filter.rowCount() == 4)
    assert texts(dialog, PERSON) == ["Anna", "Anna", "Bert", "Anna"]
    assert texts(dialog, RESULT) == ["no answer", "under way", "forbidden", "done"]
    assert texts(dialog, DETAIL) == ["", "rm -rf '<b>x</b>'", "A viewer may not.", ""]
    dialog.people.setCurrentIndex(dialog.people.findText("Bert"))
    assert texts(dialog, RESULT) == ["forbidden"]
    assert dialog.count.text() == "1 of 4"
    dialog.people.setCurrentIndex(0)
    for words, count in (
        ("Done", 1),
        ("Refused or failed", 1),
        ("Under way", 2),
        ("Any result", 4),
    ):
        dialog.results.setCurrentIndex(dialog.results.findText(words))
        assert dialog.filter.rowCount() == count, words
    dialog.field.setText("RM -RF")
    assert dialog.filter.rowCount() == 1
    dialog.field.setText("nothing holds this")
    assert dialog._empty.isVisible()
    assert "filters" in dialog._empty.label.text()
    dialog.reject()


async def test_nothing_yet_is_said_and_news_come_by_themselves(
    window: MainWindow, slate: FakeSlate, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(commands, "_FRESH_S", 0.05)
    dialog = await opened(window)
    await until(dialog._empty.isVisible)
    assert not dialog.export_button.isEnabled()
    dialog.projects.setCurrentIndex(0)
    slate.refuse["list_audit"] = DatabaseError("The database does not answer.")
    await until(lambda: "does not answer" in dialog.message.text())
    del slate.refuse["list_audit"]
    slate.audit = [entry(1)]
    await until(lambda: dialog.filter.rowCount() == 1)
    assert not dialog.message.isVisible()
    dialog.reject()


async def test_older_rows_come_when_they_are_wanted_and_all_are_exported(
    window: MainWindow, slate: FakeSlate, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    slate.audit = [entry(number) for number in range(commands.PAGE + 5, 0, -1)]
    dialog = await opened(window)
    dialog.projects.setCurrentIndex(0)
    await until(lambda: dialog.filter.rowCount() == commands.PAGE)
    assert dialog.older_button.isVisible()
    dialog.older_button.click()
    await until(lambda: dialog.filter.rowCount() == commands.PAGE + 5)
    assert not dialog.older_button.isVisible()

    async def choose(*_arguments: object) -> Path:
        return tmp_path / "trail"

    monkeypatch.setattr("slate_desktop.ui.dialogs.choose_save_file", choose)
    dialog.export_button.click()
    await until(lambda: ("export_audit", tmp_path / "trail.csv") in slate.calls)
    dialog.reject()


async def test_ids_are_short_and_names_are_whole(window: MainWindow, slate: FakeSlate) -> None:
    names = ["art/textures/stone_albedo.png", "Maximiliane", "3f2a91c0-77aa-4e7e-9d1f-0c7a52f4a001"]
    slate.audit = [entry(3 - n, target=name) for n, name in enumerate(names)]
    dialog = await opened(window)
    dialog.projects.setCurrentIndex(0)
    await until(lambda: dialog.filter.rowCount() == 3)
    assert texts(dialog, TARGET) == [*names[:2], "3f2a91c0"]


async def test_short_columns_have_what_they_need(window: MainWindow, slate: FakeSlate) -> None:
    slate.audit = some()
    dialog = await opened(window)
    dialog.projects.setCurrentIndex(0)
    await until(lambda: dialog.filter.rowCount() == 4)
    header = dialog.view.horizontalHeader()
    for column in (PERSON, PROJECT, ACTION, TARGET, RESULT):
        needed = max(dialog.view.sizeHintForColumn(column), header.sectionSizeHint(column))
        assert needed <= header.sectionSize(column) <= needed + 24
    assert header.sectionSize(DETAIL) > header.sectionSize(ACTION)
