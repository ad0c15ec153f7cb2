"""The report of a job, made by the real pipelines, as people read it in the Jobs pane."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from PySide6.QtCore import Qt
from PySide6.QtGui import QGuiApplication
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QLabel, QPushButton, QSplitter, QToolButton

from slate_desktop.domain.assets.audio import AudioReport
from slate_desktop.domain.assets.job import MISSING, AssetInput, AssetJob
from slate_desktop.domain.assets.kinds import AssetJobStatus, AssetKind
from slate_desktop.domain.assets.model import ModelReport
from slate_desktop.domain.assets.options import options_to_json, parse_options
from slate_desktop.domain.assets.report import ProcessResult, result_to_json
from slate_desktop.domain.assets.texture import TextureReport
from slate_desktop.domain.sizes import format_bytes
from slate_desktop.pipeline import run
from slate_desktop.ui import outside
from slate_desktop.ui.jobs.report.table import ReportTable
from slate_desktop.ui.jobs.rows import ASSET, DETAIL
from slate_desktop.ui.window import MainWindow
from tests.gui.conftest import until
from tests.gui.fakes import FakeSlate
from tests.gui.preview_files import write_wav
from tests.services.small_models import rich_model

S = AssetJobStatus
LONG = "art/" + "a_folder_with_a_long_name/" * 6 + "crate_albedo.png"


def processed(
    kind: AssetKind, source: Path, out: Path, options: dict[str, Any]
) -> tuple[ProcessResult, dict[str, Any]]:
    """What the pipeline makes of a file, and its options as a job has them."""
    parsed = parse_options(kind, options)
    out.mkdir(parents=True)
    return run.process(kind, source, out, parsed, progress=lambda *_: None), options_to_json(parsed)


async def shown(
    window: MainWindow, slate: FakeSlate, path: str, kind: AssetKind, status: S, **fields: Any
) -> AssetJob:
    """Put a job into the chosen project, and choose it in the pane."""
    await until(lambda: window.registry["jobs.add"].isEnabled())
    project = window.workspace.current_project_id
    assert project is not None
    window.job_commands.show_pane()
    job = slate.put_asset_job(project, path, kind, status, **fields)
    pane = window.jobs
    await until(lambda: pane.rows.row_of(job.id) >= 0)
    pane.view.setCurrentIndex(pane.rows.index(pane.rows.row_of(job.id), 0))
    await until(lambda: pane.report.report is not None and pane.report.report.path == path)
    return job


def texts(window: MainWindow) -> list[str]:
    """Every text of the report that can be seen by scrolling."""
    view = window.jobs.report
    labels = [label for label in view.findChildren(QLabel) if label.isVisibleTo(view)]
    return [label.text().replace("\u00a0", " ") for label in labels]


def value_of(window: MainWindow, name: str) -> str:
    """The value beside a name."""
    found = texts(window)
    return found[found.index(name) + 1]


def size_of(path: Path) -> str:
    return format_bytes(path.stat().st_size)


def rows_of(window: MainWindow, name: str) -> list[list[str]]:
    """The cells of a table."""
    table = table_of(window, name)
    items = [table.topLevelItem(row) for row in range(table.topLevelItemCount())]
    return [[item.text(c) for c in range(table.columnCount())] for item in items if item]


def table_of(window: MainWindow, name: str) -> ReportTable:
    tables = window.jobs.report.findChildren(ReportTable)
    return next(table for table in tables if table.accessibleName() == name)


def button(window: MainWindow, text: str) -> QPushButton:
    buttons = window.jobs.report.findChildren(QPushButton)
    return next(each for each in buttons if each.text() == text)


def fold_of(window: MainWindow, title: str) -> QToolButton:
    folds = window.jobs.report.findChildren(QToolButton)
    return next(each for each in folds if each.text() == title)


async def test_report_of_a_texture(
    window: MainWindow, slate: FakeSlate, project_root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    random = np.random.default_rng(5)
    pixels = random.integers(0, 255, (16, 24, 3), np.uint8)
    source = project_root / "crate_albedo.png"
    Image.fromarray(pixels).resize((96, 64)).save(source)
    out = project_root / "processed"
    options = {"format": "webp", "compression": "bc1"}
    result, given = processed(AssetKind.TEXTURE, source, out, options)
    report = result.report
    assert isinstance(report, TextureReport)
    fields = {"result": result_to_json(result), "options": given, "out_dir": "processed"}
    await shown(window, slate, source.name, AssetKind.TEXTURE, S.COMPLETED, **fields)
    # What came out, and what was saved.
    assert rows_of(window, "Files that were made") == [
        ["crate_albedo.webp", "Result", size_of(out / "crate_albedo.webp")],
        ["crate_albedo.ktx2", "For the GPU", size_of(out / "crate_albedo.ktx2")],
    ]
    assert value_of(window, "File").startswith(format_bytes(source.stat().st_size))
    detail = str(window.jobs.rows.index(0, DETAIL).data())
    assert detail.startswith(f"{size_of(source)} → {size_of(out / 'crate_albedo.webp')} (")
    plain = sum(max(1, 96 >> level) * max(1, 64 >> level) * 4 for level in range(7))
    memory = value_of(window, "Video memory")
    assert memory.startswith(format_bytes(plain))
    assert memory.endswith("% less")
    # How good it is, level by level.
    blocks = next(m for m in report.measures if m.path.endswith(".ktx2"))
    levels = rows_of(window, "Likeness of each level")
    assert len(levels) == blocks.levels == 7
    assert levels[0] == ["0", "96 × 64", f"{blocks.psnr_db:.1f} dB", f"{blocks.ssim:.4f}"]
    assert levels[-1][1] == "1 × 1"
    assert len(blocks.level_ssim) == 7
    # What was found, and what would have been better.
    assert value_of(window, "Usage") == "colour map"
    assert value_of(window, "Alpha") == "none"
    assert value_of(window, "Colour space") == "sRGB"
    assert any("BC7 would be better than BC1" in text for text in texts(window))
    # Folded until somebody asks, and as tall as its rows then.
    assert "Tools" not in texts(window)
    fold_of(window, "How it was made").click()
    assert "slate-texture" in value_of(window, "Tools")
    assert value_of(window, "Compression") == "bc1"
    # Each file is opened here, or shown in its folder.
    revealed: list[Path] = []
    monkeypatch.setattr(outside, "reveal", revealed.append)
    table = table_of(window, "Files that were made")
    table.setCurrentItem(table.topLevelItem(1))
    button(window, "Reveal").click()
    assert revealed == [out / "crate_albedo.ktx2"]
    button(window, "Open").click()
    await until(lambda: window.documents.current is not None)
    assert window.documents.current is not None
    assert window.documents.current.path == out / "crate_albedo.ktx2"


async def test_report_of_a_model(window: MainWindow, slate: FakeSlate, project_root: Path) -> None:
    source = project_root / "tree.glb"
    rich_model(source, side=12)
    out = project_root / "processed"
    result, given = processed(
        AssetKind.MODEL, source, out, {"generate_lods": True, "lod_levels": [0.5, 0.25]}
    )
    report = result.report
    assert isinstance(report, ModelReport)
    fields = {"result": result_to_json(result), "options": given}
    await shown(window, slate, source.name, AssetKind.MODEL, S.COMPLETED, **fields)
    levels = rows_of(window, "Levels of detail")
    assert [row[:2] for row in levels] == [["1", "50 %"], ["2", "25 %"]]
    for row, lod in zip(levels, report.lods, strict=True):
        kept = float(row[2].removesuffix(" %")) / 100
        assert kept == pytest.approx(lod.triangles / report.after.triangles, abs=0.001)
        assert row[3] == f"{lod.triangles:,}"
        assert row[5] == size_of(out / f"tree_lod{lod.level}.glb")
    counts = {row[0]: row[1:] for row in rows_of(window, "Counts before and after")}
    assert counts["Triangles"] == [f"{report.before.triangles:,}", f"{report.after.triangles:,}"]
    assert counts["Bones"][1] == f"{report.after.bones}"
    assert "Level of detail 2" in rows_of(window, "Files that were made")[2]
    assert value_of(window, "Box").endswith(" m")


async def test_report_of_a_sound(window: MainWindow, slate: FakeSlate, project_root: Path) -> None:
    source = write_wav(project_root / "door.wav", level=0.1)
    result, given = processed(
        AssetKind.AUDIO,
        source,
        project_root / "processed",
        {"format": "flac", "normalize": True, "channels": 1},
    )
    report = result.report
    assert isinstance(report, AudioReport)
    fields = {"result": result_to_json(result), "options": given}
    await shown(window, slate, source.name, AssetKind.AUDIO, S.COMPLETED, **fields)
    levels = {row[0]: row[1:] for row in rows_of(window, "Levels before and after")}
    assert levels["Loudness"] == [f"{report.before.lufs:.1f} LUFS", f"{report.after.lufs:.1f} LUFS"]
    assert levels["True peak"][1].endswith("dBTP")
    assert value_of(window, "Gain") == f"{report.gain_db:+.1f} dB"
    assert value_of(window, "Channels") == "stereo → mono"
    assert value_of(window, "Sample rate") == "22,050 Hz"
    window.jobs.report.copy.click()
    copied = QGuiApplication.clipboard().text()
    for part in ("door.wav  —  done", "Loudness", "stereo → mono", "slate-audio"):
        assert part in copied, copied


async def test_failure_says_why_and_what_to_do_before_anything_else(
    window: MainWindow, slate: FakeSlate
) -> None:
    fields = {
        "error_code": "asset_invalid",
        "error_message": "The PNG is damaged: a checksum is wrong.",
        "lease_owner": "sbx01.1",
        "attempt": 1,
        "options": {"format": "ktx2"},
    }
    await shown(window, slate, "broken.png", AssetKind.TEXTURE, S.FAILED, **fields)
    view = window.jobs.report
    assert view.reason.text() == "The PNG is damaged: a checksum is wrong."
    assert view.reason.property("role") == "error"
    assert "export it again" in view.advice.text()
    assert not any("asset_invalid" in text for text in texts(window))
    fold = fold_of(window, "Details")
    fold.setFocus(Qt.FocusReason.TabFocusReason)
    QTest.keyClick(fold, Qt.Key.Key_Space)
    assert value_of(window, "Code") == "asset_invalid"
    assert value_of(window, "Worker") == "sbx01.1, attempt 1"


async def test_asset_that_misses_a_file_leads_to_where_it_should_be(
    window: MainWindow, slate: FakeSlate, project_root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (project_root / "models" / "textures").mkdir(parents=True)
    inputs = [
        AssetInput(name="ship.gltf", sha256="0" * 64, size=1),
        AssetInput(name="textures/hull.png", sha256=MISSING, size=0),
    ]
    message = "ship.gltf is blocked by textures/hull.png, which is missing."
    job = await shown(
        window,
        slate,
        "models/ship.gltf",
        AssetKind.MODEL,
        S.FAILED,
        error_code="asset_invalid",
        error_message=message,
    )
    slate.change_asset_job(job.id, inputs=inputs)
    await until(lambda: "What blocks it" in texts(window))
    assert rows_of(window, "Files that are missing") == [["textures/hull.png", "missing"]]
    revealed: list[Path] = []
    monkeypatch.setattr(outside, "reveal", revealed.append)
    button(window, "Show its folder").click()
    assert revealed == [project_root / "models" / "textures"]


async def test_running_job_tells_what_it_does(window: MainWindow, slate: FakeSlate) -> None:
    fields = {"progress": 40, "progress_message": "compressing to bc7"}
    await shown(window, slate, "rock.png", AssetKind.TEXTURE, S.PROCESSING, **fields)
    assert window.jobs.report.reason.text() == "compressing to bc7"
    assert not window.jobs.report.advice.isVisibleTo(window.jobs.report)


async def test_long_names_push_nothing_and_are_told_whole(
    window: MainWindow, slate: FakeSlate
) -> None:
    await shown(window, slate, "a.png", AssetKind.TEXTURE, S.QUEUED)
    # A splitter adds its sides up anew when one of them comes, not when its own handle does.
    for split in window.jobs.findChildren(QSplitter):
        split.refresh()
    least = window.jobs.minimumSizeHint().width()
    await shown(window, slate, LONG, AssetKind.TEXTURE, S.QUEUED, options={"format": "x" * 200})
    view = window.jobs.report
    assert LONG in view.name.toolTip()
    fold_of(window, "How it was made").click()
    QApplication.sendPostedEvents()
    inner = view.area.widget()
    assert inner is not None
    assert inner.minimumSizeHint().width() <= view.area.viewport().width()
    assert window.jobs.minimumSizeHint().width() == least
    index = window.jobs.rows.index(0, ASSET)
    assert LONG in str(index.data(Qt.ItemDataRole.ToolTipRole))


@pytest.mark.parametrize("width", [1100, 1600])
async def test_free_width_of_the_table_goes_to_the_asset(
    window: MainWindow, slate: FakeSlate, width: int
) -> None:
    window.resize(width, 900)
    await shown(window, slate, LONG, AssetKind.TEXTURE, S.QUEUED)
    view = window.jobs.view
    header = view.header()
    await until(lambda: header.length() == view.viewport().width())
    sizes = [header.sectionSize(column) for column in range(header.count())]
    assert sizes[ASSET] >= max(sizes[1:])
    assert sizes[DETAIL] > max(sizes[1:DETAIL])
    # The row that the report belongs to stands out from the others.
    await shown(window, slate, "b.png", AssetKind.TEXTURE, S.QUEUED)
    picture = view.viewport().grab().toImage()
    grounds = []
    for row in range(2):
        place = view.visualRect(window.jobs.rows.index(row, DETAIL)).bottomRight()
        grounds.append(picture.pixelColor(place * picture.devicePixelRatio()).name())
    assert grounds[0] == window.theme.tokens.hex("surface.selected")
    assert grounds[1] != grounds[0]


async def test_result_of_another_release_is_shown_as_it_is(
    window: MainWindow, slate: FakeSlate
) -> None:
    result = {"products": [], "report": {"kind": "model", "warnings": ["<b>Bare.</b>"]}}
    await shown(window, slate, "a.obj", AssetKind.MODEL, S.COMPLETED, result=result)
    assert any("Another release" in text for text in texts(window))
    fold_of(window, "Raw report").click()
    raw = [label for label in window.jobs.report.findChildren(QLabel) if "<b>" in label.text()]
    assert [label.textFormat() for label in raw] == [Qt.TextFormat.PlainText]


async def test_a_job_is_chosen_alone_while_a_key_is_held(
    window: MainWindow, slate: FakeSlate
) -> None:
    pane = window.jobs
    await shown(window, slate, "a.png", AssetKind.TEXTURE, S.QUEUED)
    job = await shown(window, slate, "b.png", AssetKind.TEXTURE, S.QUEUED)
    await shown(window, slate, "c.png", AssetKind.TEXTURE, S.QUEUED)
    QTest.keyPress(window, Qt.Key.Key_A, Qt.KeyboardModifier.ShiftModifier)
    assert QApplication.keyboardModifiers() is Qt.KeyboardModifier.ShiftModifier
    pane.choose(job.id)
    assert [chosen.id for chosen in pane.selected] == [job.id]
    QTest.keyRelease(window, Qt.Key.Key_A)
