"""The row over the log: the filter bar, and the tools at its right."""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QToolButton, QWidget

from slate_desktop.ui.actions import ActionRegistry
from slate_desktop.ui.console.filters import FilterBar
from slate_desktop.ui.flow import FlowLayout

# Groups of actions, each with a gap before it.
_TOOLS = (
    ("search", "marks", "columns", "merge", "side"),
    ("follow", "times", "wrap", "stack"),
    ("copy", "save", "clear"),
)


class ToolRow(QWidget):
    """Shows actions of the registry as buttons."""

    def __init__(self, filters: FilterBar, actions: ActionRegistry, parent: QWidget) -> None:
        super().__init__(parent)
        self.setObjectName("paneBar")
        self.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
        self.buttons: dict[str, QToolButton] = {}
        bar = FlowLayout(self)
        bar.setContentsMargins(10, 3, 8, 3)
        bar.addWidget(filters)
        bar.addStretch()
        for group in _TOOLS:
            bar.addSpacing(8)
            for name in group:
                action = actions[f"console.{name}"]
                button = QToolButton(self)
                button.setDefaultAction(action)
                button.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonIconOnly)
                button.setAccessibleName(action.toolTip())
                bar.addWidget(button)
                self.buttons[name] = button
