"""Opens the guide: at the page of what has the focus, at its contents, and in “What is this?”."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtWidgets import QApplication, QWhatsThis, QWidget

from slate_desktop.ui.help.dialog import GuideDialog
from slate_desktop.ui.help.pages import CONTENTS, TOPICS, topic_of, whats_this

if TYPE_CHECKING:
    from slate_desktop.ui.window import MainWindow


async def open_page(window: MainWindow) -> None:
    """Show the page of what has the focus."""
    focus = QApplication.focusWidget() or window.centre.currentWidget()
    show_guide(window, topic_of(focus).page)


async def open_guide(window: MainWindow) -> None:
    """Show the guide from its beginning."""
    show_guide(window, CONTENTS)


async def ask_what(window: MainWindow) -> None:
    """Have the next click say what it hits."""
    explain(window)
    QWhatsThis.enterWhatsThisMode()


def show_guide(parent: QWidget, page: str) -> GuideDialog:
    """Show a page in the guide that is open for this parent, or in a new one.

    Args:
        parent: the window, or a dialog that would cover a guide of the window.
        page: with the heading's anchor after ``#``.
    """
    found = next((g for g in parent.findChildren(GuideDialog) if g.isVisible()), None)
    if found is None:
        found = GuideDialog(parent, page)
        found.finished.connect(found.deleteLater)
    else:
        found.show_page(page)
    found.show()
    found.raise_()
    found.activateWindow()
    return found


def explain(window: MainWindow) -> None:
    """Give each pane its words for “What is this?”."""
    for name, dock in window.docks.docks.items():
        dock.setWhatsThis(whats_this(TOPICS[name]))
    for pane in (window.start_page, window.details):
        pane.setWhatsThis(whats_this(topic_of(pane)))
