"""The Jobs pane on a scripted client: dropped files, states in words, reports, badges."""

from __future__ import annotations

import asyncio
import hashlib
from datetime import UTC, datetime
from pathlib import Path

import pytest
from PySide6.QtCore import QMimeData, QPoint, QPointF, Qt, QUrl
from PySide6.QtGui import QDragEnterEvent, QDragLeaveEvent, QDropEvent
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QDialog, QPushButton

from slate_desktop.control.asset_choices import AssetChoices
from slate_desktop.control.preset_files import PresetFiles
from slate_desktop.control.tree_nodes import TreeNode
from slate_desktop.domain.assets.job import AssetRow
from slate_desktop.domain.assets.kinds import AssetJobStatus, AssetKind
from slate_desktop.domain.assets.options import parse_options
from slate_desktop.domain.assets.presets import AssetPreset, rule_text
from slate_desktop.errors import CommandError
from slate_desktop.ui.assets.options_form import OptionsForm
from slate_desktop.ui.jobs.preset_commands import SaveDialog
from slate_desktop.ui.jobs.rows import ASSET, DETAIL, PROGRESS, STATE, WORKER
from slate_desktop.ui.window import MainWindow
from tests.gui.conftest import until
from tests.gui.fakes import FakeSlate
from tests.gui.preview_files import write_png

S = AssetJobStatus


def drop(window: MainWindow, *paths: Path) -> None:
    data = QMimeData()
    data.setUrls([QUrl.fromLocalFile(str(path)) for path in paths])
    event = QDropEvent(
        QPointF(5, 5),
        Qt.DropAction.CopyAction,
        data,
        Qt.MouseButton.LeftButton,
        Qt.KeyboardModifier.NoModifier,
    )
    window.dropEvent(event)


async def followed(window: MainWindow) -> str:
    """Return the project whose jobs are shown, once they are."""
    await until(lambda: window.registry["jobs.add"].isEnabled())
    project_id = window.workspace.current_project_id
    assert project_id is not None
    return project_id


def cells(window: MainWindow, row: int) -> list[str]:
    rows = window.jobs.rows
    columns = (ASSET, STATE, PROGRESS, WORKER, DETAIL)
    return [str(rows.data(rows.index(row, column)) or "") for column in columns]


async def test_dropped_folder_of_the_project_is_processed(
    window: MainWindow, slate: FakeSlate, project_root: Path
) -> None:
    await followed(window)
    art = project_root / "art"
    (art / "deep").mkdir(parents=True)
    for name in ("hero.png", "deep/tree.glb", "notes.txt", ".hidden.png"):
        (art / name).write_bytes(b"x")
    drop(window, art)
    await until(lambda: len(slate.asset_jobs) == 2)
    submitted = {(str(call[1][0].relative_to(art)), call[1][1]) for call in slate.calls}
    assert submitted == {("hero.png", AssetKind.TEXTURE), ("deep/tree.glb", AssetKind.MODEL)}
    await until(lambda: window.jobs.rows.rowCount() == 2)
    assert "2 waiting" in window.jobs.summary.text()
    assert not window.docks.docks["jobs"].isHidden()


async def test_dropped_files_of_one_name_are_refused_by_name(
    window: MainWindow, slate: FakeSlate, project_root: Path
) -> None:
    await followed(window)
    for name in ("rock.png", "rock.tga"):
        (project_root / name).write_bytes(b"x")
    drop(window, project_root / "rock.png", project_root / "rock.tga")
    notices = window.workspace.notices
    assert notices is not None
    await until(lambda: any("rock.tga" in notice.text for notice in notices.items))
    assert [call[1][0].name for call in slate.calls if call[0] == "process_asset"] == ["rock.png"]


async def test_dropped_folder_elsewhere_is_offered_as_a_project(
    window: MainWindow, slate: FakeSlate, tmp_path: Path
) -> None:
    await followed(window)
    other = tmp_path / "other"
    other.mkdir()
    assert not window.job_commands.takes([other])
    assert window.job_commands.takes([tmp_path / "sound.wav"])
    assert not window.job_commands.takes([tmp_path / "notes.txt"])


