"""What every document has: a path, a way to load, to save, to close, and to say what went wrong.

A document reads its file in :meth:`Document.load`, a coroutine that never blocks the loop. What it
raises becomes a sober page with the reason; the window lives on.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec
from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QPushButton, QStackedLayout, QVBoxLayout, QWidget

from slate_desktop.errors import SlateError
from slate_desktop.ui import icons
from slate_desktop.ui.problems import Problem, describe
from slate_desktop.ui.tasks import TaskGroupOwner
from slate_desktop.ui.text import clean, plain_label, wrapped_label
from slate_desktop.ui.theme import Theme

if TYPE_CHECKING:
    from slate_desktop.ui.documents.model.pool import ModelPool
    from slate_desktop.ui.documents.reader import Reader


class DocumentContext(msgspec.Struct, frozen=True):
    """What a document gets from its window.

    Attributes:
        theme: colours and fonts.
        tasks: runs the document's coroutines.
        say: shows a small message in the status bar.
        open_path: opens another file in a tab of its own.
        reader: reads files of the project in a child.
        models: processes that draw models.
    """

    theme: Theme
    tasks: TaskGroupOwner
    say: Callable[[str], None]
    open_path: Callable[[Path], object]
    reader: Reader
    models: ModelPool


class Document(QWidget):
    """One open file. ``changed`` tells that title or unsaved mark are others now."""

    changed = Signal()
    icon = "file"

    def __init__(self, path: Path, context: DocumentContext) -> None:
        super().__init__()
        self.setObjectName("page")
        self.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
        self.path, self.context, self.theme = path, context, context.theme
        self.problem: Problem | None = None
        self.is_loaded = False
        self._pages = QStackedLayout(self)
        self._waiting = _centred(plain_label(self.tr("Reading…"), role="faint"))
        self._pages.addWidget(self._waiting)
        self._trouble: TroublePage | None = None
        self._content: QWidget | None = None
        self._making = self.make()
        self.is_made = False

    # -- for the kinds ---------------------------------------------------------------------

    def make(self) -> Iterator[None]:
        """Make the widgets, once and before the first :meth:`load`.

        What takes more than some milliseconds yields in between, so that the loop gets a turn.
        """
        yield from ()

    def new_page(self) -> QWidget:
        """Return a hidden child for :meth:`show_content`.

        Qt styles all of a tree again when it gets a parent, so that it has one from the start.
        """
        page = QWidget(self)
        page.hide()
        return page

    async def load(self) -> None:
        """Read the file and show it with :meth:`show_content`.

        Raises:
            SlateError: it cannot be shown; the message says why.
            OSError: it cannot be read.
        """
        raise NotImplementedError

    async def save(self) -> bool:
        """Write what was changed; tells whether nothing is unsaved any more."""
        return True

    async def aclose(self) -> None:
        """Give up what the document holds beside its widgets."""

    @property
    def is_modified(self) -> bool:
        """Whether something is not saved."""
        return False

    @property
    def can_save(self) -> bool:
        """Whether saving has a meaning for this kind."""
        return False

    def open_search(self) -> bool:
        """Open the search, where there is one."""
        return False

    def view_state(self) -> dict[str, Any]:
        """Return what is remembered of the view."""
        return {}

    def restore_view(self, state: dict[str, Any]) -> None:
        """Take back what was remembered."""

    # -- for everybody ---------------------------------------------------------------------

    @property
    def title(self) -> str:
        """The tab's text."""
        return clean(self.path.name)

    def start(self) -> None:
        """Begin to load, or load anew."""
        self.context.tasks.spawn(self._load(), f"open {self.path.name}", self)

    def show_content(self, widget: QWidget) -> None:
        """Show the loaded file."""
        if self._content is not widget:
            if self._content is not None:
                self._pages.removeWidget(self._content)
                self._content.deleteLater()
            self._content = widget
            self._pages.addWidget(widget)
            self.setFocusProxy(widget)
        self._pages.setCurrentWidget(widget)

    def show_trouble(self, error: BaseException, what: str = "") -> None:
        """Show why the file cannot be shown, instead of it."""
        self.problem = describe(_told(error, self.path), what or self.tr("No preview."))
        if self._trouble is not None:
            self._pages.removeWidget(self._trouble)
            self._trouble.deleteLater()
        self._trouble = TroublePage(self.theme, self.problem, self.icon)
        self._trouble.again.clicked.connect(self.start)
        self._pages.addWidget(self._trouble)
        self._pages.setCurrentWidget(self._trouble)

    async def make_all(self) -> None:
        """Make what is not made yet, a step in each turn."""
        for _step in self._making:
            await asyncio.sleep(0)
        self.is_made = True

    async def _load(self) -> None:
        self.problem = None
        try:
            await self.make_all()
            await self.load()
        except asyncio.CancelledError:
            raise
        except (SlateError, OSError) as error:
            self.show_trouble(error)
        self.is_loaded = True
        self.changed.emit()


class TroublePage(QWidget):
    """A sober icon, what, why and what to do next."""

    def __init__(self, theme: Theme, problem: Problem, icon: str) -> None:
        super().__init__()
        self.setObjectName("page")
        self.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
        self.problem = problem
        picture = plain_label()
        picture.setPixmap(icons.pixmap(icon, theme.tokens, "text.faint", 40))
        self.what = wrapped_label(clean(problem.what))
        self.what.setFont(theme.ui_font(scale=1.1, is_bold=True))
        self.why = wrapped_label(clean(problem.why), role="muted")
        self.next_step = wrapped_label(clean(problem.next_step), role="faint")
        self.again = QPushButton(self.tr("Read again"))
        column = QVBoxLayout()
        column.setSpacing(8)
        column.addStretch(1)
        column.addWidget(picture, 0, Qt.AlignmentFlag.AlignHCenter)
        for label in (self.what, self.why, self.next_step):
            label.setAlignment(Qt.AlignmentFlag.AlignCenter)
            if not label.text():  # one that is told to show has no parent yet: a window
                label.hide()
            column.addWidget(label)
        column.addWidget(self.again, 0, Qt.AlignmentFlag.AlignHCenter)
        column.addStretch(2)
        middle = QWidget()
        middle.setLayout(column)
        middle.setMaximumWidth(520)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(24, 16, 24, 16)
        layout.addWidget(middle, 1, Qt.AlignmentFlag.AlignHCenter)
        middle.setMinimumWidth(360)


def _told(error: BaseException, path: Path) -> BaseException:
    """Turn what the system says of a file into an error for people."""
    if isinstance(error, OSError):
        return SlateError(f"{path}: {error.strerror or error}")
    return error


def _centred(widget: QWidget) -> QWidget:
    page = QWidget()
    layout = QVBoxLayout(page)
    layout.addWidget(widget, 0, Qt.AlignmentFlag.AlignCenter)
    return page
