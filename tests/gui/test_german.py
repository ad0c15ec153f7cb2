"""The window in German: no English text is left, and no text is cut."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from PySide6.QtCore import QAbstractListModel, QSize, Qt
from PySide6.QtGui import QFontMetrics
from PySide6.QtWidgets import (
    QAbstractButton,
    QAbstractItemView,
    QAbstractSpinBox,
    QApplication,
    QComboBox,
    QDialogButtonBox,
    QDockWidget,
    QGroupBox,
    QLabel,
    QLineEdit,
    QMenu,
    QPlainTextEdit,
    QTabBar,
    QToolButton,
    QWidget,
)

from slate_desktop import translation
from slate_desktop.domain.assets.kinds import AssetJobStatus, AssetKind
from slate_desktop.domain.build import BuildStatus
from slate_desktop.settings.paths import resource_path
from slate_desktop.translation import po
from slate_desktop.ui.builds.words import state_words
from slate_desktop.ui.dialogs import make_room
from slate_desktop.ui.help.dialog import GuideDialog
from slate_desktop.ui.language import chosen, speak
from slate_desktop.ui.text import ElidedLabel
from slate_desktop.ui.window import MainWindow
from tests.gui.conftest import until
from tests.gui.dialog_makers import DIALOGS
from tests.gui.fakes import FakeSlate
from tests.gui.test_accessibility import filled, is_qts_own, path_of

# Words that English sentences have and German ones have not.
ENGLISH = re.compile(
    r"\b(the|of|and|with|this|that|from|which|it|its|what|when|no|not|is|are|be|been|has|have|you"
    r"|your|for|to|on|nothing|every|shown|show|shows|keep|choose|your|or|by|as)\b"
)
# What the tests themselves say, and what is the same in every language.
GIVEN = re.compile(
    r"Something to know|More of it|It failed|The disk is full|Free space|pong|an error|a warning"
    r"|hello|settings\.toml was ignored|It is being decided|Of the 10,000 samples|Theme is saved"
    r"|A project of that name|The server does not answer|The session could not be started"
    r"|Port 8080|Take another|Its files stay|Enter a whole number|crash in|Path of bot"
    r"|Sessions, builds and assets of your games"
    r"|^Remove$|^none$|slate-desktop|^ls |/"
)


@pytest.fixture(autouse=True)
def german(qapp: QApplication) -> Iterator[None]:
    assert speak(qapp, "de") == "de"
    yield
    assert speak(qapp, "en") == "en"


def texts_of(root: QWidget) -> Iterator[tuple[QWidget, str]]:
    """Everything that a widget and those in it say, to the eye or to a screen reader."""
    for widget in [root, *root.findChildren(QWidget)]:
        found = [widget.toolTip(), widget.accessibleName(), widget.accessibleDescription()]
        found += [widget.statusTip(), widget.whatsThis(), widget.windowTitle()]
        if isinstance(widget, QLabel | QAbstractButton):
            found.append(widget.text())
        if isinstance(widget, QGroupBox | QMenu):
            found.append(widget.title())
        if isinstance(widget, QLineEdit | QPlainTextEdit):
            found.append(widget.placeholderText())
        if isinstance(widget, QAbstractSpinBox):
            found.append(widget.specialValueText())
        if isinstance(widget, QComboBox):
            found += [widget.itemText(index) for index in range(widget.count())]
        if isinstance(widget, QTabBar):
            found += [widget.tabText(index) for index in range(widget.count())]
        if isinstance(widget, QAbstractItemView):
            found += model_texts(widget)
        for action in widget.actions():
            found += [action.text(), action.toolTip()]
        for text in dict.fromkeys(found):
            if text.strip("\u200b \n"):
                yield widget, text.replace("\u200b", "")


def model_texts(view: QAbstractItemView) -> list[str]:
    model, found = view.model(), []
    if model is None:
        return []
    roles = (Qt.ItemDataRole.DisplayRole, Qt.ItemDataRole.ToolTipRole)
    is_list = isinstance(model, QAbstractListModel)  # Qt hides the number of its columns
    columns = range(1 if is_list else model.columnCount(view.rootIndex()))
    for column in columns:
        found.append(model.headerData(column, Qt.Orientation.Horizontal))
        for row in range(min(40, model.rowCount(view.rootIndex()))):
            index = model.index(row, column, view.rootIndex())
            found += [model.data(index, role) for role in roles]
    return [text for text in found if isinstance(text, str)]


def plain(text: str) -> str:
    return text.replace("&&", "\0").replace("&", "").replace("\0", "&").strip()


def english_texts() -> set[str]:
    """The texts that have another German one; with one word for two things, none of them."""
    entries = po.read(resource_path("translations", "de.po").read_text(encoding="utf-8"))
    german = {plain(string) for entry in entries for string in entry.strings}
    return {plain(entry.text) for entry in entries} - german


def english(root: QWidget) -> list[str]:
    """What is left of English in a widget, with its place."""
    known = english_texts()
    found = []
    for widget, text in texts_of(root):
        if GIVEN.search(text) or is_qts_own(widget):
            continue
        words = ENGLISH.findall(text)
        if plain(text) in known or len(words) > 1:
            found.append(f"{text!r} {path_of(widget)}")
    return found


def cut(root: QWidget) -> list[str]:
    """Labels and buttons whose words have less room than they need."""
    found = []
    for widget in root.findChildren(QWidget):
        if isinstance(widget, QComboBox) and widget.isVisibleTo(root):
            if widget.height() < widget.minimumSizeHint().height():
                found.append(f"a list of {widget.height()} high {path_of(widget)}")
            continue
        if not isinstance(widget, QLabel | QAbstractButton) or isinstance(widget, ElidedLabel):
            continue
        if not widget.isVisibleTo(root) or not widget.text().strip() or is_qts_own(widget):
            continue
        if widget.toolTip() == widget.text():
            continue  # there is no room for it, and the tooltip has all of it
        if isinstance(widget, QLabel) and widget.wordWrap():
            needed = widget.heightForWidth(widget.width())
            if needed > widget.height() + 1:
                found.append(f"{widget.text()[:60]!r} {widget.height()} of {needed} high")
            continue
        if isinstance(widget, QToolButton):
            style = widget.toolButtonStyle()
            if style == Qt.ToolButtonStyle.ToolButtonIconOnly and not widget.icon().isNull():
                continue
        words = widget.text().replace("&", "")
        advance = max(QFontMetrics(widget.font()).horizontalAdvance(x) for x in words.split("\n"))
        if advance > widget.width() + 1:
            found.append(f"{words[:60]!r} {widget.width()} of {advance} wide {path_of(widget)}")
    return found


async def test_nothing_in_the_window_stays_english(window: MainWindow, slate: FakeSlate) -> None:
    await filled(window, slate)
    window.registry["view.start"].trigger()
    left = english(window)
    window.binding.leave_start()
    left += english(window)
    for spec, action in window.registry.all():
        assert action.text(), spec.id
    titles = [dock.windowTitle() for dock in window.findChildren(QDockWidget)]
    assert "Konsole" in titles
    assert not left, "\n".join(dict.fromkeys(left))


async def test_nothing_in_the_dialogs_stays_english(window: MainWindow, tmp_path: Path) -> None:
    left = []
    for kind, make in DIALOGS:
        dialog = make(window, tmp_path)
        dialog.show()
        if isinstance(dialog, GuideDialog):
            dialog.list.clear()  # the titles of its pages, which are English
        left += [f"{kind.__name__}: {text}" for text in english(dialog)]
        for box in dialog.findChildren(QDialogButtonBox):
            words = {plain(button.text()) for button in box.buttons()}
            assert not words & {"Cancel", "Close", "Save", "Discard"}
        dialog.hide()
        dialog.deleteLater()
    assert not left, "\n".join(left)


def zoom_to(window: MainWindow, zoom: float) -> None:
    window.theme.step_zoom(0)
    while window.theme.zoom < zoom:
        window.theme.step_zoom(1)
    assert window.theme.zoom == zoom


async def test_what_hosts_tell_is_german_too(window: MainWindow, slate: FakeSlate) -> None:
    """Rows and replies are English; the window finds the sentences."""
    project = next(iter(slate.projects))
    reasons = {
        BuildStatus.COMPLETED: "Exit code, error lines and artifact agree.",
        BuildStatus.FAILED: "pong.pck is not there; the step export ended with exit code 3.",
        BuildStatus.QUEUED: "",
    }
    for build_status, reason in reasons.items():
        slate.put_build(project, status=build_status, verdict_reason=reason)
    for number, job_status in enumerate(AssetJobStatus):
        is_failed = job_status is AssetJobStatus.FAILED
        text = "The PNG is damaged: a checksum is wrong." if is_failed else None
        slate.put_asset_job(
            project, f"{number}.png", AssetKind.TEXTURE, job_status, error_message=text
        )
    jobs, builds = window.jobs, window.builds
    for name in ("builds", "jobs"):
        window.docks.docks[name].show()
        window.docks.docks[name].raise_()
    await until(lambda: builds.model.rowCount() == len(reasons))
    for build in builds.model.builds:
        builds.select(build.id)
        words = state_words(build)
        await until(lambda words=words: builds.result.head.text().endswith(words))
        assert not english(builds), "\n".join(english(builds))
    await until(lambda: jobs.rows.rowCount() == len(AssetJobStatus))
    for row in range(jobs.rows.rowCount()):
        jobs.view.setCurrentIndex(jobs.rows.index(row, 0))
        assert not english(jobs), "\n".join(english(jobs))
    texts = [text for _, text in texts_of(jobs)]
    assert any("Das PNG ist beschädigt: Eine Prüfsumme stimmt nicht." in text for text in texts)


SIZES = {1.0: QSize(1280, 720), 1.5: QSize(1920, 1080)}


@pytest.mark.parametrize("zoom", SIZES)
async def test_no_words_are_cut_in_the_window(
    window: MainWindow, slate: FakeSlate, zoom: float
) -> None:
    zoom_to(window, zoom)
    window.resize(SIZES[zoom])
    await filled(window, slate)
    found = []
    for docks in (("performance", "console"), ("build", "builds"), ("assets",), ("jobs",)):
        for dock in docks:
            window.docks.docks[dock].raise_()
        QApplication.sendPostedEvents()
        found += cut(window)
    window.registry["view.start"].trigger()
    QApplication.sendPostedEvents()
    found += cut(window)
    window.binding.leave_start()
    row = window.status_row
    if row.height() < row.minimumSizeHint().height():
        found.append(f"the status bar has {row.height()} px")
    assert not found, "\n".join(dict.fromkeys(found))


@pytest.mark.parametrize("zoom", SIZES)
async def test_no_words_are_cut_in_the_dialogs(
    window: MainWindow, tmp_path: Path, zoom: float
) -> None:
    zoom_to(window, zoom)
    found = []
    for kind, make in DIALOGS:
        dialog = make(window, tmp_path)
        make_room(dialog)
        dialog.show()
        QApplication.sendPostedEvents()
        found += [f"{kind.__name__}: {text}" for text in cut(dialog)]
        dialog.hide()
        dialog.deleteLater()
    assert not found, "\n".join(found)


@pytest.mark.parametrize(
    ("setting", "system", "language"),
    [
        ("", ["de-AT", "en"], "de"),
        ("system", ["de_DE.UTF-8"], "de"),
        ("system", ["fr-FR", "de-CH"], "de"),
        ("system", ["fr-FR"], "en"),
        ("system", ["C"], "en"),
        ("system", [], "en"),
        ("en", ["de-DE"], "en"),
        ("de", ["en-GB"], "de"),
        ("klingon", ["de-DE"], "de"),
    ],
)
def test_the_language_is_the_setting_s_or_the_system_s(
    setting: str, system: list[str], language: str
) -> None:
    assert chosen(setting, system) == language


def test_a_language_that_cannot_be_read_leaves_everything_english(
    qapp: QApplication, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("slate_desktop.ui.language.resource_path", lambda *_: tmp_path / "no.po")
    assert speak(qapp, "de") == "en"
    assert translation.language() == "en"
    assert qapp.translate("Any", "Cancel") == "Cancel"


def test_the_environment_decides_before_the_setting(
    qapp: QApplication, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert qapp.translate("Any", "Cancel") == "Abbrechen"
    assert qapp.translate("QPlatformTheme", "Retry") == "Wiederholen"
    monkeypatch.setenv("SLATE_LANGUAGE", "en")
    assert speak(qapp, "de") == "en"
