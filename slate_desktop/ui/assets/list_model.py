"""The assets that are shown, as an item model; thumbnails arrive when they are asked for."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from PySide6.QtCore import (
    QAbstractListModel,
    QMimeData,
    QModelIndex,
    QObject,
    QPersistentModelIndex,
    Qt,
    QUrl,
)

from slate_desktop.control.asset_index import AssetEntry
from slate_desktop.domain.sizes import format_bytes
from slate_desktop.translation import sentence
from slate_desktop.ui.assets.thumbnails import Thumbnail, Thumbnails
from slate_desktop.ui.text import clean

Index = QModelIndex | QPersistentModelIndex


class AssetListModel(QAbstractListModel):
    """Entries of one folder.

    Args:
        state_of: returns an entry's state, a word or nothing.
    """

    def __init__(
        self, thumbnails: Thumbnails, state_of: Callable[[AssetEntry], str], parent: QObject
    ) -> None:
        super().__init__(parent)
        self._thumbnails, self._state_of = thumbnails, state_of
        self.root = Path()
        self.entries: list[AssetEntry] = []
        self._rows: dict[str, int] = {}
        thumbnails.ready.connect(self._on_ready)

    def set_entries(
        self, root: Path, entries: list[AssetEntry], rows: dict[str, int] | None = None
    ) -> None:
        """Show these entries in this order.

        Args:
            root: what they lie below.
            entries: to show.
            rows: from :func:`rows_of`, where a thread made them: many take longer than a frame.
        """
        self.beginResetModel()
        self.root, self.entries = root, entries
        self._rows = rows_of(entries) if rows is None else rows
        self.endResetModel()

    def row_of(self, path: str) -> int | None:
        """Return where an entry stands."""
        return self._rows.get(path)

    def entry(self, index: Index) -> AssetEntry | None:
        """Return what stands at an index."""
        row = index.row()
        return self.entries[row] if index.isValid() and row < len(self.entries) else None

    def thumbnail(self, entry: AssetEntry) -> Thumbnail | None:
        """Return what is known of an entry's picture; asks for it where nothing is."""
        return self._thumbnails.get(self.root, entry)

    def state(self, entry: AssetEntry) -> str:
        """Return an entry's state, a word or nothing."""
        return self._state_of(entry)

    def path_of(self, entry: AssetEntry) -> Path:
        """Return the absolute path of an entry."""
        return self.root / entry.path

    def rowCount(self, parent: Index = QModelIndex()) -> int:  # noqa: B008
        """How many are shown."""
        return 0 if parent.isValid() else len(self.entries)

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        """Return what the view paints."""
        entry = self.entry(index)
        if entry is None:
            return None
        if role == Qt.ItemDataRole.DisplayRole:
            return clean(entry.name)
        if role == Qt.ItemDataRole.AccessibleTextRole:
            return f"{clean(entry.name)}, {entry.kind}, {format_bytes(entry.size)}"
        if role == Qt.ItemDataRole.ToolTipRole:
            return f"\u200b{self._tip(entry)}"
        return None

    def flags(self, index: Index) -> Qt.ItemFlag:
        """Let entries be dragged out."""
        return super().flags(index) | Qt.ItemFlag.ItemIsDragEnabled

    def mimeTypes(self) -> list[str]:
        """Files, as every program takes them."""
        return ["text/uri-list"]

    def mimeData(self, indexes: Iterable[QModelIndex]) -> QMimeData:
        """Return the files of some entries."""
        data = QMimeData()
        entries = [self.entry(index) for index in indexes]
        data.setUrls(
            [QUrl.fromLocalFile(str(self.path_of(entry))) for entry in entries if entry is not None]
        )
        return data

    def touch_all(self) -> None:
        """Paint everything anew: states are others now."""
        if self.entries:
            self.dataChanged.emit(self.index(0), self.index(len(self.entries) - 1))

    def _tip(self, entry: AssetEntry) -> str:
        parts = [clean(entry.path), format_bytes(entry.size)]
        known: Thumbnail | None = self._thumbnails.get(self.root, entry)
        if known is not None:
            parts += [sentence(known.words), known.problem]
        state = self._state_of(entry)
        return "\n".join(part for part in (*parts, sentence(state)) if part)

    def _on_ready(self, path: str) -> None:
        root = f"{self.root}/"
        row = self._rows.get(path[len(root) :]) if path.startswith(root) else None
        if row is not None:
            self.dataChanged.emit(self.index(row), self.index(row))


def rows_of(entries: list[AssetEntry]) -> dict[str, int]:
    """Return where each path stands."""
    return {entry.path: row for row, entry in enumerate(entries)}
