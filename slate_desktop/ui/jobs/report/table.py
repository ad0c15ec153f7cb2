"""A table of a report: as high as its rows, figures to the right, names cut in their middle."""

from __future__ import annotations

from PySide6.QtCore import QSize, Qt, Signal
from PySide6.QtWidgets import QHeaderView, QSizePolicy, QTreeWidget, QTreeWidgetItem

from slate_desktop.ui.jobs.report.parts import Table

_PATH = Qt.ItemDataRole.UserRole
_LEAST_COLUMN = 60
_RIGHT = Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter


class ReportTable(QTreeWidget):
    """Shows a table; ``path_wanted`` when a row that stands for a file is activated."""

    path_wanted = Signal(str)

    def __init__(self, table: Table) -> None:
        super().__init__()
        self.table = table
        self.setHeaderLabels(list(table.columns))
        self.setAccessibleName(table.name)
        self.setRootIsDecorated(False)
        self.setUniformRowHeights(True)
        self.setAllColumnsShowFocus(True)
        self.setTextElideMode(Qt.TextElideMode.ElideMiddle)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setVerticalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)
        for number, row in enumerate(table.rows):
            item = QTreeWidgetItem(list(row))
            for column, text in enumerate(row):
                if column and not table.paths:
                    item.setTextAlignment(column, _RIGHT)
                # A leading zero-width space: Qt takes what begins with a tag for rich text.
                item.setToolTip(column, f"\u200b{text}")
            if table.paths:
                item.setData(0, _PATH, table.paths[number])
            self.addTopLevelItem(item)
        if not table.paths:
            for column in range(1, len(table.columns)):
                self.headerItem().setTextAlignment(column, _RIGHT)
        header = self.header()
        header.setSectionsMovable(False)
        header.setMinimumSectionSize(_LEAST_COLUMN)
        header.setStretchLastSection(False)
        mode = QHeaderView.ResizeMode
        header.setSectionResizeMode(mode.ResizeToContents)
        header.setSectionResizeMode(0, mode.Stretch)
        self.itemActivated.connect(self._on_activated)

    @property
    def chosen_path(self) -> str:
        """The file of the current row, else of the first one."""
        item = self.currentItem() or self.topLevelItem(0)
        return str(item.data(0, _PATH)) if item is not None else ""

    def sizeHint(self) -> QSize:
        """Want room for every row."""
        rows = self.topLevelItemCount() * max(self.sizeHintForRow(0), 1)
        height = self.header().sizeHint().height() + rows + 2 * self.frameWidth()
        return QSize(160, height)

    def minimumSizeHint(self) -> QSize:
        """Take any width, with every row."""
        return QSize(60, self.sizeHint().height())

    def _on_activated(self, item: QTreeWidgetItem, _column: int) -> None:
        path = item.data(0, _PATH)
        if path:
            self.path_wanted.emit(str(path))
