"""The table of the Jobs pane: the asset's path gets the width that is free."""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import (
    QHeaderView,
    QStyledItemDelegate,
    QStyleOptionViewItem,
    QTreeView,
)

from slate_desktop.ui.jobs.rows import ASSET, DETAIL, PROGRESS, STATE, WORKER, Index

# Of texts that are usual, in letters of the font.
_LETTERS = {STATE: 12, PROGRESS: 9, WORKER: 16}
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
    """A tree view without a tree."""

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
        letter = self.fontMetrics().averageCharWidth()
        for column, letters in _LETTERS.items():
            header.resizeSection(column, letters * letter)

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Share the width between what an asset is called and why it is as it is."""
        super().resizeEvent(event)
        if event.size().width() == event.oldSize().width() or self.model() is None:
            return
        header, width = self.header(), event.size().width()
        rest = width - sum(header.sectionSize(column) for column in _LETTERS)
        least = _DETAIL_LETTERS * self.fontMetrics().averageCharWidth()
        wanted = max(least, round(rest * _DETAIL_SHARE))
        header.resizeSection(DETAIL, max(_LEAST, min(wanted, rest // 2)))
