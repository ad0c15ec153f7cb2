"""Two builds side by side, in a dialog."""

from __future__ import annotations

from PySide6.QtGui import QFont
from PySide6.QtWidgets import (
    QDialog,
    QDialogButtonBox,
    QHeaderView,
    QTabWidget,
    QTreeWidget,
    QTreeWidgetItem,
    QVBoxLayout,
    QWidget,
)

from slate_desktop.domain.builds.comparison import Comparison
from slate_desktop.domain.sizes import format_bytes
from slate_desktop.translation import sentence
from slate_desktop.ui.button_box import ButtonBox
from slate_desktop.ui.text import plain_label
from slate_desktop.ui.theme import Theme
from slate_desktop.ui.tokens import DIALOG_MARGINS


class ComparisonDialog(QDialog):
    """Shows two builds side by side; what differs is bold."""

    def __init__(
        self, parent: QWidget, theme: Theme, found: Comparison, left: str, right: str
    ) -> None:
        super().__init__(parent)
        self.setWindowTitle(self.tr("Compare builds"))
        self.resize(860, 560)
        strong = theme.ui_font(is_bold=True)
        self.facts = _tree(self.tr("Settings and results"), [self.tr("Fact"), left, right])
        for fact in found.facts:
            item = QTreeWidgetItem([sentence(fact.name), sentence(fact.left), sentence(fact.right)])
            if not fact.is_same:
                _stress(item, strong)
            self.facts.addTopLevelItem(item)
        self.files = _tree(self.tr("Files"), [self.tr("File"), left, right, self.tr("Change")])
        for file in found.files[:2000]:
            item = QTreeWidgetItem(
                [
                    file.path,
                    "–" if file.left is None else format_bytes(file.left),
                    "–" if file.right is None else format_bytes(file.right),
                    self.tr("same") if file.is_same_content else _signed(file.change),
                ]
            )
            if not file.is_same_content:
                _stress(item, strong)
            self.files.addTopLevelItem(item)
        stretch = QHeaderView.ResizeMode.Stretch
        self.facts.header().resizeSection(0, 180)
        for column in (1, 2):
            self.facts.header().setSectionResizeMode(column, stretch)
        self.files.header().setSectionResizeMode(0, stretch)
        for column in (1, 2, 3):
            self.files.header().resizeSection(column, 120)
        tabs = QTabWidget()
        tabs.setAccessibleName(self.tr("What differs"))
        tabs.setDocumentMode(True)
        tabs.addTab(self.facts, self.tr("Settings and results"))
        tabs.addTab(self.files, self.tr("Files"))
        total = self.tr("{left} against {right}: {change}").format(
            left=format_bytes(found.left_bytes),
            right=format_bytes(found.right_bytes),
            change=_signed(found.right_bytes - found.left_bytes),
        )
        buttons = ButtonBox(QDialogButtonBox.StandardButton.Close)
        buttons.rejected.connect(self.reject)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(*DIALOG_MARGINS)
        layout.setSpacing(12)
        layout.addWidget(tabs, 1)
        layout.addWidget(plain_label(total, role="muted"))
        layout.addWidget(buttons)


def _signed(size: int) -> str:
    return f"{'+' if size > 0 else '−' if size < 0 else '±'}{format_bytes(abs(size))}"


def _stress(item: QTreeWidgetItem, font: QFont) -> None:
    """Make a row that differs stand out by more than colour."""
    for column in range(item.columnCount()):
        item.setFont(column, font)


def _tree(name: str, titles: list[str]) -> QTreeWidget:
    tree = QTreeWidget()
    tree.setAccessibleName(name)
    tree.setHeaderLabels(titles)
    tree.setRootIsDecorated(False)
    tree.setUniformRowHeights(True)
    tree.header().setStretchLastSection(False)
    return tree
