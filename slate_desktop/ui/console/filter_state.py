"""The line under the filter bar: how much of the log is shown, what is hidden, and the way back."""

from __future__ import annotations

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QHBoxLayout, QMenu, QToolButton, QWidget

from slate_desktop.translation import plural
from slate_desktop.ui import icons
from slate_desktop.ui.console.memory import FilterChoice
from slate_desktop.ui.text import plain_label
from slate_desktop.ui.theme import Theme

_MAX_TITLE = 60


class FilterState(QWidget):
    """Stands there while anything is hidden.

    Emits ``shown_again`` with a hidden text, ``all_wanted`` for every line.
    """

    shown_again = Signal(str)
    all_wanted = Signal()

    def __init__(self, theme: Theme, parent: QWidget) -> None:
        super().__init__(parent)
        self._theme = theme
        self.setObjectName("paneBar")
        self.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
        self.words = plain_label(role="muted")
        self.words.setAccessibleName(self.tr("How many lines are shown"))
        self.hidden = QToolButton(self)
        self.hidden.setPopupMode(QToolButton.ToolButtonPopupMode.InstantPopup)
        self.hidden.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextBesideIcon)
        self.hidden.setToolTip(self.tr("Lines with these texts are hidden; choose one to show it"))
        self.hidden.setMenu(QMenu(self.hidden))
        self.all = QToolButton(self)
        self.all.setText(self.tr(" Show all lines"))
        self.all.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextBesideIcon)
        self.all.setToolTip(self.tr("Take every filter of this log away"))
        self.all.clicked.connect(self.all_wanted)
        layout = QHBoxLayout(self)
        layout.setContentsMargins(12, 1, 8, 2)
        layout.setSpacing(8)
        layout.addWidget(self.words)
        layout.addWidget(self.hidden)
        layout.addWidget(self.all)
        layout.addStretch(1)
        self._texts: tuple[str, ...] = ()
        self.apply_theme()
        self.hide()

    def show_state(
        self,
        choice: FilterChoice,
        *,
        shown: int | None,
        total: int,
        is_looking: bool,
        is_stacking: bool,
    ) -> None:
        """Say what is shown.

        Args:
            choice: the filter.
            shown: rows that show, None where nothing is narrowed.
            total: lines in memory.
            is_looking: whether lines are still looked at.
            is_stacking: whether repeated lines are one row.
        """
        is_narrowed = shown is not None
        self.setVisible(is_narrowed)
        if shown is None:
            return
        if choice.is_filtering:
            text = plural(
                "{shown} of {count:,} line", "{shown} of {count:,} lines", total, shown=f"{shown:,}"
            )
        else:
            # Two lines at least: fewer do not repeat.
            text = self.tr("{total} lines in {rows}").format(
                total=f"{total:,}", rows=plural("{count:,} row", "{count:,} rows", shown)
            )
        if choice.is_filtering and is_stacking:
            text += self.tr(", repeated ones as one")
        if is_looking:
            text += self.tr(" · looking…")
        if text != self.words.text():
            self.words.setText(text)
        self.all.setVisible(choice.is_filtering)
        self._show_hidden(choice.hidden)

    def apply_theme(self) -> None:
        """Take the icons of the theme."""
        self.hidden.setIcon(icons.icon("filter", self._theme.tokens))
        self.all.setIcon(icons.icon("x", self._theme.tokens))

    def _show_hidden(self, texts: tuple[str, ...]) -> None:
        self.hidden.setVisible(bool(texts))
        if texts == self._texts:
            return
        self._texts = texts
        words = self.tr(" 1 text hidden") if len(texts) == 1 else self.tr(" {count} texts hidden")
        self.hidden.setText(words.format(count=len(texts)))
        self.hidden.setAccessibleName(self.hidden.text())
        menu = self.hidden.menu()
        menu.clear()
        for text in texts:
            title = text if len(text) <= _MAX_TITLE else text[: _MAX_TITLE - 1] + "…"
            action = menu.addAction(title.replace("&", "&&"))
            action.triggered.connect(lambda *_, text=text: self.shown_again.emit(text))
