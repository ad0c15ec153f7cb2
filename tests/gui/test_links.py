"""Links and files that the desktop hands to the window: they show, and ask before they change."""

from __future__ import annotations

from pathlib import Path

import pytest
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QLabel, QPushButton

from slate_desktop.domain.session import SessionStatus
from slate_desktop.settings import joined
from slate_desktop.ui.dialogs import Question
from slate_desktop.ui.links import open_wanted
from slate_desktop.ui.window import MainWindow
from tests.gui.conftest import until
from tests.gui.fakes import FakeSlate
from tests.gui.test_servers import join_file


async def test_a_copied_link_leads_to_its_session(window: MainWindow, slate: FakeSlate) -> None:
    await until(lambda: window.registry["session.start"].isEnabled())
    window.registry["session.start"].trigger()
    await until(lambda: any(s.status is SessionStatus.RUNNING for s in slate.sessions.values()))
    (session_id,) = slate.sessions
    await until(lambda: window.workspace.current_session_id == session_id)
    window.registry["link.copy"].trigger()
    link = QGuiApplication.clipboard().text()
    assert link == f"slate://local/session/{session_id}"
    project = window.workspace.projects[0].id
    window.workspace.choose_project(project)
    window.registry["link.copy"].trigger()
    assert QGuiApplication.clipboard().text() == f"slate://local/project/{project}"
    await open_wanted(window, link)
    assert window.workspace.current_session_id == session_id


@pytest.mark.parametrize(
    ("link", "why"),
    [
        ("slate://local/session/none", "There is no session none"),
        ("slate://local/project/none", "There is no project none"),
        ("slate://local/build/none", "There is no build none"),
        ("slate://sbx07/session/x", "belongs to sbx07"),
        ("slate://local/stop/x", "no link of SLATE"),
    ],
)
async def test_a_link_that_leads_nowhere_says_why(
    window: MainWindow, slate: FakeSlate, link: str, why: str
) -> None:
    calls = len(slate.calls)
    await open_wanted(window, link)
    await until(lambda: window.details.banner.isVisibleTo(window))
    assert why in window.details.banner.why.text()
    assert len(slate.calls) == calls


async def test_a_path_or_its_address_opens_in_a_tab(window: MainWindow, project_root: Path) -> None:
    file = project_root / "levels" / "one.tscn"
    await open_wanted(window, file.as_uri())
    assert window.documents.current is not None
    assert window.documents.current.path == file


async def test_a_join_file_is_asked_about_before_anything_is_done(
    window: MainWindow, tmp_path: Path
) -> None:
    opening = window.tasks.spawn(open_wanted(window, str(join_file(tmp_path))), "open", window)
    await until(lambda: window.findChild(Question) is not None)
    question = window.findChild(Question)
    words = "\n".join(label.text() for label in question.findChildren(QLabel))
    assert "sbx02" in words
    assert "Anna" in words
    (cancel,) = [b for b in question.findChildren(QPushButton) if "Cancel" in b.text()]
    cancel.click()
    await until(lambda: opening is None or opening.done())
    assert joined.names() == []
