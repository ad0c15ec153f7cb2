"""Builds in the window, as a user presses it, on a scripted client."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from PySide6.QtCore import QModelIndex, Qt
from PySide6.QtGui import QGuiApplication
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QDialog, QFileDialog, QLineEdit

from slate_desktop.domain.build import BuildArtifact, BuildJob, BuildStatus, TargetPlatform
from slate_desktop.ui import outside
from slate_desktop.ui.builds.comparison import ComparisonDialog
from slate_desktop.ui.builds.presets import PresetDialog
from slate_desktop.ui.builds.result import BuildResult
from slate_desktop.ui.builds.table import BUILD_ROLE, WHY
from slate_desktop.ui.documents.text_document import TextDocument
from slate_desktop.ui.window import MainWindow
from tests.gui.build_fakes import build_line
from tests.gui.conftest import until
from tests.gui.fakes import FakeSlate


def project_id(slate: FakeSlate) -> str:
    return next(iter(slate.projects))


async def ready(window: MainWindow) -> None:
    await until(lambda: window.registry["build.start"].isEnabled())
    await until(lambda: window.build_panel.command.toPlainText())


async def test_ctrl_b_builds_what_the_panel_says(window: MainWindow, slate: FakeSlate) -> None:
    await ready(window)
    panel = window.build_panel
    panel.form.clean.setChecked(True)
    panel.form.jobs.setText("4")
    panel.form.env.set_values([("LEVEL", "2", False)])
    QTest.keyClick(window, Qt.Key.Key_B, Qt.KeyboardModifier.ControlModifier)
    await until(lambda: slate.build_calls)
    assert slate.build_calls[0] == (
        "submit", {"clean": True, "parallel_jobs": 4, "environment": {"LEVEL": "2"}},
    )  # fmt: skip
    await until(lambda: window.builds.model.rowCount() == 1)
    await until(lambda: "2 of 3 in the queue" in window.builds.result.reason.text())


async def test_a_platform_that_cannot_be_built_shows_its_reason(
    window: MainWindow, slate: FakeSlate
) -> None:
    await ready(window)
    grid = window.build_panel.platforms
    grid.buttons[TargetPlatform.PS5].click()
    await until(lambda: "Sony" in grid.reason.text())
    assert grid.reason.isVisibleTo(window.build_panel)
    await until(lambda: not window.registry["build.start"].isEnabled())
    assert "Sony" in window.registry["build.start"].toolTip()
    assert "✕" in grid.buttons[TargetPlatform.PS5].text()
    grid.buttons[TargetPlatform.LINUX].click()
    await until(lambda: window.registry["build.start"].isEnabled())


async def test_a_bad_option_is_marked_beside_its_field(
    window: MainWindow, slate: FakeSlate
) -> None:
    await ready(window)
    panel = window.build_panel
    panel.form.jobs.setText("0")
    await until(lambda: panel.form.jobs.property("invalid"))
    assert "1 to 256" in panel.form.jobs.toolTip()
    assert panel.command.toPlainText() == ""
    assert not window.registry["build.start"].isEnabled()
    panel.form.jobs.setText("8")
    await until(lambda: window.registry["build.start"].isEnabled())
    assert not panel.form.jobs.property("invalid")
    panel.form.arguments.setText("all 'a b'")
    await until(lambda: "'a b'" in panel.command.toPlainText())


async def test_progress_moves_and_the_end_is_told(window: MainWindow, slate: FakeSlate) -> None:
    build = slate.put_build(project_id(slate), status=BuildStatus.BUILDING, progress=10)
    await until(lambda: window.builds.model.rowCount() == 1)
    window.builds.select(build.id)
    await slate.progress(build, 40, "212 of 575: compile")
    model = window.builds.model
    await until(lambda: "building 40 %" in str(model.data(model.index(0, 0))))
    result = window.builds.result
    await until(lambda: "building 40 %" in result.head.text())
    await until(lambda: "212 of 575: compile" in result.reason.text())
    await slate.progress(build, 30, "late")
    window.docks.docks["builds"].raise_()
    slate.change_build(build.id, status=BuildStatus.COMPLETED, verdict="suspect",
                       verdict_reason="An error, although the exit code is 0.")  # fmt: skip
    await until(lambda: str(model.data(model.index(0, 0))) == "suspect")
    notices = window.workspace.notices
    assert notices is not None
    await until(lambda: any("suspect" in notice.title for notice in notices.items))
    assert "suspect" in window.status_row.message.text()
    await until(lambda: window.status_row.bell.text().strip() == "1 notification")


async def test_errors_open_their_file_and_line(
    window: MainWindow, slate: FakeSlate, project_root: Path
) -> None:
    (project_root / "main.gd").write_text("".join(f"line {n}\n" for n in range(1, 50)))
    build = slate.put_build(
        project_id(slate),
        status=BuildStatus.FAILED,
        verdict="failed",
        errors=[{"severity": "error", "message": "bad <b>name</b>", "file": "main.gd", "line": 31}],
    )
    await until(lambda: window.builds.model.rowCount() == 1)
    window.builds.select(build.id)
    tree = window.builds.result.errors
    await until(lambda: tree.topLevelItemCount() == 1)
    item = tree.topLevelItem(0)
    assert item is not None
    assert item.text(1) == "main.gd:31"
    tree.itemActivated.emit(item, 0)
    await until(lambda: isinstance(window.documents.current, TextDocument))
    document = window.documents.current
    assert isinstance(document, TextDocument)
    await until(lambda: document.editor.textCursor().blockNumber() == 30)


async def test_artifacts_can_be_copied_and_the_log_is_read(
    window: MainWindow, slate: FakeSlate
) -> None:
    build = slate.put_build(project_id(slate), status=BuildStatus.COMPLETED, verdict="passed")
    slate.files[build.id] = [artifact(build.id, "game", 10, "ab"), artifact(build.id, "x", 5, "cd")]
    slate.build_lines[build.id] = [build_line(n, f"line {n}") for n in range(1, 4)]
    await until(lambda: window.builds.model.rowCount() == 1)
    window.builds.select(build.id)
    result = window.builds.result
    await until(lambda: result.files.topLevelItemCount() == 2)
    assert result.chosen_path == "game"
    result.buttons["copy"].click()
    await until(lambda: QGuiApplication.clipboard().text() == "ab" * 32)
    window.registry["build.log"].trigger()
    await until(lambda: window.console.current_buffer and len(window.console.current_buffer) == 3)
    window.console.tabs.tabCloseRequested.emit(window.console.tabs.currentIndex())
    await until(lambda: window.console.current_buffer is None)


async def made(window: MainWindow, slate: FakeSlate) -> tuple[BuildJob, BuildResult]:
    """Put a build with two artifacts in and choose it."""
    build = slate.put_build(project_id(slate), status=BuildStatus.COMPLETED, verdict="passed")
    slate.files[build.id] = [artifact(build.id, "game", 10, "ab"), artifact(build.id, "x", 5, "cd")]
    await until(lambda: window.builds.model.rowCount() == 1)
    window.builds.select(build.id)
    result = window.builds.result
    await until(lambda: result.files.topLevelItemCount() == 2)
    assert result.tabs.currentIndex() == 1  # a build that passed is looked at for what it made
    return build, result


async def test_download_brings_the_files_into_the_chosen_folder(
    window: MainWindow, slate: FakeSlate, tmp_path: Path
) -> None:
    _, result = await made(window, slate)
    target = tmp_path / "chosen"
    target.mkdir()
    result.buttons["download"].click()
    await until(lambda: window.findChild(QFileDialog) is not None)
    dialog = window.findChild(QFileDialog)
    assert dialog is not None
    dialog.setDirectory(str(target.parent))
    field = dialog.findChild(QLineEdit)
    assert field is not None
    field.setText(str(target))
    dialog.accept()
    await until(lambda: ("download", target) in slate.build_calls)
    await until(lambda: (target / "x").exists())
    # Who thinks better of it gets nothing.
    calls = len(slate.build_calls)
    result.buttons["download"].click()
    await until(lambda: any(d.isVisible() for d in window.findChildren(QFileDialog)))
    next(d for d in window.findChildren(QFileDialog) if d.isVisible()).reject()
    await until(lambda: not any("download" in name for name in window.tasks.names))
    assert len(slate.build_calls) == calls


async def test_reveal_shows_the_file_among_all_of_its_build(
    window: MainWindow, slate: FakeSlate, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("SLATE_CACHE_DIR", str(tmp_path))
    shown: list[Path] = []
    monkeypatch.setattr(outside, "reveal", shown.append)
    build, result = await made(window, slate)
    result.buttons["reveal"].click()
    await until(lambda: shown)
    assert shown == [tmp_path / "artifacts" / build.id / "game"]
    assert shown[0].exists()
    assert (shown[0].parent / "x").exists()


@pytest.mark.skipif(sys.platform == "win32", reason="the program is a script: not on this platform")
async def test_run_starts_the_program_in_its_folder(
    window: MainWindow, slate: FakeSlate, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("SLATE_CACHE_DIR", str(tmp_path))
    slate.program = "#!/bin/sh\npwd > ran\n"
    build, result = await made(window, slate)
    folder = tmp_path / "artifacts" / build.id
    result.buttons["run"].click()
    await until(lambda: (folder / "ran").exists() and (folder / "ran").read_text())
    assert Path((folder / "ran").read_text().strip()) == folder.resolve()
    # A program of another platform is told, not swallowed.
    slate.program = "no program"
    result.buttons["run"].click()
    await until(lambda: "game does not run" in str(window.details.banner.problem))


async def test_cancel_retry_first_and_changes(window: MainWindow, slate: FakeSlate) -> None:
    slate.put_build(project_id(slate))
    first = slate.put_build(project_id(slate), options={"parallel_jobs": 3})
    await until(lambda: window.builds.model.rowCount() == 2)
    window.builds.select(first.id)
    await until(lambda: window.registry["build.first"].isEnabled())
    window.registry["build.first"].trigger()
    await until(lambda: ("move", (first.id, None, False)) in slate.build_calls)
    window.registry["build.cancel"].trigger()
    await until(lambda: ("cancel", first.id) in slate.build_calls)
    await until(lambda: window.registry["build.retry"].isEnabled())
    window.registry["build.change"].trigger()
    await until(lambda: window.build_panel.form.jobs.text() == "3")
    window.registry["build.retry"].trigger()
    await until(lambda: ("retry", first.id) in slate.build_calls)


async def queue_of(window: MainWindow, slate: FakeSlate, count: int) -> list[str]:
    """Put a running build and a queue in; returns the queue's ids."""
    ids = [slate.put_build(project_id(slate)).id for _ in range(count)]
    slate.put_build(project_id(slate), status=BuildStatus.BUILDING)
    await until(lambda: window.builds.model.rowCount() == count + 1)
    return ids


