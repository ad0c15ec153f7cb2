"""The table of the Jobs pane: the asset's path gets the width that is free."""

from __future__ import annotations

from datetime import UTC, datetime

from PySide6.QtCore import QEvent, Qt, Signal
from PySide6.QtGui import QKeyEvent, QResizeEvent
from PySide6.QtWidgets import (
    QHeaderView,
    QStyledItemDelegate,
    QStyleOptionViewItem,
    QTreeView,
)

from slate_desktop.domain.assets.kinds import AssetKind
from slate_desktop.ui.columns import column
from slate_desktop.ui.jobs.rows import (
    ASSET,
    DETAIL,
    KIND,
    MADE,
    PROGRESS,
    STATE,
    WORKER,
    Index,
)
from slate_desktop.ui.jobs.words import all_states, kind_words
from slate_desktop.ui.text import format_time

# Of names of workers that are usual, in letters of the font.
_WORKER_LETTERS = 16
# What went wrong takes a part of the width, and never less than sizes before and after.
_DETAIL_SHARE = 0.42
_DETAIL_LETTERS = 27
_LEAST = 40
# Those that leave their room to the others where the table is narrow, the first one first.
_SPARE = (KIND, MADE)
_LONG_AGO = datetime(2026, 1, 1, tzinfo=UTC)


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
        # The model's own order, newest first, comes back with a third click.
        header.setSortIndicator(-1, Qt.SortOrder.AscendingOrder)
        header.setSortIndicatorClearable(True)
        self.setSortingEnabled(True)
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
            self._share(self.viewport().width())

    def _set_widths(self) -> None:
        worker = _WORKER_LETTERS * self.fontMetrics().averageCharWidth()
        for section, words in (
            (KIND, map(kind_words, AssetKind)),
            (STATE, all_states()),
            (PROGRESS, ["100 %"]),
            (WORKER, []),
            (MADE, [format_time(_LONG_AGO)]),
        ):
            self.setColumnHidden(section, False)
            wanted = column(self, self.header(), section, words).usual
            self.header().resizeSection(section, max(wanted, worker if section == WORKER else 0))

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Share the width between what an asset is called and why it is as it is."""
        super().resizeEvent(event)
        if event.size().width() == event.oldSize().width() or self.model() is None:
            return
        self._share(event.size().width())

    def _share(self, width: int) -> None:
        header = self.header()
        least = _DETAIL_LETTERS * self.fontMetrics().averageCharWidth()
        for section in _SPARE:
            self.setColumnHidden(section, False)
        for section in _SPARE:
            self.setColumnHidden(section, self._rest(width) < 2 * least)
        rest = self._rest(width)
        wanted = max(least, round(rest * _DETAIL_SHARE))
        header.resizeSection(DETAIL, max(_LEAST, min(wanted, rest // 2)))

    def _rest(self, width: int) -> int:
        """Return what the asset and its details have for themselves; hidden columns take none."""
        fixed = (KIND, STATE, PROGRESS, WORKER, MADE)
        return width - sum(self.header().sectionSize(each) for each in fixed)