async def test_what_a_drop_means_is_said_while_files_are_dragged(
    window: MainWindow, project_root: Path, tmp_path: Path
) -> None:
    await followed(window)
    (tmp_path / "chess").mkdir()
    (tmp_path / "notes.txt").write_text("x")
    said = []
    for path in (tmp_path / "hero.png", tmp_path / "chess", tmp_path / "notes.txt"):
        data = QMimeData()
        data.setUrls([QUrl.fromLocalFile(str(path))])
        window.dragEnterEvent(
            QDragEnterEvent(
                QPoint(5, 5),
                Qt.DropAction.CopyAction,
                data,
                Qt.MouseButton.LeftButton,
                Qt.KeyboardModifier.NoModifier,
            )
        )
        assert window.drop_hint.isVisible()
        said.append(window.drop_hint.words.text())
        window.dragLeaveEvent(QDragLeaveEvent())
        assert not window.drop_hint.isVisible()
    assert said == [
        "Drop to process as assets of pong",
        "Drop to add chess as a project",
        "Drop to open",
    ]


async def test_report_of_what_was_submitted_is_shown(
    window: MainWindow, slate: FakeSlate, project_root: Path
) -> None:
    await followed(window)
    (project_root / "hero.png").write_bytes(b"x")
    drop(window, project_root / "hero.png")
    await until(lambda: window.jobs.job is not None)
    assert window.jobs.job is not None
    assert window.jobs.job.path == "hero.png"
    assert not window.jobs.report.empty.isVisibleTo(window)


