"""The Assets pane: every asset of the chosen project, with filters, pictures and options."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Mapping
from pathlib import Path

from PySide6.QtCore import QItemSelectionModel, QModelIndex, QPoint, Qt, QTimer, Signal
from PySide6.QtGui import QAction, QGuiApplication
from PySide6.QtWidgets import (
    QComboBox,
    QHBoxLayout,
    QLineEdit,
    QMenu,
    QSlider,
    QStackedLayout,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from slate_desktop.control.asset_choices import AssetChoices
from slate_desktop.control.asset_index import AssetEntry, AssetFilter, SortKey, scan, select
from slate_desktop.domain.assets.kinds import AssetKind
from slate_desktop.errors import SlateError
from slate_desktop.ui import icons, outside
from slate_desktop.ui.assets.batch_panel import BatchPanel
from slate_desktop.ui.assets.grid import MAX_SIDE, MIN_SIDE, AssetGrid
from slate_desktop.ui.assets.list_model import AssetListModel
from slate_desktop.ui.assets.quick_look import QuickLook
from slate_desktop.ui.assets.thumbnails import Thumbnails
from slate_desktop.ui.documents.document import DocumentContext
from slate_desktop.ui.text import plain_label

_TYPE_MS = 120
_ASSETS = frozenset(kind.value for kind in AssetKind)
_KINDS = ("texture", "model", "audio", "font", "video", "unsupported")
STATES = ("processed", "stale", "failed", "unsupported", "own options")


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
        self._make_bar()
        self._lay_out()
        self._connect()
        self._show_icons()
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
        if not known and self.choices is not None and self.choices.chosen(entry.path):
            return "own options"
        return known

    def set_states(self, states: Mapping[str, str]) -> None:
        """Take what jobs made of the assets, by path."""
        if states == self._states:
            return
        self._states = states
        self.model.touch_all()
        if self.state.currentData():
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
        finally:
            self._is_scanning = False
        if self.root != root:
            self.refresh()
            return
        self.entries, self.choices = entries, choices
        self._show_counts()
        self.counted.emit(len(entries))
        await self._filter()

    def _filter_soon(self) -> None:
        self._timer.start()

    async def _filter(self) -> None:
        self._generation += 1
        generation, root = self._generation, self.root
        if root is None:
            return
        wanted = AssetFilter(
            kinds=frozenset(kind for kind, chip in self.chips.items() if chip.isChecked()),
            text=self.field.text(),
            states=frozenset(filter(None, (self.state.currentData(),))),
        )
        order = SortKey(self.order.currentData())
        shown = await asyncio.to_thread(select, self.entries, wanted, order, self.state_of)
        if generation != self._generation or root != self.root:
            return
        kept = {entry.path for entry in self.selected}
        current = self.model.entry(self.grid.currentIndex())
        self.model.set_entries(root, shown)
        self._select_again(kept, current.path if current is not None else "")
        self.nothing.setText(
            self.tr("No asset fits.") if self.entries else self.tr("No assets in this folder.")
        )
        self._views.setCurrentWidget(self.grid if shown else self.nothing)
        self.filled.emit()

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

    def _show_counts(self) -> None:
        counts = Counter(entry.kind for entry in self.entries)
        for kind, chip in self.chips.items():
            chip.setText(f"{chip.property('words')}  {counts[kind]}")
            chip.setVisible(bool(counts[kind]) or kind in _ASSETS)

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
        is_on = self._can_process and any(entry.asset_kind for entry in self.selected)
        self.process.setEnabled(is_on)
        if not self._can_process:
            tip = self.tr("Processing needs a project, and a connection to SLATE's services.")
        elif not is_on:
            tip = self.tr("Select textures, models or sounds, to have them processed.")
        else:
            tip = self.tr("Have the selected assets processed with their options")
        self.process.setToolTip(tip)

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
        self._context.say(self.tr("Options of %n asset(s) kept", "", count))
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
            self.grid.setCurrentIndex(self.model.index(row))
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
            (self.tr("Options…"), lambda: self.options.setChecked(True)),
            (self.tr("Reveal in file manager"), lambda: self._outside(outside.reveal, path)),
            (
                self.tr("Open in another program"),
                lambda: self._outside(outside.open_externally, path),
            ),
            (self.tr("Copy path"), lambda: QGuiApplication.clipboard().setText(str(path))),
        ):
            action = QAction(words, menu)
            action.triggered.connect(lambda _on=False, act=act: act())
            action.setEnabled(act != self._on_process or self.process.isEnabled())
            menu.addAction(action)
        menu.aboutToHide.connect(menu.deleteLater)
        menu.popup(self.grid.viewport().mapToGlobal(position))

    def _outside(self, act: object, path: Path) -> None:
        try:
            act(path)  # type: ignore[operator]
        except SlateError as error:
            self.failed.emit(error, self.tr("The file could not be handed over."))

    def _on_current(self, index: QModelIndex) -> None:
        entry = self.model.entry(index)
        if entry is not None and entry.asset_kind is AssetKind.MODEL:
            # The next thing is likely to be a look at it.
            self._context.models.warm()

    # -- making ----------------------------------------------------------------------------

    def _make_bar(self) -> None:
        self.chips: dict[str, QToolButton] = {}
        for kind, words in zip(
            _KINDS,
            (
                self.tr("Textures"),
                self.tr("Models"),
                self.tr("Audio"),
                self.tr("Fonts"),
                self.tr("Videos"),
                self.tr("Unsupported"),
            ),
            strict=True,
        ):
            chip = QToolButton()
            chip.setObjectName("chip")
            chip.setCheckable(True)
            chip.setText(words)
            chip.setProperty("words", words)
            chip.setAccessibleName(self.tr("Show {kind} alone").format(kind=words))
            self.chips[kind] = chip
        self.field = QLineEdit()
        self.field.setPlaceholderText(self.tr("Filter by name or folder"))
        self.field.setAccessibleName(self.tr("Filter by name or folder"))
        self.field.setClearButtonEnabled(True)
        self.order = QComboBox()
        self.order.setAccessibleName(self.tr("Order"))
        for key, words in (
            (SortKey.NAME, self.tr("Name")),
            (SortKey.KIND, self.tr("Kind")),
            (SortKey.SIZE, self.tr("Size")),
            (SortKey.NEWEST, self.tr("Newest")),
            (SortKey.FOLDER, self.tr("Folder")),
        ):
            self.order.addItem(words, key.value)
        self.state = QComboBox()
        self.state.setAccessibleName(self.tr("State"))
        self.state.addItem(self.tr("Any state"), "")
        for state in STATES:
            self.state.addItem(state.capitalize(), state)
        self.process = self._tool(self.tr("Process"))
        self.process.setText(f" {self.tr('Process')}")
        self.process.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextBesideIcon)
        self.as_list = self._tool(self.tr("List instead of grid"), is_toggle=True)
        self.options = self._tool(self.tr("Options of the selected assets"), is_toggle=True)
        self.again = self._tool(self.tr("Look through the folder again"))
        self.side = QSlider(Qt.Orientation.Horizontal)
        self.side.setRange(MIN_SIDE, MAX_SIDE)
        self.side.setValue(self.grid.side)
        self.side.setFixedWidth(90)
        self.side.setAccessibleName(self.tr("Size of the pictures"))
        self.side.setToolTip(self.tr("Size of the pictures (Ctrl and wheel)"))
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.setInterval(_TYPE_MS)
        self._timer.timeout.connect(
            lambda: self._context.tasks.spawn(self._filter(), "filter assets", self)
        )

    def _connect(self) -> None:
        for chip in self.chips.values():
            chip.toggled.connect(lambda _on: self._filter_soon())
        self.field.textChanged.connect(lambda _text: self._filter_soon())
        self.order.currentIndexChanged.connect(lambda _index: self._filter_soon())
        self.state.currentIndexChanged.connect(lambda _index: self._filter_soon())
        self.as_list.toggled.connect(self.grid.set_list)
        self.side.valueChanged.connect(self.grid.set_side)
        self.grid.side_changed.connect(self.side.setValue)
        self.options.toggled.connect(self.panel.setVisible)
        self.options.toggled.connect(lambda _on: self._on_selection())
        self.again.clicked.connect(self.refresh)
        self.process.clicked.connect(self._on_process)
        self.grid.opened.connect(self._on_open)
        self.grid.look_wanted.connect(self._on_look)
        self.grid.customContextMenuRequested.connect(self._on_menu)
        selection = self.grid.selectionModel()
        selection.selectionChanged.connect(lambda _on, _off: self._on_selection())
        selection.currentChanged.connect(lambda current, _old: self._on_current(current))
        self.thumbnails.ready.connect(self._on_ready)
        self.panel.apply_wanted.connect(self._on_apply)
        self.panel.reset_wanted.connect(self._on_reset)
        self._theme.changed.connect(self._show_icons)

    def _lay_out(self) -> None:
        bar = QWidget()
        bar.setObjectName("paneBar")
        bar.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
        row = QHBoxLayout(bar)
        row.setContentsMargins(8, 4, 8, 4)
        row.setSpacing(5)
        for chip in self.chips.values():
            row.addWidget(chip)
        row.addWidget(self.field, 1)
        for widget in (self.state, self.order, self.side, self.as_list, self.options, self.again):
            row.addWidget(widget)
        row.addWidget(self.process)
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
        column.addWidget(bar)
        column.addLayout(middle, 1)

    def _tool(self, tip: str, *, is_toggle: bool = False) -> QToolButton:
        button = QToolButton()
        button.setToolTip(tip)
        button.setAccessibleName(tip)
        button.setCheckable(is_toggle)
        return button

    def _show_icons(self) -> None:
        for button, name in (
            (self.as_list, "list"),
            (self.options, "sliders-horizontal"),
            (self.again, "refresh-cw"),
            (self.process, "boxes"),
        ):
            button.setIcon(icons.icon(name, self._theme.tokens))
