"""Contextual help: a page that exists for everything, the right one by F1, and the guide itself."""

from __future__ import annotations

import importlib
import pkgutil
from pathlib import Path

import pytest
from PySide6.QtCore import Qt, QUrl
from PySide6.QtGui import QTextTable
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QDialog, QWidget
from pytestqt.qtbot import QtBot

import slate_desktop.ui
from slate_desktop.settings import paths
from slate_desktop.ui import dialogs
from slate_desktop.ui.documents.document import Document
from slate_desktop.ui.help import commands
from slate_desktop.ui.help.dialog import GuideDialog, anchor_of, contents, heading, readable
from slate_desktop.ui.help.page import Page
from slate_desktop.ui.help.pages import CONTENTS, TOPICS, page_path, topic_of
from slate_desktop.ui.theme import Theme
from slate_desktop.ui.window import MainWindow
from tests.gui.conftest import until
from tests.gui.dialog_makers import DIALOGS


def classes(base: type) -> set[str]:
    found = set()
    for module in pkgutil.walk_packages(slate_desktop.ui.__path__, "slate_desktop.ui."):
        for value in vars(importlib.import_module(module.name)).values():
            if isinstance(value, type) and issubclass(value, base) and value is not base:
                found.add(value)
    return {kind.__name__ for kind in found if kind.__module__.startswith("slate_desktop.")}


def test_everything_has_its_page(window: MainWindow) -> None:
    wanted = {*window.docks.docks, *classes(QDialog), *classes(Document)}
    missing = wanted - set(TOPICS)
    assert not missing, f"ui/help/pages.py: add a line for {', '.join(sorted(missing))}"


def test_every_page_and_heading_is_there(window: MainWindow) -> None:
    guide = GuideDialog(window)
    for name, topic in TOPICS.items():
        page, _, anchor = topic.page.partition("#")
        assert page_path(page) is not None, f"{name}: there is no page {page}"
        guide.show_page(topic.page)
        if anchor:
            block = heading(guide.text, anchor)
            assert block is not None, f"{name}: {page} has no heading {anchor}"
    guide.deleteLater()


async def test_f1_shows_the_page_of_what_has_the_focus(window: MainWindow) -> None:
    window.activateWindow()
    window.docks.docks["console"].raise_()
    await until(lambda: window.isActiveWindow())
    for name in ("console", "project", "sessions"):
        widget = next(
            child
            for child in window.docks.docks[name].findChildren(QWidget)
            if child.focusPolicy() & Qt.FocusPolicy.TabFocus and child.isVisible()
        )
        widget.setFocus()
        await until(widget.hasFocus)
        QTest.keyClick(window, Qt.Key.Key_F1)
        await until(lambda: window.findChild(GuideDialog) is not None)
        guide = window.findChild(GuideDialog)
        assert guide is not None
        assert guide.page == TOPICS[name].page
        guide.reject()
        await until(lambda: window.findChild(GuideDialog) is None)
        window.activateWindow()


@pytest.mark.parametrize("index", range(len(DIALOGS)), ids=[kind.__name__ for kind, _ in DIALOGS])
async def test_f1_shows_the_page_of_each_dialog(
    window: MainWindow, tmp_path: Path, index: int
) -> None:
    kind, make = DIALOGS[index]
    dialog = make(window, tmp_path)
    dialogs.add_help(dialog)
    dialog.show()
    dialog.activateWindow()
    await until(lambda: dialog.isActiveWindow())
    assert "F1" in dialog.whatsThis()
    QTest.keyClick(dialog, Qt.Key.Key_F1)
    guide = dialog.findChild(GuideDialog)
    assert guide is not None
    assert guide.page == TOPICS[kind.__name__].page
    guide.reject()
    dialog.hide()
    dialog.deleteLater()


async def test_panes_say_what_they_are(window: MainWindow) -> None:
    commands.explain(window)
    for name, dock in window.docks.docks.items():
        assert TOPICS[name].what in dock.whatsThis()
    assert topic_of(window.details).page.endswith("#a-session")
    assert topic_of(window.menuBar()).page == CONTENTS


async def test_the_guide_leads_on_and_back(window: MainWindow) -> None:
    guide = commands.show_guide(window, CONTENTS)
    assert guide.isVisible()
    assert not guide.isModal()
    assert not guide.back.isEnabled()
    assert guide.list.currentItem().text() == "The window"
    guide.list.setCurrentRow(1)
    second = guide.page
    assert second != CONTENTS
    guide.text.anchorClicked.emit(QUrl("window.md#console"))
    assert guide.page == f"{CONTENTS}#console"
    assert guide.text.verticalScrollBar().value() > 0
    guide.back.click()
    assert guide.page == second
    guide.back.click()
    assert guide.page == CONTENTS
    assert commands.show_guide(window, "error-codes.md") is guide
    assert guide.page == "error-codes.md"
    guide.reject()


async def test_a_program_without_its_guide_says_so(
    window: MainWindow, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr("slate_desktop.ui.help.pages.guide_path", lambda: tmp_path)
    guide = GuideDialog(window)
    assert guide.text.toPlainText() == "The guide was not installed with this program."
    guide.deleteLater()


def test_pages_are_shown_without_pictures_and_dead_links() -> None:
    text = "![A picture](../images/x.png)\n[Builds](builds.md#x) [code](../architecture.md) [w](https://a.b)"
    assert readable(text, CONTENTS) == "\n[Builds](builds.md#x) code [w](https://a.b)"
    assert anchor_of("When both sides changed a file") == "when-both-sides-changed-a-file"


def test_the_pages_are_found_where_they_are(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert paths.guide_path().name == "docs"
    names = [path for path, _ in contents()]
    assert names[0] == CONTENTS
    assert "error-codes.md" in names


_PAGE = """# The title

A paragraph with `code` and [a link](https://slate.example).

- an item
- another

## A part

| Column | Other |
| --- | --- |
| cell | cell |
"""


def test_a_page_has_the_rhythm_of_a_document(theme: Theme, qtbot: QtBot) -> None:
    theme.set_choice("dark")
    page = Page()
    qtbot.addWidget(page)
    page.resize(700, 500)
    page.show_markdown(_PAGE)
    page.show()
    blocks = {}
    block = page.document().begin()
    while block.isValid():
        blocks[block.text()] = block
        block = block.next()

    def top(text: str) -> float:
        return page.document().documentLayout().blockBoundingRect(blocks[text]).top()

    def size(text: str) -> float:
        return blocks[text].begin().fragment().charFormat().font().pointSizeF()

    words = "A paragraph with code and a link."
    assert page.document().documentMargin() >= 16
    assert size("The title") > size("A part") > size(words)
    # More room above a heading than between the items of a list.
    assert top("A part") - top("another") > 1.5 * (top("another") - top("an item"))
    table = page.document().rootFrame().childFrames()[0]
    assert isinstance(table, QTextTable)
    assert table.format().border() == 0

    def colours() -> set[str]:
        found = set()
        piece = blocks[words].begin()
        while not piece.atEnd():
            form = piece.fragment().charFormat()
            if form.isAnchor():
                found.add(form.foreground().color().name())
            piece += 1
        return found

    assert colours() == {theme.tokens.hex("accent.text")}
    theme.set_choice("light")
    assert colours() == {theme.tokens.hex("accent.text")}
    theme.step_zoom(1)
    assert size("The title") > size(words) * 1.5
    theme.step_zoom(0)
