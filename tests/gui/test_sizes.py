"""Small and large windows, right-to-left, long names, nothing that jumps, and less motion."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from PySide6.QtCore import QPoint, QRect, QSize, Qt
from PySide6.QtWidgets import QApplication, QToolBar, QWidget

from slate_desktop.domain.session import SessionStatus
from slate_desktop.settings import paths
from slate_desktop.ui import app as app_module
from slate_desktop.ui.settings.dialog import SettingsDialog
from slate_desktop.ui.window import MainWindow, first_size
from tests.gui.conftest import until
from tests.gui.fakes import FakeSlate
from tests.gui.test_accessibility import filled, path_of

SIZES = (QSize(1280, 720), QSize(3840, 2160))
LONG = "the-return-of-the-lighthouse-keeper-of-cape-finisterre-" * 3
ARABIC = "\u0645\u0634\u0631\u0648\u0639-\u0627\u0644\u0645\u0646\u0627\u0631\u0629"


@pytest.fixture
def right_to_left(qapp: QApplication) -> Iterator[None]:
    qapp.setLayoutDirection(Qt.LayoutDirection.RightToLeft)
    yield
    qapp.setLayoutDirection(Qt.LayoutDirection.LeftToRight)


def place_of(widget: QWidget, window: QWidget) -> QRect:
    return QRect(widget.mapTo(window, QPoint()), widget.size())


def outside(window: MainWindow) -> list[str]:
    """What is shown, and lies outside of the window."""
    found = []
    for widget in [*window.docks.docks.values(), window.centre, window.status_row]:
        if widget.isVisibleTo(window) and not widget.visibleRegion().isEmpty():
            place = place_of(widget, window)
            if not window.rect().contains(place):
                found.append(f"{path_of(widget)} at {place}")
    return found


async def settled(window: MainWindow, size: QSize) -> None:
    window.resize(size)
    await until(lambda: window.size() == size and not window.docks.is_moving)
    QApplication.sendPostedEvents()


@pytest.mark.parametrize("size", SIZES, ids=lambda s: f"{s.width()}x{s.height()}")
async def test_everything_is_in_a_window_of(
    window: MainWindow, slate: FakeSlate, size: QSize
) -> None:
    await filled(window, slate)
    await settled(window, size)
    assert outside(window) == []
    # The centre and the panes below it keep room to work in.
    assert window.centre.width() >= 320
    assert window.centre.height() >= 160
    assert window.docks.docks["console"].height() >= 100
    needed = window.minimumSizeHint()
    assert needed.width() <= 1280
    assert needed.height() <= 720


async def test_right_to_left_mirrors_the_window(
    right_to_left: None, window: MainWindow, slate: FakeSlate, project_root: Path
) -> None:
    slate.put_project(ARABIC, str(project_root))
    slate.put_project(LONG, str(project_root))
    await filled(window, slate)
    await settled(window, SIZES[0])
    window.registry["view.start"].trigger()
    assert outside(window) == []
    # Panes stay where they were put, as Qt has it; what is in them begins at the right.
    bar = window.findChild(QToolBar)
    start, stop = (
        bar.widgetForAction(window.registry[name]) for name in ("session.start", "session.stop")
    )
    assert place_of(start, window).left() > place_of(stop, window).left()
    assert window.start_page.layoutDirection() is Qt.LayoutDirection.RightToLeft
    session_id = next(iter(slate.sessions))
    await slate.log(session_id, f"{ARABIC} (64 / 64)", LONG * 4)
    buffer = window.console.current_buffer
    assert buffer is not None
    await until(lambda: len(buffer) >= 5)
    assert not window.grab().isNull()


async def test_long_names_make_nothing_wider(
    window: MainWindow, slate: FakeSlate, project_root: Path
) -> None:
    assert window.builds
    assert window.build_panel
    assert window.jobs
    await settled(window, SIZES[0])

    def widths() -> dict[str, int]:
        # A pane behind another tab lies beside the window.
        docks = window.docks.docks.items()
        return {n: d.width() for n, d in docks if place_of(d, window).intersects(window.rect())}

    before = widths()
    project = slate.put_project(LONG, str(project_root))
    await window.workspace.refresh_projects()
    window.workspace.choose_project(project.id)
    slate.put_session(project.id, SessionStatus.RUNNING)
    await until(lambda: any(s.project_id == project.id for s in window.workspace.sessions))
    QApplication.sendPostedEvents()
    assert widths() == before
    assert window.size() == SIZES[0]
    assert outside(window) == []


async def test_nothing_jumps_while_a_session_starts_and_ends(
    window: MainWindow, slate: FakeSlate
) -> None:
    await settled(window, SIZES[0])
    await until(lambda: window.registry["session.start"].isEnabled())
    fixed = [*window.docks.docks.values(), window.centre, window.status_row, window.menuBar()]

    def now() -> list[tuple[str, QRect]]:
        QApplication.sendPostedEvents()
        places = [(path_of(w), place_of(w, window)) for w in fixed if w.isVisibleTo(window)]
        # A pane behind another tab lies beside the window.
        return [(path, place) for path, place in places if place.intersects(window.rect())]

    before = now()
    # Panes that are made late come into places that are there already.
    assert window.builds
    assert window.build_panel
    assert window.jobs
    assert now() == before
    window.registry["session.start"].trigger()
    await until(lambda: any(s.status is SessionStatus.RUNNING for s in slate.sessions.values()))
    session_id = next(iter(slate.sessions))
    assert now() == before
    await slate.log(session_id, *[f"line {n}" for n in range(200)])
    buffer = window.console.current_buffer
    assert buffer is not None
    await until(lambda: len(buffer) >= 200)
    assert now() == before
    window.workspace.notify("warning", "Something to know", "More of it")
    await slate.move(session_id, SessionStatus.FAILED, error_code="oom", error_message="2 GB")
    await until(lambda: window.details.banner.isVisibleTo(window))
    assert now() == before


async def test_less_motion_counts_at_once_and_at_the_next_start(
    window: MainWindow, qapp: QApplication, own_logging: object
) -> None:
    flash = qapp.cursorFlashTime()
    assert window.isAnimated()
    window.registry["settings.open"].trigger()
    await until(lambda: window.findChild(SettingsDialog) is not None)
    dialog = window.findChild(SettingsDialog)
    dialog.rows["reduced_motion"].field.click()
    await until(lambda: not window.isAnimated())
    assert qapp.cursorFlashTime() == 0
    assert not qapp.isEffectEnabled(Qt.UIEffect.UI_AnimateCombo)
    assert "reduced_motion = true" in paths.settings_file().read_text()
    window.motion.set_reduced(False)
    assert qapp.cursorFlashTime() == flash
    assert window.isAnimated()
    await app_module.read_settings(window)
    assert not window.isAnimated()
    dialog.rows["reduced_motion"].field.click()
    await until(window.isAnimated)
    dialog.reject()


@pytest.mark.parametrize(("width", "height"), [(1366, 768), (1440, 900), (1280, 720)])
def test_first_window_fits_on_the_screen_with_its_title_bar(width: int, height: int) -> None:
    size = first_size(QSize(width, height))
    assert size.width() <= width
    assert size.height() <= height - 40
    assert first_size(QSize(2560, 1440)) == QSize(1440, 900)
