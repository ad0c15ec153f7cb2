"""A project's files in the window: how they stand, what is brought, and who decides conflicts."""

from __future__ import annotations

from pathlib import Path

import pytest

from slate_desktop.control.sync_values import Keep, SyncHost, SyncStatus
from slate_desktop.domain.session import SessionStatus
from slate_desktop.domain.trees.compare import Difference
from slate_desktop.domain.trees.manifest import Entry
from slate_desktop.errors import CommandError, ErrorCode
from slate_desktop.ui.sync.conflicts import ConflictsDialog
from slate_desktop.ui.sync.row import look_of
from slate_desktop.ui.window import MainWindow
from tests.gui.conftest import until
from tests.gui.fakes import FakeSlate


def host(name: str, version: int, *, shared: bool = False) -> SyncHost:
    return SyncHost(agent_id=name, name=name, answers=True, shared=shared, version=version)


def conflict(path: str, *, is_gone: bool = False) -> Difference:
    mine = Entry(path, 2_000_000, 1_700_000_000_000_000_000, "a" * 64)
    theirs = Entry(path, 7, 1_700_000_500_000_000_000, "b" * 64)
    return Difference(path, None, None if is_gone else mine, theirs)


@pytest.fixture
async def slate() -> FakeSlate:
    """A client of a server whose hosts do not see the folder."""
    slate = FakeSlate()
    slate.profile = "sbx01"
    slate.sync = SyncStatus(project_id="", root="", version=3, push=("main.gd", "a.png"))
    slate.sync_hosts = [host("sbx01", 2), host("sbx02", 0)]
    put = slate.put_project

    def put_project(*arguments: object, **more: object) -> object:
        project = put(*arguments, **more)  # type: ignore[arg-type]
        slate._synced(project_id=project.id)
        return project

    slate.put_project = put_project  # type: ignore[assignment,method-assign]
    await slate.events.open()
    return slate


def test_the_most_urgent_part_is_said_first() -> None:
    now = SyncStatus(
        project_id="p", root="/p", version=3, push=("a",), pull=("b", "c"),
        conflicts=(conflict("x"),),
    )  # fmt: skip
    icon, role, words = look_of(now, [])
    assert (icon, role) == ("triangle-alert", "state.warn")
    assert words == "1 file changed on both sides · 1 file to push · 2 files to pull"
    same = SyncStatus(project_id="p", root="/p", version=3)
    assert look_of(same, [host("sbx01", 3), host("sbx02", 2)])[2] == "Files in sync with sbx01"
    assert "at a start" in look_of(same, [])[2]


async def test_files_are_pushed_and_pulled(window: MainWindow, slate: FakeSlate) -> None:
    row = window.details.sync
    await until(row.isVisible)
    assert row.words.text() == "2 files to push"
    assert row.push.isVisible()
    assert not row.decide.isVisible()
    assert not window.registry["sync.decide"].isEnabled()
    row.push.click()
    await until(lambda: "in sync" in row.words.text())
    assert ("apply files", "sbx01") in slate.calls
    assert ("apply files", "sbx02") not in slate.calls, "it has no tree that runtimes use"
    window.registry["sync.pull"].trigger()
    await until(lambda: any(name == "pull files" for name, _ in slate.calls))
    assert any(name == "collect files" for name, _ in slate.calls)


async def test_a_refusal_is_shown_and_the_line_stays(window: MainWindow, slate: FakeSlate) -> None:
    row = window.details.sync
    await until(row.isVisible)
    slate.refuse["push files"] = CommandError(ErrorCode.ARTIFACT_QUOTA, "The store is full.")
    row.push.click()
    await until(lambda: window.details.banner.isVisible() or window.toasts.isVisible())
    await until(row.push.isEnabled)
    assert row.words.text() == "2 files to push"


async def test_conflicts_are_decided_one_by_one(window: MainWindow, slate: FakeSlate) -> None:
    row = window.details.sync
    await until(row.isVisible)
    both = (conflict("save.dat"), conflict("gone.txt", is_gone=True))
    slate._synced(conflicts=both, push=(), version=4)
    window.sync.look_again()
    await until(row.decide.isVisible)
    row.decide.click()
    await until(lambda: window.findChild(ConflictsDialog) is not None)
    dialog = window.findChild(ConflictsDialog)
    assert isinstance(dialog, ConflictsDialog)
    assert dialog.paths == ["save.dat", "gone.txt"]
    assert dialog.table.model().index(1, 1).data() == "removed"
    # Alone: where another test's Ctrl still counts as held, a row is added or taken away.
    dialog.table.clearSelection()
    dialog.table.selectRow(0)
    dialog.buttons[Keep.MINE].click()
    await until(lambda: dialog.table.rowCount() == 1)
    assert slate.calls[-1] == ("resolve files", (("save.dat",), "mine"))
    dialog.buttons[Keep.BOTH].click()
    await until(lambda: slate.calls[-1] == ("resolve files", (("gone.txt",), "both")))
    await until(lambda: not row.decide.isVisible())


async def test_nothing_is_shown_where_hosts_see_the_folder(
    window: MainWindow, slate: FakeSlate
) -> None:
    row = window.details.sync
    await until(row.isVisible)
    slate.sync_hosts = [host("sbx01", 0, shared=True)]
    window.sync.look_again()
    await until(lambda: not row.isVisible())
    assert not window.registry["sync.push"].isEnabled()


async def test_what_is_saved_is_brought_while_a_session_runs(
    window: MainWindow, slate: FakeSlate, project_root: Path
) -> None:
    (project,) = slate.projects.values()
    session = slate.put_session(project.id, SessionStatus.RUNNING)
    await until(lambda: any(name == "push files" for name, _ in slate.calls))
    pushed = len(slate.calls)
    (project_root / "new.gd").write_text("x")
    await until(lambda: any(n == "push files" for n, _ in slate.calls[pushed:]))
    await slate.move(session.id, SessionStatus.STOPPED)
    await until(lambda: not window.sync._watches)
