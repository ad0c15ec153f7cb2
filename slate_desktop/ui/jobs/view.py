"""The table of the Jobs pane: the asset's path gets the width that is free."""

from __future__ import annotations

from PySide6.QtCore import QEvent, Qt, Signal
from PySide6.QtGui import QKeyEvent, QResizeEvent
from PySide6.QtWidgets import (
    QHeaderView,
    QStyledItemDelegate,
    QStyleOptionViewItem,
    QTreeView,
)

from slate_desktop.ui.columns import column
from slate_desktop.ui.jobs.rows import ASSET, DETAIL, PROGRESS, STATE, WORKER, Index
from slate_desktop.ui.jobs.words import all_states

# Of names of workers that are usual, in letters of the font.
_WORKER_LETTERS = 16
# What went wrong takes a part of the width, and never less than sizes before and after.
_DETAIL_SHARE = 0.42
_DETAIL_LETTERS = 27
_LEAST = 40


class _Sentences(QStyledItemDelegate):
    """Cuts a sentence at its end, where a path is cut in its middle."""

    def initStyleOption(self, option: QStyleOptionViewItem, index: Index) -> None:
        super().initStyleOption(option, index)
        option.textElideMode = Qt.TextElideMode.ElideRight


class JobsView(QTreeView):
    """A tree view without a tree; Enter does what a double click does."""

    enter_pressed = Signal()

    def set_up_columns(self) -> None:
        """Say how columns behave, once there is a model."""
        self.setObjectName("jobsView")
        header = self.header()
        mode = QHeaderView.ResizeMode
        header.setMinimumSectionSize(_LEAST)
        header.setStretchLastSection(False)
        header.setSectionResizeMode(mode.Interactive)
        header.setSectionResizeMode(ASSET, mode.Stretch)
        self.setItemDelegateForColumn(DETAIL, _Sentences(self))
        self._set_widths()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Tell of Enter."""
        if event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter) and self.currentIndex().isValid():
            self.enter_pressed.emit()
            return
        super().keyPressEvent(event)

    def changeEvent(self, event: QEvent) -> None:
        """Give columns the room that their words need in another font."""
        super().changeEvent(event)
        is_other = event.type() in (QEvent.Type.FontChange, QEvent.Type.StyleChange)
        if is_other and self.model() is not None:
            self._set_widths()

    def _set_widths(self) -> None:
        worker = _WORKER_LETTERS * self.fontMetrics().averageCharWidth()
        for section, words in ((STATE, all_states()), (PROGRESS, ["100 %"]), (WORKER, [])):
            wanted = column(self, self.header(), section, words).usual
            self.header().resizeSection(section, max(wanted, worker if section == WORKER else 0))

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Share the width between what an asset is called and why it is as it is."""
        super().resizeEvent(event)
        if event.size().width() == event.oldSize().width() or self.model() is None:
            return
        header, width = self.header(), event.size().width()
        rest = width - sum(header.sectionSize(each) for each in (STATE, PROGRESS, WORKER))
        least = _DETAIL_LETTERS * self.fontMetrics().averageCharWidth()
        wanted = max(least, round(rest * _DETAIL_SHARE))
        header.resizeSection(DETAIL, max(_LEAST, min(wanted, rest // 2)))