def shown(window: MainWindow) -> list[str]:
    return [
        build.id for build in window.builds.model.builds if build.id in window.builds.model.places
    ]


async def test_the_queue_is_moved_with_keys(window: MainWindow, slate: FakeSlate) -> None:
    a, b, c = await queue_of(window, slate, 3)
    model, pane = window.builds.model, window.builds
    assert model.builds[0].status is BuildStatus.BUILDING
    assert model.data(model.index(2, WHY)) == "2 of 3 in the queue"
    pane.select(c)
    alt_shift = Qt.KeyboardModifier.AltModifier | Qt.KeyboardModifier.ShiftModifier
    await until(lambda: window.registry["build.earlier"].isEnabled())
    assert not window.registry["build.later"].isEnabled()
    QTest.keyClick(window, Qt.Key.Key_Up, alt_shift)
    await until(lambda: shown(window) == [a, c, b])
    # What was chosen stays chosen, so that the key can be pressed again.
    assert [build.id for build in pane.selected] == [c]
    QTest.keyClick(window, Qt.Key.Key_Up, alt_shift)
    await until(lambda: shown(window) == [c, a, b])
    await until(lambda: not window.registry["build.first"].isEnabled())
    QTest.keyClick(window, Qt.Key.Key_Down, alt_shift)
    await until(lambda: shown(window) == [a, c, b])


