"""The dialog of files that changed on both sides: which version has the name from now on."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import (
    QAbstractItemView,
    QDialog,
    QHBoxLayout,
    QHeaderView,
    QPushButton,
    QTableWidget,
    QTableWidgetItem,
    QVBoxLayout,
    QWidget,
)

from slate_desktop.control.sync_values import Keep
from slate_desktop.domain.sizes import format_bytes
from slate_desktop.domain.trees.compare import Difference
from slate_desktop.domain.trees.manifest import Entry
from slate_desktop.ui.text import clean, format_time, plain_label, wrapped_label
from slate_desktop.ui.tokens import BUTTON_GAP, DIALOG_MARGINS

_SIDE_WIDTH = 200


class ConflictsDialog(QDialog):
    """Shows files in conflict; whoever listens decides about the chosen ones."""

    chosen = Signal(list, str)

    def __init__(self, parent: QWidget, project: str) -> None:
        super().__init__(parent)
        self.setWindowTitle(self.tr("Files that changed on both sides"))
        self.resize(860, 440)
        self.heading = wrapped_label(
            self.tr(
                "These files of {project} changed here and elsewhere. Both versions are kept until "
                "you decide which one has the name."
            ).format(project=clean(project))
        )
        self.table = QTableWidget(0, 3)
        self.table.setHorizontalHeaderLabels(
            [self.tr("File"), self.tr("Here"), self.tr("Elsewhere")]
        )
        self.table.setAccessibleName(self.tr("Files that changed on both sides"))
        self.table.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        self.table.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        self.table.setShowGrid(False)
        self.table.setAlternatingRowColors(True)
        self.table.verticalHeader().hide()
        self.table.verticalHeader().setDefaultSectionSize(24)
        header = self.table.horizontalHeader()
        header.setHighlightSections(False)
        header.setDefaultAlignment(Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter)
        header.setSectionResizeMode(0, QHeaderView.ResizeMode.Stretch)
        for column in (1, 2):
            header.setSectionResizeMode(column, QHeaderView.ResizeMode.Interactive)
            header.resizeSection(column, _SIDE_WIDTH)
        self.message = plain_label(role="muted")
        self.buttons = {
            Keep.MINE: QPushButton(self.tr("Keep mine")),
            Keep.THEIRS: QPushButton(self.tr("Keep theirs")),
            Keep.BOTH: QPushButton(self.tr("Keep both")),
        }
        tips = {
            Keep.MINE: self.tr("My version has the name; the next push brings it"),
            Keep.THEIRS: self.tr("Their version replaces mine"),
            Keep.BOTH: self.tr("Mine has the name, theirs lies beside it under another one"),
        }
        for keep, button in self.buttons.items():
            button.setToolTip(tips[keep])
            button.clicked.connect(lambda _=False, keep=keep: self._choose(keep))
        close = QPushButton(self.tr("Close"))
        close.clicked.connect(self.reject)
        foot = QHBoxLayout()
        foot.setSpacing(BUTTON_GAP)
        foot.addWidget(self.message, 1)
        for button in (*self.buttons.values(), close):
            foot.addWidget(button)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(*DIALOG_MARGINS)
        layout.setSpacing(10)
        layout.addWidget(self.heading)
        layout.addWidget(self.table, 1)
        layout.addLayout(foot)
        self.table.itemSelectionChanged.connect(self._on_selection)
        self._on_selection()

    @property
    def paths(self) -> list[str]:
        """The chosen files."""
        model = self.table.model()
        rows = sorted({index.row() for index in self.table.selectedIndexes()})
        return [str(model.index(row, 0).data(Qt.ItemDataRole.UserRole)) for row in rows]

    def show_conflicts(self, conflicts: Sequence[Difference]) -> None:
        """Show these files; all of them are chosen at first."""
        self.table.setRowCount(len(conflicts))
        for row, one in enumerate(conflicts):
            name = QTableWidgetItem(clean(one.path))
            name.setData(Qt.ItemDataRole.UserRole, one.path)
            name.setToolTip(clean(one.path))
            self.table.setItem(row, 0, name)
            self.table.setItem(row, 1, QTableWidgetItem(self._words(one.mine)))
            self.table.setItem(row, 2, QTableWidgetItem(self._words(one.theirs)))
        self.table.selectAll()
        self.set_busy(False)

    def show_message(self, text: str) -> None:
        """Say how it went."""
        self.message.setText(clean(text))

    def set_busy(self, is_busy: bool) -> None:
        """Take the buttons away while something is decided."""
        for button in self.buttons.values():
            button.setEnabled(not is_busy and bool(self.paths))

    def _words(self, entry: Entry | None) -> str:
        if entry is None:
            return self.tr("removed")
        moment = datetime.fromtimestamp(entry.mtime_ns / 1e9, UTC)
        return f"{format_bytes(entry.size)} · {format_time(moment)}"

    def _choose(self, keep: Keep) -> None:
        if self.paths:
            self.chosen.emit(self.paths, keep.value)

    def _on_selection(self) -> None:
        self.set_busy(False)