async def test_failures_among_dropped_files_are_told_once_at_the_end(
    window: MainWindow, slate: FakeSlate, project_root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    await followed(window)
    said: list[str] = []
    monkeypatch.setattr(window, "say", said.append)
    files = [project_root / name for name in ("a.png", "b.png", "c.wav", "notes.txt")]
    for file in files:
        file.write_bytes(b"x")
    drop(window, *files)
    await until(lambda: "3 assets submitted, 1 other file left out" in said)
    by_name = {job.path: job.id for job in slate.asset_jobs}
    slate.change_asset_job(by_name["a.png"], status=S.FAILED, error_message="the PNG is cut off")
    slate.change_asset_job(by_name["b.png"], status=S.COMPLETED)
    await until(lambda: "1 failed" in window.jobs.summary.text())
    assert not window.toasts.cards
    slate.change_asset_job(by_name["c.wav"], status=S.COMPLETED)
    await until(lambda: window.toasts.cards)
    (card,) = window.toasts.cards
    assert card.notice.title == "1 of 3 assets failed"
    assert card.notice.text == "a.png: the PNG is cut off"


@pytest.mark.parametrize("way", ["double click", "Enter", "menu"])
async def test_result_is_opened_in_a_tab(
    window: MainWindow, slate: FakeSlate, project_root: Path, way: str
) -> None:
    project = await followed(window)
    made = project_root / "processed" / "hero.png"
    made.parent.mkdir()
    write_png(made)
    result = {"products": [{"path": "hero.png", "role": "primary", "size": 1, "sha256": "0"}]}
    job = slate.put_asset_job(
        project, "hero.png", AssetKind.TEXTURE, S.COMPLETED, result=result, out_dir="processed"
    )
    pane = window.jobs
    await until(lambda: pane.rows.rowCount() == 1)
    index = pane.rows.index(pane.rows.row_of(job.id), 0)
    pane.view.setCurrentIndex(index)
    if way == "double click":
        pane.view.doubleClicked.emit(index)
    elif way == "Enter":
        QTest.keyClick(pane.view, Qt.Key.Key_Return)
    else:
        window.registry["jobs.open"].trigger()
    await until(lambda: window.documents.current is not None)
    assert window.documents.current is not None
    assert window.documents.current.path == made


async def test_states_are_told_in_words_with_their_reasons(
    window: MainWindow, slate: FakeSlate
) -> None:
    project = await followed(window)
    slate.put_asset_job(
        project, "bad.png", AssetKind.TEXTURE, S.FAILED, error_message="It is not an image."
    )
    slate.put_asset_job(project, "wait.png", AssetKind.TEXTURE, S.QUEUED)
    slate.put_asset_job(
        project, "run.wav", AssetKind.AUDIO, S.PROCESSING, progress=40, lease_owner="sbx01.1"
    )
    await until(lambda: window.jobs.rows.rowCount() == 3)
    assert cells(window, 0)[:4] == ["run.wav", "processing", "40 %", "sbx01.1"]
    assert cells(window, 1)[4] == "waits for a free worker"
    assert cells(window, 2)[1::3] == ["failed", "It is not an image."]
    window.registry["jobs.pause"].trigger()
    await until(lambda: cells(window, 1)[4] == "texture jobs are paused")


async def test_chosen_jobs_are_cancelled_and_retried(window: MainWindow, slate: FakeSlate) -> None:
    project = await followed(window)
    failed = slate.put_asset_job(project, "bad.png", AssetKind.TEXTURE, S.FAILED)
    waiting = slate.put_asset_job(project, "wait.png", AssetKind.TEXTURE, S.QUEUED)
    pane = window.jobs
    await until(lambda: pane.rows.rowCount() == 2)
    pane.view.setCurrentIndex(pane.rows.index(pane.rows.row_of(waiting.id), 0))
    assert window.registry["jobs.cancel"].isEnabled()
    assert not window.registry["jobs.open"].isEnabled()
    window.registry["jobs.cancel"].trigger()
    await until(lambda: ("cancel_asset_job", waiting.id) in slate.calls)
    window.registry["jobs.retry_failed"].trigger()
    await until(lambda: ("retry_asset_job", failed.id) in slate.calls)
    await until(lambda: pane.rows.rowCount() == 3)


async def test_what_is_chosen_stays_while_new_jobs_come(
    window: MainWindow, slate: FakeSlate
) -> None:
    project = await followed(window)
    for name in ("a.png", "b.png", "c.png"):
        slate.put_asset_job(project, name, AssetKind.TEXTURE, AssetJobStatus.QUEUED)
    await until(lambda: window.jobs.rows.rowCount() == 3)
    window.jobs.view.selectAll()
    chosen = {job.id for job in window.jobs.selected}
    slate.put_asset_job(project, "d.png", AssetKind.TEXTURE, AssetJobStatus.QUEUED)
    slate.tell_assets(project)
    await until(lambda: window.jobs.rows.rowCount() == 4)
    assert {job.id for job in window.jobs.selected} == chosen


async def test_option_that_its_kind_does_not_take_is_told(window: MainWindow) -> None:
    await followed(window)
    options = window.jobs.options
    options.kind.setCurrentIndex(options.kind.findData("model"))
    form = options.forms[AssetKind.MODEL]
    assert form.isVisibleTo(options)
    assert not options.forms[AssetKind.AUDIO].isVisibleTo(options)
    form.set_value("scale", "-1")
    assert "scale" in form.error.text()
    with pytest.raises(CommandError):
        options.options_for("a.obj", AssetKind.MODEL)
    form.set_value("scale", "2.5")
    assert options.options_for("a.obj", AssetKind.MODEL) == {"scale": 2.5}
    options.preset.setCurrentIndex(options.preset.findData("-"))
    assert options.options_for("a.obj", AssetKind.MODEL)["scale"] == 1.0


async def test_size_keeps_its_fit_in_the_form(window: MainWindow, slate: FakeSlate) -> None:
    await followed(window)
    options = window.jobs.options
    form = options.forms[AssetKind.TEXTURE]
    form.set_value("resize", "512 × 256 cover")
    wanted = {"width": 512, "height": 256, "fit": "cover"}
    assert options.options_for("a.png", AssetKind.TEXTURE)["resize"] == wanted
    # As a preset has it, and as the form then shows it.
    again = OptionsForm(AssetKind.TEXTURE, parse_options(AssetKind.TEXTURE, {"resize": wanted}))
    assert again.fields["resize"].text() == "512 × 256 cover"  # type: ignore[attr-defined]
    assert again.options() == form.options()
    form.set_value("resize", "large")
    assert "1024x512:cover" in form.error.text()


async def test_options_are_kept_as_a_preset_of_the_project(
    window: MainWindow, slate: FakeSlate, project_root: Path
) -> None:
    await followed(window)
    options = window.jobs.options
    await until(lambda: options.preset.findData("voice") > 0)
    # A file that came after the project was opened is seen when the options are.
    PresetFiles(project_root).save(AssetPreset(id="filed", title="Filed", audio={"channels": 1}))
    window.job_commands.show_pane()
    window.jobs.side.setCurrentWidget(options)
    await until(lambda: options.preset.findData("filed") > 0)
    options.choose("voice")
    options.forms[AssetKind.AUDIO].set_value("bitrate", "24")
    options.save.click()
    await until(lambda: bool(window.findChildren(SaveDialog)))
    dialog = window.findChildren(SaveDialog)[0]
    dialog.title.setText("Radio voices")
    dialog.rules.setText("audio: **/radio/**, **/phone/**")
    dialog.accept()
    await until(lambda: options.preset.currentData() == "radio-voices")
    kept = slate.presets["radio-voices"]
    assert (kept.audio["bitrate"], kept.audio["format"], kept.texture) == (24, "opus", {})
    assert [rule_text(rule) for rule in kept.rules] == ["audio:**/radio/**", "**/phone/**"]
    # By the rules, its files get it; and a shipped one cannot be removed.
    options.choose("")
    assert options.options_for("a/radio/x.wav", AssetKind.AUDIO)["bitrate"] == 24
    options.choose("voice")
    assert not options.remove.isVisibleTo(options)
    options.choose("filed")
    assert not options.remove.isVisibleTo(options)
    options.choose("radio-voices")
    assert options.remove.isVisibleTo(options)
    await asyncio.gather(window.job_commands.presets.remove(kept), answer(window, "Remove"))
    assert options.preset.findData("radio-voices") == -1


async def answer(window: MainWindow, text: str) -> None:
    def button() -> QPushButton | None:
        buttons = [b for d in window.findChildren(QDialog) for b in d.findChildren(QPushButton)]
        return next((b for b in buttons if b.text() == text and b.isVisible()), None)

    await until(lambda: button() is not None)
    found = button()
    assert found is not None
    found.click()


async def test_selection_of_the_browser_is_processed_with_its_own_options(
    window: MainWindow, slate: FakeSlate, project_root: Path
) -> None:
    project = await followed(window)
    write_png(project_root / "rock.png", 8, 8)
    write_png(project_root / "sky.png", 8, 8)
    choices = AssetChoices(project_root)
    choices.choose(["rock.png"], AssetKind.TEXTURE, {"quality": 77})
    window.docks.docks["assets"].raise_()
    await until(lambda: window.assets.browser is not None)
    browser = window.assets.browser
    assert browser is not None
    # It may have looked before the files were there.
    await until(lambda: not browser._is_scanning)
    browser.refresh()
    await until(lambda: browser.model.rowCount() == 2)
    assert not browser.bar.process.isEnabled()
    browser.grid.selectAll()
    window.jobs.options.forms[AssetKind.TEXTURE].set_value("quality", "50")
    browser.bar.process.click()
    await until(lambda: len(slate.asset_jobs) == 2)
    given = {call[1][0].name: call[1][2]["quality"] for call in slate.calls}
    assert given == {"rock.png": 77, "sky.png": 50}
    put_row(slate, project, project_root / "sky.png")
    slate.tell_assets(project)
    slate.put_asset_job(project, "sky.png", AssetKind.TEXTURE, S.COMPLETED)
    entry = next(entry for entry in browser.entries if entry.name == "sky.png")
    await until(lambda: browser.state_of(entry) == "processed")
    browser.bar.state.setCurrentIndex(browser.bar.state.findData("processed"))
    await until(lambda: [e.name for e in browser.model.entries] == ["sky.png"])
    write_png(project_root / "sky.png", 9, 9)
    browser.refresh()
    await until(lambda: browser.model.rowCount() == 0)
    browser.bar.state.setCurrentIndex(browser.bar.state.findData("stale"))
    await until(lambda: [e.name for e in browser.model.entries] == ["sky.png"])


async def test_tree_shows_the_badge_of_a_processed_file(
    window: MainWindow, slate: FakeSlate, project_root: Path
) -> None:
    project = await followed(window)
    path = project_root / "hero.png"
    path.write_bytes(b"x" * 10)
    put_row(slate, project, path)
    slate.put_asset_job(project, "hero.png", AssetKind.TEXTURE, S.COMPLETED)
    window.projects.expand_project(project)

    def badge_of_file() -> str:
        model = window.projects.model
        tree = model.items[0].tree
        if tree is None:
            return ""
        nodes = [node for node in tree.root.children if node.name == "hero.png"]
        return model.badge(nodes[0]) if nodes and isinstance(nodes[0], TreeNode) else ""

    await until(lambda: badge_of_file() == "processed")
    path.write_bytes(b"y" * 10)
    window.job_commands.look_again()
    await until(lambda: badge_of_file() == "stale")


def put_row(slate: FakeSlate, project: str, path: Path) -> None:
    now = datetime.now(UTC)
    slate.assets.append(
        AssetRow(
            project_id=project,
            path=path.name,
            kind=AssetKind.TEXTURE,
            content_sha256=hashlib.sha256(path.read_bytes()).hexdigest(),
            size=path.stat().st_size,
            key="k",
            job_id="j",
            status=S.COMPLETED,
            created_at=now,
            updated_at=now,
        )
    )