async def test_the_queue_is_moved_by_dragging(window: MainWindow, slate: FakeSlate) -> None:
    a, b, c, d = await queue_of(window, slate, 4)
    pane = window.builds

    def row_of(build_id: str) -> int:
        rows = range(pane.model.rowCount())
        return next(r for r in rows if pane.model.index(r, 0).data(BUILD_ROLE).id == build_id)

    def drop(build_ids: list[str], row: int) -> bool:
        data = pane.model.mimeData([pane.model.index(row_of(i), 0) for i in build_ids])
        action, nowhere = Qt.DropAction.MoveAction, QModelIndex()
        can_drop = pane.model.canDropMimeData(data, action, row, 0, nowhere)
        pane.model.dropMimeData(data, action, row, 0, nowhere)
        return can_drop

    assert drop([c, d], row_of(a))
    await until(lambda: shown(window) == [c, d, a, b])
    assert drop([c], row_of(b) + 1)
    await until(lambda: shown(window) == [d, a, b, c])
    calls = len(slate.build_calls)
    # The running one is not in the queue, and a sorted list has no places.
    running = pane.model.index(0, 0)
    assert not running.flags() & Qt.ItemFlag.ItemIsDragEnabled
    assert not drop([c], 0)
    pane.view.sortByColumn(WHY, Qt.SortOrder.AscendingOrder)
    assert not drop([d], row_of(c))
    assert len(slate.build_calls) == calls


