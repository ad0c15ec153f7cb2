"""Names that are long, or run from right to left, push nothing out of sight."""

from __future__ import annotations

from datetime import UTC, datetime

from PySide6.QtCore import Qt
from PySide6.QtGui import QFontMetrics
from PySide6.QtWidgets import QApplication, QScrollArea

from slate_desktop.domain.engine import Engine
from slate_desktop.domain.project import Project
from slate_desktop.ui.rows import whole_parts
from slate_desktop.ui.text import beside
from slate_desktop.ui.window import MainWindow
from tests.gui.conftest import until

LONG = "a very long name that nobody would ever type but somebody did anyway " * 2


def project(name: str) -> Project:
    now = datetime.now(UTC)
    return Project(
        id="p",
        name=name,
        owner_id="",
        root="/games/long",
        engine=Engine.CUSTOM,
        engine_version=None,
        created_at=now,
        updated_at=now,
    )


async def test_a_long_name_leaves_the_build_form_as_wide_as_its_pane(window: MainWindow) -> None:
    panel = window.build_panel
    window.docks.docks["build"].raise_()
    await until(lambda: panel.isVisible())
    panel.show_project(project("short"))
    narrow = panel.minimumSizeHint().width()
    area = panel.findChild(QScrollArea)
    assert area is not None
    inner = area.widget()
    assert inner is not None
    least = inner.minimumSizeHint().width()
    panel.show_project(project(LONG))
    assert inner.minimumSizeHint().width() == least
    assert panel.minimumSizeHint().width() == narrow
    assert panel.title.toolTip().strip("\u200b") == LONG.strip() or LONG in panel.title.toolTip()


def test_what_is_cut_off_beside_wide_docks_can_be_scrolled_to(window: MainWindow) -> None:
    policy = window.details.scroller.horizontalScrollBarPolicy()
    assert policy is Qt.ScrollBarPolicy.ScrollBarAsNeeded


def test_digits_stay_behind_a_name_from_right_to_left() -> None:
    assert beside("pong", "9e4360b2") == "pong · 9e4360b2"
    assert beside("\u05e9\u05dc\u05d5\u05dd", "9e43") == "\u05e9\u05dc\u05d5\u05dd\u200e · 9e43"


def test_badge_loses_whole_parts(qapp: QApplication) -> None:
    metrics = QFontMetrics(qapp.font())
    words = "running · 22 min"
    assert whole_parts(words, metrics, metrics.horizontalAdvance(words)) == words
    assert whole_parts(words, metrics, metrics.horizontalAdvance(words) - 1) == "running"
    assert whole_parts("processed", metrics, 1) == "processed", "the painter cuts this one"
