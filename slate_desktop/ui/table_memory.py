"""What the window keeps of a table across restarts: filter and order.

Owns reading and writing it as plain JSON values. What is torn or foreign is left out.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QComboBox, QHeaderView, QLineEdit

_MAX_TEXT = 200


class TableMemory(msgspec.Struct, frozen=True):
    """What is kept of one table.

    Attributes:
        text: words that rows must have.
        state: the one state that shows, empty for all.
        column: the name of the column that sorts, empty for the table's own order.
        is_descending: whether it sorts the other way round.
    """

    text: str = ""
    state: str = ""
    column: str = ""
    is_descending: bool = False

    def to_json(self) -> dict[str, Any]:
        """Return it as JSON values; nothing for one that is as at first."""
        kept: dict[str, Any] = {"text": self.text[:_MAX_TEXT], "state": self.state}
        kept |= {"column": self.column, "descending": self.is_descending}
        return {name: value for name, value in kept.items() if value}


def table_from_json(data: object) -> TableMemory:
    """Return what was kept, defaults for what is missing or of the wrong kind."""
    if not isinstance(data, dict):
        return TableMemory()
    texts = {name: data.get(name) for name in ("text", "state", "column")}
    found = {name: value[:_MAX_TEXT] for name, value in texts.items() if isinstance(value, str)}
    # Keys of a keyboard write none of these, and a field shows them as one line.
    found["text"] = "".join(letter for letter in found.get("text", "") if letter.isprintable())
    return TableMemory(**found, is_descending=data.get("descending") is True)


class Arrangement:
    """The field, the list of states and the header that arrange one table.

    Args:
        columns: what the columns are called where they are kept; a column that moves keeps its own.
    """

    def __init__(
        self, field: QLineEdit, states: QComboBox, header: QHeaderView, columns: Sequence[str]
    ) -> None:
        self._field, self._states, self._header = field, states, header
        self._columns = tuple(columns)

    def restore(self, kept: object) -> None:
        """Set them as they were kept; a state or column that is gone counts as none."""
        memory = table_from_json(kept)
        self._field.setText(memory.text)
        values = [str(self._states.itemData(row) or "") for row in range(self._states.count())]
        if memory.state in values:
            self._states.setCurrentIndex(values.index(memory.state))
        if memory.column in self._columns:
            order = Qt.SortOrder
            self._header.setSortIndicator(
                self._columns.index(memory.column),
                order.DescendingOrder if memory.is_descending else order.AscendingOrder,
            )

    def to_json(self) -> dict[str, Any]:
        """Return how they are set, as JSON values."""
        section = self._header.sortIndicatorSection()
        is_sorted = 0 <= section < len(self._columns)
        is_descending = self._header.sortIndicatorOrder() is Qt.SortOrder.DescendingOrder
        return TableMemory(
            text=self._field.text(),
            state=str(self._states.currentData() or ""),
            column=self._columns[section] if is_sorted else "",
            is_descending=is_sorted and is_descending,
        ).to_json()