async def test_presets_are_kept_chosen_replaced_and_removed(
    window: MainWindow, slate: FakeSlate
) -> None:
    await ready(window)
    panel, registry = window.build_panel, window.registry
    panel.form.jobs.setText("4")
    panel.form.time_limit.setText("90")
    await keep(window, "Nightly", "Keep")
    await until(lambda: panel.presets.preset is not None)
    assert slate.presets["Nightly"].options == {"parallel_jobs": 4, "time_limit_s": 90}
    panel.form.jobs.setText("8")
    assert panel.presets.combo.currentText() == "Nightly (changed)"
    panel.presets.combo.activated.emit(1)
    assert panel.form.jobs.text() == "4"
    assert panel.presets.combo.currentText() == "Nightly"
    panel.form.clean.setChecked(True)
    await until(registry["build.keep_preset"].isEnabled)
    await keep(window, "Nightly", "Replace")
    await until(lambda: slate.presets["Nightly"].options.get("clean"))
    registry["build.remove_preset"].trigger()
    await until(lambda: window.findChild(QDialog) is not None)
    dialog = window.findChild(QDialog)
    assert dialog is not None
    dialog.accept()
    await until(lambda: not slate.presets)
    await until(lambda: not registry["build.remove_preset"].isEnabled())


async def keep(window: MainWindow, name: str, action: str) -> None:
    """Press Keep and answer its question."""
    window.registry["build.keep_preset"].trigger()
    await until(lambda: window.findChild(PresetDialog) is not None)
    dialog = window.findChild(PresetDialog)
    assert dialog is not None
    dialog.field.setText(name)
    assert dialog.save.text() == action
    dialog.save.click()
    await until(lambda: window.findChild(PresetDialog) is None)


