"""What a designer looks at: edges, gaps and words that are the same wherever they are shown."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import pytest
from PySide6.QtCore import QModelIndex, QPoint, QRect, QSize, Qt
from PySide6.QtGui import QColor, QFont, QFontMetricsF, QImage, QPainter
from PySide6.QtWidgets import (
    QApplication,
    QDialog,
    QHeaderView,
    QLineEdit,
    QListWidget,
    QMenu,
    QPlainTextEdit,
    QPushButton,
    QStyleOptionViewItem,
    QWidget,
)

from slate_desktop.domain.assets.kinds import AssetJobStatus, AssetKind
from slate_desktop.domain.build import BuildStatus
from slate_desktop.domain.engine import Engine, EngineDetection
from slate_desktop.domain.hosts import Host
from slate_desktop.domain.session import SessionStatus
from slate_desktop.ui import icons
from slate_desktop.ui.add_project import AddProjectDialog
from slate_desktop.ui.alerts.editor import RuleEditor
from slate_desktop.ui.assets.quick_look import QuickLook
from slate_desktop.ui.banner import Banner
from slate_desktop.ui.builds.presets import PresetDialog
from slate_desktop.ui.builds.table import STATE as BUILD_STATE
from slate_desktop.ui.dialogs import Question, fit_height, make_room
from slate_desktop.ui.documents.editor import CodeEditor
from slate_desktop.ui.documents.hex_view import HexView
from slate_desktop.ui.help.page import Page
from slate_desktop.ui.jobs.preset_commands import SaveDialog
from slate_desktop.ui.jobs.rows import STATE as JOB_STATE
from slate_desktop.ui.language import speak
from slate_desktop.ui.monitor.duty import DutyDialog
from slate_desktop.ui.problems import Problem
from slate_desktop.ui.text import ElidedLabel, PartsLabel
from slate_desktop.ui.theme import Theme
from slate_desktop.ui.tokens import (
    BUTTON_GAP,
    DIALOG_MARGINS,
    ICON_SIZE,
    THEMES,
    contrast_ratio,
    load_tokens,
)
from slate_desktop.ui.window import MainWindow
from tests.gui.conftest import until
from tests.gui.dialog_makers import DIALOGS
from tests.gui.fakes import FakeSlate
from tests.gui.test_accessibility import filled, path_of

LANGUAGES = ("en", "de")
VALUES = {"latest", "python3 server.py", "ls -l /app/project"}


@pytest.fixture(params=LANGUAGES)
def language(request: pytest.FixtureRequest, qapp: QApplication) -> Iterator[str]:
    assert speak(qapp, request.param) == request.param
    yield request.param
    assert speak(qapp, "en") == "en"


def shown_dialogs(window: MainWindow, folder: Path) -> Iterator[QDialog]:
    for _, make in DIALOGS:
        dialog = make(window, folder)
        make_room(dialog)
        fit_height(dialog)
        dialog.show()
        QApplication.sendPostedEvents()
        yield dialog
        dialog.hide()
        dialog.deleteLater()


async def test_every_dialog_has_the_same_margins(window: MainWindow, tmp_path: Path) -> None:
    found = {}
    for dialog in shown_dialogs(window, tmp_path):
        if not isinstance(dialog, QuickLook):  # a page of a document, which reaches to the edges
            edges = dialog.layout().contentsMargins()
            margins = (edges.left(), edges.top(), edges.right(), edges.bottom())
            if margins != DIALOG_MARGINS:
                found[type(dialog).__name__] = margins
    assert found == {}


async def test_neighbouring_buttons_are_equally_far_apart(
    window: MainWindow, tmp_path: Path
) -> None:
    found = []
    for dialog in shown_dialogs(window, tmp_path):
        places = [
            QRect(button.mapTo(dialog, QPoint()), button.size())
            for button in dialog.findChildren(QPushButton)
            if button.isVisibleTo(dialog) and not button.isFlat()
        ]
        for left, right in pairwise(sorted(places, key=lambda place: (place.y(), place.x()))):
            gap = right.left() - left.right() - 1
            # Buttons at both ends of a row have everything else between them.
            if left.y() == right.y() and gap < 40 and gap != BUTTON_GAP:
                found.append(f"{type(dialog).__name__}: {gap} px")
    assert found == []


def narrow_headers(root: QWidget) -> list[str]:
    """Titles of columns that have less room than their words need."""
    found = []
    for header in root.findChildren(QHeaderView):
        # A pane behind another tab is visible for Qt, and has no size of its own yet.
        is_seen = header.isVisibleTo(root) and not header.visibleRegion().isEmpty()
        if header.orientation() is not Qt.Orientation.Horizontal or not is_seen:
            continue
        for section in range(header.count()):
            title = header.model().headerData(section, Qt.Orientation.Horizontal)
            metrics = QFontMetricsF(header.font())
            needed = metrics.horizontalAdvance(str(title or "")) + 16  # the padding of the sheet
            if not header.isSectionHidden(section) and header.sectionSize(section) < needed:
                size = header.sectionSize(section)
                found.append(f"{title!r} has {size} of {needed:.0f} px in {path_of(header)}")
    return found


async def test_no_title_of_a_column_is_cut_in_a_small_window(
    language: str, window: MainWindow, slate: FakeSlate
) -> None:
    window.resize(QSize(1280, 720))
    slate.hosts = [
        Host(
            id="sbx01",
            name="sbx01",
            is_online=True,
            seen_ago_s=1.0,
            drivers=("docker",),
            cpus=16,
            memory_bytes=64 * 2**30,
            has_gpu=True,
            sessions=2,
            memory_held=0,
            load=None,
        )
    ]
    project = next(iter(slate.projects))
    for status in BuildStatus:
        slate.put_build(project, status=status)
    for number, state in enumerate(AssetJobStatus):
        slate.put_asset_job(project, f"{number}.png", AssetKind.TEXTURE, state)
    await filled(window, slate)
    await until(lambda: window.builds.model.rowCount() and window.jobs.rows.rowCount())
    found = []
    for docks in (("performance", "console"), ("build", "builds"), ("assets",), ("jobs",)):
        for name in docks:
            dock = window.docks.docks[name]
            dock.raise_()
            await until(lambda dock=dock: not dock.widget().visibleRegion().isEmpty())
        QApplication.sendPostedEvents()
        found += narrow_headers(window)
    for view, column in ((window.builds.view, BUILD_STATE), (window.jobs.view, JOB_STATE)):
        # With the icon and the padding that are in it.
        needed = view.sizeHintForColumn(column)
        given = view.visualRect(view.model().index(0, column))
        if given.width() < needed:
            found.append(f"a state has {given.width()} of {needed} px in {path_of(view)}")
    window.docks.docks["performance"].raise_()
    window.performance.tools.hosts.click()
    await until(lambda: not window.performance.hosts.tree.visibleRegion().isEmpty())
    found += narrow_headers(window)
    assert not found, "\n".join(dict.fromkeys(found))


async def test_no_title_of_a_column_is_cut_in_a_dialog(
    language: str, window: MainWindow, tmp_path: Path
) -> None:
    found = []
    for dialog in shown_dialogs(window, tmp_path):
        found += [f"{type(dialog).__name__}: {text}" for text in narrow_headers(dialog)]
    assert not found, "\n".join(found)


async def test_what_a_field_says_when_it_is_empty_begins_like_a_sentence(
    window: MainWindow, slate: FakeSlate, tmp_path: Path
) -> None:
    await filled(window, slate)
    roots: list[QWidget] = [window, *shown_dialogs(window, tmp_path)]
    found = []
    for root in roots:
        for field in root.findChildren(QWidget):
            if isinstance(field, QLineEdit | QPlainTextEdit):
                text = field.placeholderText()
                # Addresses, paths and values are written as they are.
                if text[:1].islower() and text.partition(" ")[0].isalpha() and text not in VALUES:
                    found.append(f"{text!r} in {path_of(field)}")
    assert not found, "\n".join(dict.fromkeys(found))


@pytest.mark.parametrize("name", THEMES)
def test_the_button_that_destroys_can_be_read(name: str) -> None:
    tokens = load_tokens(name)
    least = 7.0 if name == "contrast" else 4.5
    for ground in ("accent.danger", "accent.danger_hover"):
        assert contrast_ratio(tokens.hex("text.on_accent"), tokens.hex(ground)) >= least


async def test_a_deed_that_destroys_looks_like_it(window: MainWindow) -> None:
    for is_danger in (True, False):
        dialog = Question(
            window, window.theme, title="A", text="B?", action="Remove", is_danger=is_danger
        )
        yes = next(b for b in dialog.findChildren(QPushButton) if b.text() == "Remove")
        assert bool(yes.property("danger")) is is_danger
        assert bool(yes.property("primary")) is not is_danger
        dialog.deleteLater()


def test_code_is_shown_letter_by_letter(theme: Theme) -> None:
    """Ligatures would draw two signs as one."""
    assert theme.mono_font().featureValue(QFont.Tag("calt")) == 0
    assert theme.mono_font().isFeatureSet(QFont.Tag("calt"))


def test_words_of_the_guide_have_weights_that_its_font_has(qapp: QApplication) -> None:
    page = Page()
    page.show_markdown("**Find.** Press `F3`.\n\n| Key | What |\n| --- | --- |\n| F3 | next |\n")
    weights = set()
    block = page.document().begin()
    while block.isValid():
        piece = block.begin()
        while not piece.atEnd():
            weights.add(piece.fragment().charFormat().fontWeight())
            piece += 1
        block = block.next()
    assert max(weights) == QFont.Weight.DemiBold
    page.deleteLater()


def test_code_of_the_guide_keeps_off_the_edge_of_its_ground(qapp: QApplication) -> None:
    page = Page()
    page.show_markdown("```sh\nmake run\n```\n")
    block = page.document().begin()
    assert block.text() == "make run"
    assert block.blockFormat().textIndent() >= 8
    page.deleteLater()


def first_for_keys(dialog: QDialog) -> QWidget:
    widget = dialog.nextInFocusChain()
    while not (
        widget.focusPolicy() & Qt.FocusPolicy.TabFocus
        and widget.isEnabled()
        and widget.isVisibleTo(dialog)
    ):
        widget = widget.nextInFocusChain()
    return widget


async def test_what_to_write_first_has_the_keys_at_once(window: MainWindow, tmp_path: Path) -> None:
    for dialog in shown_dialogs(window, tmp_path):
        if isinstance(dialog, SaveDialog | PresetDialog | RuleEditor | DutyDialog):
            assert isinstance(first_for_keys(dialog), QLineEdit), type(dialog).__name__


async def test_problems_of_a_build_take_the_colours_of_another_theme(
    window: MainWindow, slate: FakeSlate
) -> None:
    project = next(iter(slate.projects))
    error = {"severity": "error", "message": "Parse error", "file": "Main.gd", "line": 24}
    build = slate.put_build(project, status=BuildStatus.FAILED, errors=[error])
    assert window.builds
    window.docks.docks["builds"].raise_()
    await until(lambda: window.builds.model.rowCount())
    window.builds.select(build.id)
    tree = window.builds.result.errors
    await until(lambda: tree.topLevelItemCount() == 1)
    assert not tree.rootIsDecorated()  # it stands in one place, and opens nothing

    def picture() -> QImage:
        return tree.topLevelItem(0).icon(0).pixmap(16).toImage()

    dark = picture()
    window.theme.set_choice("light")
    assert picture() != dark
    window.theme.set_choice("dark")
    assert picture() == dark


async def test_fields_of_asset_options_begin_at_one_edge(
    language: str, window: MainWindow, slate: FakeSlate
) -> None:
    await filled(window, slate)
    window.docks.docks["jobs"].raise_()
    form = window.jobs.options
    window.jobs.side.setCurrentWidget(form)
    for zoom in (1, 0):
        window.theme.step_zoom(zoom)
        await until(lambda: not form.visibleRegion().isEmpty())
        QApplication.sendPostedEvents()
        fields = [form.preset, form.out_dir, form.kind]
        fields += [f for f in form.forms[AssetKind.TEXTURE].fields.values() if f.isVisibleTo(form)]
        assert len({field.mapTo(form, QPoint()).x() for field in fields}) == 1


def ink(image: QImage, ground: QColor) -> tuple[int, int]:
    """The first and the last column of an image that is not only ground."""
    found = [
        x
        for x in range(image.width())
        if any(image.pixelColor(x, y) != ground for y in range(0, image.height(), 2))
    ]
    return found[0], found[-1]


@pytest.mark.parametrize(
    "direction", [Qt.LayoutDirection.LeftToRight, Qt.LayoutDirection.RightToLeft]
)
async def test_a_row_is_mirrored_with_its_window_and_nothing_lies_on_another(
    window: MainWindow, slate: FakeSlate, direction: Qt.LayoutDirection
) -> None:
    """Icon and name begin where the reading does; the badge is at the other end."""
    project = next(iter(slate.projects))
    slate.put_session(project, SessionStatus.FAILED)
    view = window.sessions.view
    await until(lambda: view.model().rowCount())
    view.setLayoutDirection(direction)
    view.setCurrentIndex(QModelIndex())
    view.clearSelection()
    row = QImage(QSize(300, 24), QImage.Format.Format_RGB32)
    ground = window.theme.tokens.color("surface.panel")
    row.fill(ground)
    option = QStyleOptionViewItem()
    option.rect, option.direction = QRect(0, 0, 300, 24), direction
    painter = QPainter(row)
    painter.setLayoutDirection(direction)
    view.itemDelegate().paint(painter, option, view.model().index(0))
    painter.end()
    icon = QRect(4, 0, 16, 24)
    name_and_badge = QRect(27, 0, 273, 24)
    is_mirrored = direction is Qt.LayoutDirection.RightToLeft
    if is_mirrored:
        icon, name_and_badge = QRect(280, 0, 16, 24), QRect(0, 0, 273, 24)
    first, last = ink(row.copy(icon), ground)
    assert last - first > 8
    words = row.copy(name_and_badge)
    first, last = ink(words, ground)
    assert (first > 8) is is_mirrored  # the room that is kept at the badge's end
    # Between them is room: where both fit, no column of letters is shared.
    gaps = "".join(
        " " if all(words.pixelColor(x, y) == ground for y in range(words.height())) else "x"
        for x in range(first, last + 1)
    )
    assert " " * 14 in gaps


async def test_code_and_logs_read_from_the_left_in_every_language(
    qapp: QApplication, window: MainWindow, slate: FakeSlate
) -> None:
    await filled(window, slate)
    window.docks.docks["console"].raise_()
    view = window.console.view
    buffer = window.console.current_buffer
    assert buffer is not None
    await until(lambda: len(buffer) >= 3)
    view.set_times(is_on=False)
    view.resize(QSize(600, 200))
    picture = view.viewport().grab().toImage()
    qapp.setLayoutDirection(Qt.LayoutDirection.RightToLeft)
    try:
        assert view.layoutDirection() is Qt.LayoutDirection.LeftToRight
        assert view.viewport().grab().toImage() == picture
        for other in (HexView(window.theme), CodeEditor(window.theme)):
            assert other.layoutDirection() is Qt.LayoutDirection.LeftToRight
            other.deleteLater()
    finally:
        qapp.setLayoutDirection(Qt.LayoutDirection.LeftToRight)


def test_a_line_of_parts_leaves_out_those_that_do_not_fit(qapp: QApplication) -> None:
    text = f"CPU 63 %{PartsLabel.SEPARATOR}memory 705 MB"
    label = PartsLabel(text)
    whole = label.fontMetrics().horizontalAdvance(text)
    assert label.shown(whole + 4) == text
    assert label.shown(whole - 1) == "CPU 63 %"
    label.resize(whole - 1, 20)
    label.setText(text)
    assert "memory" in label.toolTip()
    label.deleteLater()


def test_a_menu_shows_what_is_switched_on(qapp: QApplication, theme: Theme) -> None:
    pictures = []
    for icon in ("", "clock"):
        for is_on in (False, True):
            menu = QMenu()
            action = menu.addAction("Show times")
            action.setCheckable(True)
            action.setChecked(is_on)
            if icon:
                action.setIcon(icons.icon(icon, theme.tokens))
            menu.ensurePolished()
            menu.resize(menu.sizeHint())
            pictures.append(menu.grab().toImage())
            menu.deleteLater()
    assert pictures[0] != pictures[1]
    assert pictures[2] != pictures[3]


async def test_icons_of_lists_are_as_large_as_they_were_drawn(
    window: MainWindow, tmp_path: Path
) -> None:
    seen = []
    for dialog in shown_dialogs(window, tmp_path):
        for view in dialog.findChildren(QListWidget):
            if any(not view.item(row).icon().isNull() for row in range(view.count())):
                seen.append(view.iconSize())
    assert set(seen) == {QSize(ICON_SIZE, ICON_SIZE)}


def test_a_path_with_no_room_is_not_shown_as_three_letters(qapp: QApplication) -> None:
    label = ElidedLabel("/home/anna/games/harbour", least=80)
    assert label.shown(60) == ""
    assert label.shown(100).endswith("…")
    assert label.shown(600) == label.text()
    short = ElidedLabel("/a", least=80)
    assert short.shown(60) == "/a"


async def test_only_an_engine_that_was_found_is_told_in_green(
    window: MainWindow, tmp_path: Path
) -> None:
    dialog = AddProjectDialog(window, window.theme, str(tmp_path))
    for engine, role in ((Engine.CUSTOM, "muted"), (Engine.GODOT, "ok")):
        dialog.show_finding(str(tmp_path), EngineDetection(engine=engine))
        assert dialog.finding.property("role") == role
    dialog.deleteLater()


@pytest.mark.parametrize("width", [320, 900])
async def test_a_banner_leaves_its_text_room_beside_its_buttons(
    window: MainWindow, width: int
) -> None:
    banner = Banner(window.theme, window)
    problem = Problem("SLATE could not connect.", "Nothing answers.", "Try again.", raw="raw")
    banner.show_problem(problem, action="Try now")
    # The second time with the buttons where they belong.
    for _ in range(2):
        banner.resize(width, banner.heightForWidth(width))
        QApplication.sendPostedEvents()
    assert banner.what.width() >= 220
    is_below = banner.action.mapTo(banner, QPoint()).y() > banner.next_step.geometry().bottom()
    assert is_below is (width < 400)
    banner.deleteLater()
