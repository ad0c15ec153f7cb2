"""The Builds pane: queue and history on the left, the chosen build or the figures on the right."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from PySide6.QtCore import (
    QEvent,
    QItemSelection,
    QItemSelectionModel,
    QModelIndex,
    QObject,
    QPoint,
    Qt,
    Signal,
)
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import (
    QAbstractItemView,
    QComboBox,
    QHeaderView,
    QLineEdit,
    QSplitter,
    QStackedLayout,
    QTabWidget,
    QToolButton,
    QWidget,
)

from slate_desktop.domain.build import BuildJob, BuildType
from slate_desktop.ui.actions import ActionRegistry
from slate_desktop.ui.builds import words
from slate_desktop.ui.builds.cells import BuildsView
from slate_desktop.ui.builds.result import BuildResult
from slate_desktop.ui.builds.table import (
    COLUMNS,
    DURATION,
    PLATFORM,
    PROJECT,
    STATE,
    TYPE,
    WHEN,
    WHY,
    BuildsTable,
)
from slate_desktop.ui.columns import column, shared
from slate_desktop.ui.empty import EmptyState
from slate_desktop.ui.flow import FlowLayout
from slate_desktop.ui.table_memory import Arrangement
from slate_desktop.ui.text import format_duration, format_time
from slate_desktop.ui.theme import Theme

if TYPE_CHECKING:
    from slate_desktop.ui.builds.statistics import BuildPlots

ACTIONS = (
    "build.log",
    "build.cancel",
    "build.first",
    "build.earlier",
    "build.later",
    "build.retry",
    "build.change",
    "build.compare",
)

# In logical pixels: narrower, table and result do not stand beside each other.
_NARROW = 620
# Beside the words of a state.
_ICON = 22
# Of what says why, at least.
_WHY_LETTERS = 24
_LONG_AGO = datetime(2026, 1, 1, tzinfo=UTC)


class BuildsPane(QWidget):
    """Shows builds; says which are chosen.

    Args:
        kept: how the table was filtered and sorted the last time.
    """

    chosen = Signal(object)  # BuildJob | None
    moved = Signal(list, str, bool)  # ids, the build beside which they go, whether behind it
    menu_wanted = Signal(QPoint)

    def __init__(
        self, theme: Theme, actions: ActionRegistry, empty: EmptyState, *, kept: object = None
    ) -> None:
        super().__init__()
        self.setObjectName("pane")
        self.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
        self._theme, self._actions = theme, actions
        self.empty = empty
        self.model = BuildsTable(self)
        self.model.moved.connect(self.moved)
        self._kept: list[str] = []
        # Whether the columns are as somebody pulled them, and whether they are being set here.
        self._is_by_hand = self._is_sharing = False
        self.model.arranging.connect(self._on_arranging)
        self.model.arranged.connect(self._on_arranged)
        self.view = BuildsView(theme, self.model)
        # Stands in the title bar of the dock.
        self.bar = QWidget()
        self.field = QLineEdit()
        self.states = QComboBox()
        self.result = BuildResult(theme)
        self.plots: BuildPlots | None = None
        self.tabs = QTabWidget()
        self.tabs.setAccessibleName(self.tr("About the chosen build"))
        self._set_up_view()
        self._set_up_bar()
        self._lay_out()
        header = self.view.horizontalHeader()
        self.arrangement = Arrangement(self.field, self.states, header, COLUMNS)
        self.arrangement.restore(kept)

    def make_plots(self) -> BuildPlots:
        """Import the plots on their first need: pyqtgraph is slow to import."""
        if self.plots is None:
            from slate_desktop.ui.builds.statistics import BuildPlots

            self.plots = BuildPlots(self._theme)
            self.tabs.removeTab(1)
            self.tabs.addTab(self.plots, self.tr("Statistics"))
            self.tabs.setCurrentIndex(1)
        return self.plots

    @property
    def selected(self) -> list[BuildJob]:
        """The chosen builds, the current one first."""
        rows = self.view.selectionModel().selectedRows()
        current = self.view.currentIndex().row()
        rows.sort(key=lambda index: index.row() != current)
        return [self.model.shown[index.row()] for index in rows]

    def set_builds(self, builds: list[BuildJob], names: dict[str, str]) -> None:
        """Show these builds; what is chosen stays chosen."""
        self.model.set_builds(builds, names)
        self._stack.setCurrentIndex(1 if builds else 0)
        self.bar.setVisible(bool(builds))

    def select(self, build_id: str, *, is_added: bool = False) -> None:
        """Choose a build, beside the chosen ones where ``is_added``."""
        row = self.model.row_of(build_id)
        if row >= 0:
            flag = QItemSelectionModel.SelectionFlag
            how = flag.Select if is_added else flag.ClearAndSelect
            index = self.model.index(row, 0)
            self.view.selectionModel().setCurrentIndex(index, flag.Rows | how)

    def changeEvent(self, event: QEvent) -> None:
        """Give columns the room that their words need in another font."""
        super().changeEvent(event)
        if event.type() in (QEvent.Type.FontChange, QEvent.Type.StyleChange):
            self._share_width()

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Share another width of the table among its columns."""
        if event.type() == QEvent.Type.Resize:
            self._share_width()
        return super().eventFilter(watched, event)

    def _share_width(self) -> None:
        if self._is_by_hand:
            return
        view, header = self.view, self.view.horizontalHeader()
        made = [
            column(view, header, WHEN, [format_time(_LONG_AGO)], can_shrink=True),
            column(view, header, PROJECT, ["m" * 10], can_shrink=True),
            column(view, header, PLATFORM, ["PlayStation 5"], can_shrink=True),
            column(view, header, DURATION, [format_duration(754)], can_shrink=True),
            column(view, header, TYPE, [kind.value for kind in BuildType]),
            column(view, header, STATE, words.longest_states(), beside=_ICON),
        ]
        least = max(
            header.sectionSizeHint(WHY), _WHY_LETTERS * view.fontMetrics().averageCharWidth()
        )
        self._is_sharing = True
        for section, width in shared(made, view.viewport().width() - least).items():
            header.resizeSection(section, width)
        self._is_sharing = False

    def _on_section_resized(self, section: int, _before: int, _now: int) -> None:
        # The last one follows whatever the others do.
        if not self._is_sharing and section != WHY:
            self._is_by_hand = True

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Put the chosen build below the others where the pane is narrow."""
        super().resizeEvent(event)
        is_narrow = self.width() < _NARROW
        self._splitter.setOrientation(
            Qt.Orientation.Vertical if is_narrow else Qt.Orientation.Horizontal
        )

    def _set_up_view(self) -> None:
        view = self.view
        view.setAccessibleName(self.tr("Builds"))
        view.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        view.setSelectionMode(QAbstractItemView.SelectionMode.ExtendedSelection)
        view.setShowGrid(False)
        view.setSortingEnabled(True)
        view.sortByColumn(-1, Qt.SortOrder.AscendingOrder)
        # The queue is moved by hand where its own order is shown; a third click shows it again.
        view.setDragDropMode(QAbstractItemView.DragDropMode.DragDrop)
        view.setDefaultDropAction(Qt.DropAction.MoveAction)
        view.setDragDropOverwriteMode(False)
        view.horizontalHeader().setSortIndicatorClearable(True)
        view.setWordWrap(False)
        view.verticalHeader().hide()
        view.verticalHeader().setDefaultSectionSize(24)
        header = view.horizontalHeader()
        header.setSectionResizeMode(QHeaderView.ResizeMode.Interactive)
        header.setSectionResizeMode(WHY, QHeaderView.ResizeMode.Stretch)
        header.setHighlightSections(False)
        header.setDefaultAlignment(Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter)
        header.sectionResized.connect(self._on_section_resized)
        view.viewport().installEventFilter(self)
        view.setContextMenuPolicy(Qt.ContextMenuPolicy.CustomContextMenu)
        view.customContextMenuRequested.connect(
            lambda at: self.menu_wanted.emit(view.viewport().mapToGlobal(at))
        )
        view.selectionModel().selectionChanged.connect(lambda *_: self._on_selection())
        view.doubleClicked.connect(lambda _index: self._actions["build.log"].trigger())

    def _set_up_bar(self) -> None:
        self.field.setPlaceholderText(self.tr("Filter builds"))
        self.field.setAccessibleName(self.tr("Filter builds"))
        self.field.setClearButtonEnabled(True)
        self.field.textChanged.connect(self.model.set_text)
        self.states.setAccessibleName(self.tr("State of the builds"))
        for text, value in (
            (self.tr("All builds"), ""),
            (self.tr("Queued and running"), "active"),
            (self.tr("Passed"), "passed"),
            (self.tr("Suspect"), "suspect"),
            (self.tr("Failed"), "failed"),
            (self.tr("Cancelled"), "cancelled"),
        ):
            self.states.addItem(text, value)
        self.states.currentIndexChanged.connect(
            lambda _i: self.model.set_state(self.states.currentData())
        )

    def _lay_out(self) -> None:
        bar = FlowLayout(self.bar, spacing=5)
        bar.setContentsMargins(10, 2, 8, 2)
        self.field.setMinimumWidth(120)
        self.field.setMaximumWidth(340)
        bar.addWidget(self.field)
        bar.addWidget(self.states)
        bar.addStretch()
        for action_id in ACTIONS:
            button = QToolButton()
            button.setDefaultAction(self._actions[action_id])
            button.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonIconOnly)
            bar.addWidget(button)
        self.tabs.setDocumentMode(True)
        self.tabs.addTab(self.result, self.tr("Build"))
        self.tabs.addTab(QWidget(), self.tr("Statistics"))
        splitter = self._splitter = QSplitter(Qt.Orientation.Horizontal)
        splitter.setObjectName("panes")
        splitter.addWidget(self.view)
        splitter.addWidget(self.tabs)
        splitter.setStretchFactor(0, 3)
        splitter.setStretchFactor(1, 2)
        splitter.setSizes([700, 330])
        splitter.setChildrenCollapsible(False)
        self._stack = QStackedLayout(self)
        self._stack.addWidget(self.empty)
        self._stack.addWidget(splitter)

    def _on_arranging(self) -> None:
        self._kept = [build.id for build in self.selected]
        # Rows that go at the end may be chosen, and their builds may stand elsewhere then.
        self.view.selectionModel().blockSignals(True)

    def _on_arranged(self) -> None:
        """Choose the same builds in their new rows; nobody needs to be told."""
        rows = [row for row in map(self.model.row_of, self._kept) if row >= 0]
        chosen = QItemSelection()
        for row in rows:
            chosen.select(self.model.index(row, 0), self.model.index(row, WHY))
        selection, flag = self.view.selectionModel(), QItemSelectionModel.SelectionFlag
        selection.select(chosen, flag.ClearAndSelect)
        current = self.model.index(rows[0], 0) if rows else QModelIndex()
        selection.setCurrentIndex(current, flag.NoUpdate)
        selection.blockSignals(False)
        self.view.viewport().update()
        if len(rows) < len(self._kept):
            self._on_selection()

    def _on_selection(self) -> None:
        found = self.selected
        self.chosen.emit(found[0] if found else None)
