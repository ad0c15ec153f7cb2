"""A project's quotas in the dialog of its members: what is taken, of how much, and who set that."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QHeaderView, QLineEdit, QTreeWidget, QTreeWidgetItem

from slate_desktop.domain.quotas import Level, Limit, QuotaLine, format_amount, format_used
from slate_desktop.ui.text import clean

_NAME, _USED, _MOST, _SET_BY = range(4)


class QuotaTable(QTreeWidget):
    """A row for each limit; who may change them writes into the third column.

    Signals:
        wanted: a limit (its name) is to be what was written; ``none`` takes it away.
    """

    wanted = Signal(str, str)

    def __init__(self) -> None:
        super().__init__()
        self.setRootIsDecorated(False)
        self.setAccessibleName(self.tr("Quotas"))
        self.setHeaderLabels(
            [self.tr("Quota"), self.tr("Taken now"), self.tr("At most"), self.tr("Set by")]
        )
        header = self.header()
        header.setSectionResizeMode(QHeaderView.ResizeMode.ResizeToContents)
        header.setSectionResizeMode(_NAME, QHeaderView.ResizeMode.Stretch)
        header.setStretchLastSection(False)
        self._fields: dict[Limit, QLineEdit] = {}
        for limit, name in (
            (Limit.SESSIONS, self.tr("Sessions at once")),
            (Limit.MEMORY, self.tr("Memory of containers and builds in sum")),
            (Limit.CPUS, self.tr("CPUs of containers in sum")),
            (Limit.BUILDS, self.tr("Builds at once")),
            (Limit.DISK, self.tr("Files that are kept")),
            (Limit.BANDWIDTH, self.tr("Bandwidth of each container")),
        ):
            self._add_row(limit, name)

    def show_lines(self, lines: Sequence[QuotaLine], *, may_change: bool) -> None:
        """Show these; the fields can be written into by those who may change them."""
        for row, line in enumerate(lines):
            item = self.topLevelItem(row)
            if item is None:
                continue
            most = "" if line.most is None else format_amount(line.limit, line.most)
            item.setText(_USED, format_used(line))
            item.setText(_SET_BY, self._set_by(line))
            field = self._fields[line.limit]
            field.setEnabled(may_change)
            field.setText(most)
            field.setProperty("shown", most)
        self.resizeColumnToContents(_USED)

    def field(self, limit: Limit) -> QLineEdit:
        """The field of a limit."""
        return self._fields[limit]

    def _add_row(self, limit: Limit, name: str) -> None:
        item = QTreeWidgetItem([name, "", "", ""])
        self.addTopLevelItem(item)
        field = QLineEdit()
        field.setPlaceholderText(self.tr("No limit"))
        field.setAccessibleName(self.tr("{quota}: at most").format(quota=name))
        field.editingFinished.connect(lambda: self._written(limit))
        self._fields[limit] = field
        self.setItemWidget(item, _MOST, field)

    def _written(self, limit: Limit) -> None:
        field = self._fields[limit]
        text = field.text().strip()
        if text != field.property("shown"):
            # Leaving the field says the same once more.
            field.setProperty("shown", text)
            self.wanted.emit(limit.value, text or "none")

    def _set_by(self, line: QuotaLine) -> str:
        if line.level is None:
            return ""
        name = clean(line.set_by)
        if line.level is Level.ADMINISTRATOR:
            return self.tr("{name}, administrator").format(name=name)
        return self.tr("{name}, owner").format(name=name)
