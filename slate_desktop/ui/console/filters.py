"""The console's filter bar: level chips with counts, and the text filter."""

from __future__ import annotations

from PySide6.QtCore import Qt, QTimer, Signal
from PySide6.QtWidgets import QLineEdit, QToolButton, QWidget

from slate_desktop.domain.logs import LogLevel
from slate_desktop.ui import icons
from slate_desktop.ui.console.memory import FilterChoice
from slate_desktop.ui.flow import FlowLayout
from slate_desktop.ui.status import level_words
from slate_desktop.ui.text import set_counting_text, set_invalid
from slate_desktop.ui.theme import Theme

_FILTER_DELAY_MS = 150


class FilterBar(QWidget):
    """What narrows the log. Emits ``changed`` a moment after the last key."""

    changed = Signal()

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._theme = theme
        self._hidden: tuple[str, ...] = ()
        self._delay = QTimer(self)
        self._delay.setSingleShot(True)
        self._delay.setInterval(_FILTER_DELAY_MS)
        self._delay.timeout.connect(self.changed)
        self.chips = {level: self._chip(level) for level in LogLevel}
        self.field = QLineEdit(self)
        self.field.setPlaceholderText(self.tr("Filter lines"))
        self.field.setAccessibleName(self.tr("Filter lines by text"))
        self.field.setMinimumWidth(120)
        self.field.setMaximumWidth(300)
        self.field.textChanged.connect(self._on_text_changed)
        self.regex = self._toggle("regex", self.tr("The filter is a regular expression"))
        self.case = self._toggle("case-sensitive", self.tr("Upper and lower case matter"))
        self._layout = FlowLayout(self, spacing=4)
        self._layout.setContentsMargins(0, 0, 0, 0)
        for chip in self.chips.values():
            self._layout.addWidget(chip)
        self._layout.addSpacing(6)
        self._layout.addWidget(self.field)
        self._layout.addWidget(self.regex)
        self._layout.addWidget(self.case)
        self.apply_theme()
        self.show_counts({})

    @property
    def choice(self) -> FilterChoice:
        """What the bar says."""
        shown = frozenset(level for level, chip in self.chips.items() if chip.isChecked())
        return FilterChoice(
            levels=None if len(shown) == len(self.chips) else shown,
            text=self.field.text(),
            is_regex=self.regex.isChecked(),
            is_case_sensitive=self.case.isChecked(),
            hidden=self._hidden,
        )

    def show_choice(self, choice: FilterChoice) -> None:
        """Show another log's filter; tells nobody."""
        self.blockSignals(True)
        for level, chip in self.chips.items():
            chip.setChecked(choice.levels is None or level in choice.levels)
        self.field.setText(choice.text)
        self.regex.setChecked(choice.is_regex)
        self.case.setChecked(choice.is_case_sensitive)
        self._hidden = choice.hidden
        self._delay.stop()
        self.blockSignals(False)

    def set_hidden(self, texts: tuple[str, ...]) -> None:
        """Hide the lines that contain any of ``texts``."""
        if texts != self._hidden:
            self._hidden = texts
            self.changed.emit()

    def show_counts(self, counts: dict[LogLevel, int]) -> None:
        """Write the number of lines on each chip."""
        for level, chip in self.chips.items():
            count = counts.get(level, 0)
            text = f" {self._title(level)} {short_count(count)}"
            if chip.text() != text:
                set_counting_text(chip, text)
                chip.setAccessibleName(
                    self.tr("Show {level} lines, {count}").format(
                        level=level_words(level), count=count
                    )
                )

    def show_problem(self, text: str) -> None:
        """Mark the filter as wrong, with the reason, or as right with an empty text."""
        set_invalid(self.field, text)

    def clear(self) -> None:
        """Show every line again, at once."""
        if self.choice.is_filtering:
            self.show_choice(FilterChoice())
            self.changed.emit()

    def apply_theme(self) -> None:
        """Take icons and colours of the theme."""
        tokens = self._theme.tokens
        self.regex.setIcon(icons.icon("regex", tokens))
        self.case.setIcon(icons.icon("case-sensitive", tokens))
        for level, chip in self.chips.items():
            chip.setIcon(icons.icon("dot-filled", tokens, f"level.{level.value}"))

    def _on_text_changed(self, text: str) -> None:
        # Not before: Qt looks for its picture in the themes of the system, which takes a while.
        self.field.setClearButtonEnabled(bool(text))
        self._delay.start()

    def _chip(self, level: LogLevel) -> QToolButton:
        chip = QToolButton(self)
        chip.setObjectName("chip")
        chip.setCheckable(True)
        chip.setChecked(True)
        chip.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextBesideIcon)
        chip.setToolTip(self.tr("Show or hide {level} lines").format(level=level_words(level)))
        chip.toggled.connect(lambda _on: self.changed.emit())
        return chip

    def _toggle(self, icon: str, tip: str) -> QToolButton:
        button = QToolButton(self)
        button.setCheckable(True)
        button.setToolTip(tip)
        button.setAccessibleName(tip)
        button.toggled.connect(lambda _on: self.changed.emit())
        return button

    def _title(self, level: LogLevel) -> str:
        return {
            LogLevel.DEBUG: self.tr("Debug"),
            LogLevel.INFO: self.tr("Info"),
            LogLevel.WARN: self.tr("Warn"),
            LogLevel.ERROR: self.tr("Error"),
        }[level]


def short_count(count: int) -> str:
    """Return ``999``, ``12.3k`` or ``1.0M``."""
    if count < 1000:
        return str(count)
    if count < 999_500:
        return f"{count / 1000:.1f}k" if count < 99_950 else f"{count / 1000:.0f}k"
    return f"{count / 1_000_000:.1f}M"
