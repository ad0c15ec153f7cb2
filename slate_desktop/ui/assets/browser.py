"""The Assets pane: every asset of the chosen project, with filters, pictures and options."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Mapping
from pathlib import Path

from PySide6.QtCore import QItemSelectionModel, QModelIndex, QPoint, Qt, QTimer, Signal
from PySide6.QtGui import QAction
from PySide6.QtWidgets import (
    QHBoxLayout,
    QMenu,
    QStackedLayout,
    QVBoxLayout,
    QWidget,
)

from slate_desktop.control.asset_choices import AssetChoices
from slate_desktop.control.asset_index import AssetEntry, AssetFilter, SortKey, scan, select
from slate_desktop.domain.assets.kinds import AssetKind
from slate_desktop.errors import SlateError
from slate_desktop.translation import plural
from slate_desktop.ui.assets.bar import AssetBar
from slate_desktop.ui.assets.batch_panel import BatchPanel
from slate_desktop.ui.assets.grid import AssetGrid
from slate_desktop.ui.assets.list_model import AssetListModel, rows_of
from slate_desktop.ui.assets.quick_look import QuickLook
from slate_desktop.ui.assets.thumbnails import Thumbnails
from slate_desktop.ui.documents.document import DocumentContext
from slate_desktop.ui.file_menu import add_outside
from slate_desktop.ui.rows import choose_only
from slate_desktop.ui.text import plain_label

_TYPE_MS = 120


class AssetBrowser(QWidget):
    """One per window.

    ``failed`` carries an error and what did not work, ``process_wanted`` the paths of assets.
    """

    open_wanted = Signal(object)
    failed = Signal(object, str)
    counted = Signal(int)
    filled = Signal()
    chosen = Signal()
    process_wanted = Signal(object)

    def __init__(self, context: DocumentContext) -> None:
        super().__init__()
        self._context, self._theme = context, context.theme
        self.root: Path | None = None
        self.entries: list[AssetEntry] = []
        self.choices: AssetChoices | None = None
        self._states: Mapping[str, str] = {}
        self._unreadable: set[str] = set()
        self._can_process = False
        self._is_scanning = False
        self._generation = 0
        self.thumbnails = Thumbnails(context.reader, context.models, context.tasks, self)
        self.model = AssetListModel(self.thumbnails, self.state_of, self)
        self.grid = AssetGrid(self.model, self._theme)
        self.grid.setContextMenuPolicy(Qt.ContextMenuPolicy.CustomContextMenu)
        self.panel = BatchPanel()
        self.panel.hide()
        self.nothing = plain_label(role="muted")
        self.nothing.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self._look: QuickLook | None = None
        # Stands in the title bar of the dock.
        self.bar = AssetBar(self._theme, self.grid.side)
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.setInterval(_TYPE_MS)
        self._timer.timeout.connect(
            lambda: self._context.tasks.spawn(self._filter(), "filter assets", self)
        )
        self._lay_out()
        self._connect()
        self._show_process()

    # -- what is shown ---------------------------------------------------------------------

    def set_root(self, root: Path | None) -> None:
        """Show the assets below a folder."""
        if root == self.root:
            return
        self.root = root
        self.entries, self._states = [], {}
        self._unreadable = set()
        self.thumbnails.forget()
        self.model.set_entries(root or Path(), [])
        if root is not None and self.isVisible():
            self.refresh()

    def refresh(self) -> None:
        """Look through the folder again."""
        if self.root is not None and not self._is_scanning:
            self._is_scanning = True
            self._context.tasks.spawn(self._scan(self.root), "scan assets", self)

    def state_of(self, entry: AssetEntry) -> str:
        """Return an entry's state, one of ``STATES`` or nothing."""
        if entry.kind == "unsupported":
            return "unsupported"
        if entry.path in self._unreadable:
            return "failed"
        known = self._states.get(entry.path, "")
        if not known and self.choices is not None and self.choices.has_choice(entry.path):
            return "own options"
        return known

    def set_states(self, states: Mapping[str, str]) -> None:
        """Take what jobs made of the assets, by path."""
        if states == self._states:
            return
        self._states = states
        self.model.touch_all()
        if self.bar.state.currentData():
            self._filter_soon()

    def set_can_process(self, can_process: bool) -> None:
        """Say whether there is somebody who processes."""
        self._can_process = can_process
        self._show_process()

    @property
    def selected(self) -> list[AssetEntry]:
        """The selected entries, in order."""
        rows = sorted(index.row() for index in self.grid.selectedIndexes())
        return [self.model.entries[row] for row in rows]

    async def aclose(self) -> None:
        """End what makes pictures."""
        await self.thumbnails.aclose()

    def showEvent(self, event: object) -> None:
        """Begin to look when somebody sees it."""
        if not self.entries:
            self.refresh()

    # -- scanning and filtering ------------------------------------------------------------

    async def _scan(self, root: Path) -> None:
        self.nothing.setText(self.tr("Looking for assets…"))
        try:
            entries = await asyncio.to_thread(scan, root, lambda: self.root == root)
            choices = AssetChoices(root)
            try:
                await asyncio.to_thread(choices.load)
            except SlateError as error:
                self.failed.emit(error, self.tr("Chosen options cannot be used."))
            counts = await asyncio.to_thread(lambda: Counter(entry.kind for entry in entries))
        finally:
            self._is_scanning = False
        if self.root != root:
            self.refresh()
            return
        self.entries, self.choices = entries, choices
        self.bar.show_counts(counts)
        self.counted.emit(len(entries))
        await self._filter()

    def _filter_soon(self) -> None:
        self._timer.start()

    async def _filter(self) -> None:
        self._generation += 1
        generation, root = self._generation, self.root
        if root is None:
            return
        wanted, order = self.bar.wanted, self.bar.sort_key
        shown, rows = await asyncio.to_thread(self._select, self.entries, wanted, order)
        if generation != self._generation or root != self.root:
            return
        kept = {entry.path for entry in self.selected}
        current = self.model.entry(self.grid.currentIndex())
        self.model.set_entries(root, shown, rows)
        self._select_again(kept, current.path if current is not None else "")
        self.nothing.setText(
            self.tr("No asset fits.") if self.entries else self.tr("No assets in this folder.")
        )
        self._views.setCurrentWidget(self.grid if shown else self.nothing)
        self.filled.emit()

    def _select(
        self, entries: list[AssetEntry], wanted: AssetFilter, order: SortKey
    ) -> tuple[list[AssetEntry], dict[str, int]]:
        shown = select(entries, wanted, order, self.state_of)
        return shown, rows_of(shown)

    def _select_again(self, paths: set[str], current: str) -> None:
        selection = self.grid.selectionModel()
        if len(paths) <= 500:
            for path in paths:
                row = self.model.row_of(path)
                if row is not None:
                    flag = QItemSelectionModel.SelectionFlag.Select
                    selection.select(self.model.index(row), flag)
        row = self.model.row_of(current)
        if row is not None:
            flag = QItemSelectionModel.SelectionFlag.NoUpdate
            selection.setCurrentIndex(self.model.index(row), flag)

    # -- events ----------------------------------------------------------------------------

    def _on_ready(self, path: str) -> None:
        """Take over what making a picture said about a file."""
        if self.root is None or not path.startswith(f"{self.root}/"):
            return
        row = self.model.row_of(path[len(f"{self.root}/") :])
        if row is None:
            return
        entry = self.model.entries[row]
        known = self.thumbnails.get(self.root, entry)
        if known is not None and known.problem:
            self._unreadable.add(entry.path)
        else:
            self._unreadable.discard(entry.path)

    def _show_process(self) -> None:
        has_asset = any(entry.asset_kind for entry in self.selected)
        self.bar.show_process(can_process=self._can_process, has_asset=has_asset)

    def _on_process(self) -> None:
        paths = [self.model.path_of(entry) for entry in self.selected if entry.asset_kind]
        if paths and self._can_process:
            self.process_wanted.emit(paths)

    def _on_selection(self) -> None:
        self._show_process()
        if not self.panel.isVisibleTo(self):
            return
        entries = self.selected
        options = None
        if len(entries) == 1 and entries[0].asset_kind is not None and self.choices is not None:
            try:
                options = self.choices.options_of(entries[0].path, entries[0].asset_kind)
            except SlateError as error:
                self.failed.emit(error, self.tr("Chosen options cannot be used."))
        self.panel.show_selection([entry.asset_kind for entry in entries], options)

    def _on_apply(self, kind: AssetKind, values: dict[str, object]) -> None:
        paths = [entry.path for entry in self.selected]
        choices = self.choices
        if choices is not None and paths:
            work = asyncio.to_thread(choices.choose, paths, kind, values)
            self._context.tasks.spawn(self._keep(work, len(paths)), "choose options", self)

    def _on_reset(self) -> None:
        paths = [entry.path for entry in self.selected]
        choices = self.choices
        if choices is not None and paths:
            work = asyncio.to_thread(choices.forget, paths)
            self._context.tasks.spawn(self._keep(work, len(paths)), "forget options", self)

    async def _keep(self, work: object, count: int) -> None:
        try:
            await work  # type: ignore[misc]
        except SlateError as error:
            self.failed.emit(error, self.tr("The options could not be kept."))
            return
        self.model.touch_all()
        self._context.say(
            plural("Options of {count} asset kept", "Options of {count} assets kept", count)
        )
        self._on_selection()
        self.chosen.emit()

    def _on_open(self, index: QModelIndex) -> None:
        entry = self.model.entry(index)
        if entry is not None:
            self.open_wanted.emit(self.model.path_of(entry))

    def _on_look(self, index: QModelIndex) -> None:
        entry = self.model.entry(index)
        if entry is None:
            return
        if self._look is None:
            self._look = QuickLook(self, self._context)
            self._look.step_wanted.connect(self._on_look_step)
            self._look.open_wanted.connect(self.open_wanted)
        self._look.show_path(self.model.path_of(entry))

    def _on_look_step(self, step: int) -> None:
        row = self.grid.currentIndex().row() + step
        if 0 <= row < self.model.rowCount():
            choose_only(self.grid, self.model.index(row))
            self._on_look(self.grid.currentIndex())

    def _on_menu(self, position: QPoint) -> None:
        index = self.grid.indexAt(position)
        entry = self.model.entry(index)
        if entry is None:
            return
        path = self.model.path_of(entry)
        menu = QMenu(self)
        for words, act in (
            (self.tr("Open"), lambda: self._on_open(index)),
            (self.tr("Quick look"), lambda: self._on_look(index)),
            (self.tr("Process"), self._on_process),
            (self.tr("Options…"), lambda: self.bar.options.setChecked(True)),
        ):
            action = QAction(words, menu)
            action.triggered.connect(lambda _on=False, act=act: act())
            action.setEnabled(act != self._on_process or self.bar.process.isEnabled())
            menu.addAction(action)
        menu.addSeparator()
        add_outside(menu, path, self.failed.emit)
        menu.aboutToHide.connect(menu.deleteLater)
        menu.popup(self.grid.viewport().mapToGlobal(position))

    def _on_current(self, index: QModelIndex) -> None:
        entry = self.model.entry(index)
        if entry is not None and entry.asset_kind is AssetKind.MODEL:
            # The next thing is likely to be a look at it.
            self._context.models.warm()

    # -- making ----------------------------------------------------------------------------

    def _connect(self) -> None:
        self.bar.filter_changed.connect(self._filter_soon)
        self.bar.as_list.toggled.connect(self.grid.set_list)
        self.bar.side.valueChanged.connect(self.grid.set_side)
        self.grid.side_changed.connect(self.bar.side.setValue)
        self.bar.options.toggled.connect(self.panel.setVisible)
        self.bar.options.toggled.connect(lambda _on: self._on_selection())
        self.bar.again.clicked.connect(self.refresh)
        self.bar.process.clicked.connect(self._on_process)
        self.grid.opened.connect(self._on_open)
        self.grid.look_wanted.connect(self._on_look)
        self.grid.customContextMenuRequested.connect(self._on_menu)
        selection = self.grid.selectionModel()
        selection.selectionChanged.connect(lambda _on, _off: self._on_selection())
        selection.currentChanged.connect(lambda current, _old: self._on_current(current))
        self.thumbnails.ready.connect(self._on_ready)
        self.panel.apply_wanted.connect(self._on_apply)
        self.panel.reset_wanted.connect(self._on_reset)

    def _lay_out(self) -> None:
        views = QWidget()
        self._views = QStackedLayout(views)
        self._views.addWidget(self.nothing)
        self._views.addWidget(self.grid)
        middle = QHBoxLayout()
        middle.setSpacing(0)
        middle.addWidget(views, 1)
        middle.addWidget(self.panel)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        column.addLayout(middle, 1)