async def test_two_builds_are_compared(window: MainWindow, slate: FakeSlate) -> None:
    one = slate.put_build(project_id(slate), status=BuildStatus.COMPLETED, verdict="passed")
    two = slate.put_build(project_id(slate), status=BuildStatus.FAILED, verdict="failed")
    slate.files[one.id] = [artifact(one.id, "game", 10, "ab")]
    slate.files[two.id] = [artifact(two.id, "game", 4096, "cd")]
    await until(lambda: window.builds.model.rowCount() == 2)
    window.builds.select(one.id)
    window.builds.select(two.id, is_added=True)
    await until(lambda: window.registry["build.compare"].isEnabled())
    window.registry["build.compare"].trigger()
    await until(lambda: window.findChild(ComparisonDialog) is not None)
    dialog = window.findChild(ComparisonDialog)
    assert dialog is not None
    facts = {
        item.text(0): (item.text(1), item.text(2))
        for item in (dialog.facts.topLevelItem(n) for n in range(dialog.facts.topLevelItemCount()))
        if item is not None
    }
    assert facts["Verdict"] == ("passed", "failed")
    dialog.reject()


async def test_filters_narrow_the_list_and_figures_are_drawn(
    window: MainWindow, slate: FakeSlate
) -> None:
    for status, verdict in ((BuildStatus.COMPLETED, "passed"), (BuildStatus.FAILED, "failed")):
        slate.put_build(project_id(slate), status=status, verdict=verdict)
    slate.put_build(project_id(slate), target_platform=TargetPlatform.WEBGL)
    pane = window.builds
    await until(lambda: pane.model.rowCount() == 3)
    pane.states.setCurrentIndex(pane.states.findData("failed"))
    assert pane.model.rowCount() == 1
    pane.select(pane.model.shown[0].id)
    await until(window.registry["build.log"].isEnabled)
    pane.states.setCurrentIndex(pane.states.findData("passed"))
    # What is hidden is chosen no more, and what needed it says so.
    assert pane.selected == []
    assert not window.registry["build.log"].isEnabled()
    pane.states.setCurrentIndex(0)
    pane.field.setText("webgl")
    assert pane.model.rowCount() == 1
    pane.field.clear()
    pane.tabs.setCurrentIndex(1)
    await until(lambda: pane.plots is not None and pane.plots.summary.text())
    assert pane.plots is not None
    assert "75 %" in pane.plots.summary.text()
    target = pane.plots.targets.topLevelItem(0)
    assert target is not None
    assert [target.text(column) for column in range(4)] == ["PlayStation 5", "staging", "4", "75 %"]


async def test_five_hundred_builds_stay_smooth(window: MainWindow, slate: FakeSlate) -> None:
    builds = [slate.put_build(project_id(slate)) for _ in range(500)]
    window.docks.docks["builds"].raise_()
    await until(lambda: window.builds.model.rowCount() == 500)
    running = slate.change_build(builds[0].id, status=BuildStatus.BUILDING)
    await until(lambda: any(b.status != "queued" for b in window.builds.model.builds))
    model = window.builds.model
    told: list[int] = []
    model.dataChanged.connect(lambda first, last: told.append(last.row() - first.row() + 1))
    model.modelReset.connect(lambda: told.append(500))
    for percent in range(1, 100):
        await slate.progress(running, percent, f"{percent} of 100: pack")
    await until(lambda: any(b.progress == 99 for b in model.builds))
    # An event is one row of the five hundred; all are looked at only when they were read again.
    assert told.count(1) > 90
    assert len(told) - told.count(1) < 5


def artifact(build_id: str, path: str, size: int, byte: str) -> BuildArtifact:
    sha256 = byte * 32
    return BuildArtifact(
        build_id=build_id, attempt=1, path=path, name=path, size=size, sha256=sha256,
        object=f"sha256/{sha256}", is_main=path == "game",
    )  # fmt: skip
