"""The command palette: type a few letters of anything the user can do, press Return.

Owns the search field and the list; what can be done comes from the action registry, where one can
go from two callables: one lists places, the other looks for those that are too many to list.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from PySide6.QtCore import (
    QAbstractListModel,
    QEvent,
    QModelIndex,
    QObject,
    QPersistentModelIndex,
    QRect,
    QSize,
    Qt,
)
from PySide6.QtGui import QKeyEvent, QKeySequence, QPainter
from PySide6.QtWidgets import (
    QFrame,
    QLabel,
    QLineEdit,
    QListView,
    QStyle,
    QStyledItemDelegate,
    QStyleOptionViewItem,
    QVBoxLayout,
    QWidget,
)

from slate_desktop.ui import icons
from slate_desktop.ui.actions import ActionRegistry, plain_title
from slate_desktop.ui.theme import Theme

_MAX_ROWS = 60
_WIDTH = 560
_ROW_HEIGHT = 28
_SHOWN_ROWS = 14


@dataclass(frozen=True)
class Command:
    """One row of the palette. ``run`` is called after the palette has closed."""

    title: str
    run: Callable[[], object]
    group: str = ""
    hint: str = ""
    key: str = ""
    icon: str = ""


class CommandPalette(QFrame):
    """A list over the window, opened by Ctrl+Shift+P and by Ctrl+P for places."""

    def __init__(
        self,
        window: QWidget,
        theme: Theme,
        registry: ActionRegistry,
        places: Callable[[], Iterable[Command]],
        search: Callable[[str], Iterable[Command]],
    ) -> None:
        super().__init__(window)
        self._window = window
        self._theme = theme
        self._registry = registry
        self._places, self._search = places, search
        self._commands: list[Command] = []
        self._return_focus: QWidget | None = None
        self.setObjectName("palette")
        self.field = QLineEdit(self)
        self.field.setAccessibleName(
            self.tr("Search commands, sessions, projects, assets and builds")
        )
        self.field.textChanged.connect(self._on_field_changed)
        self.field.installEventFilter(self)
        self.model = _CommandModel(self)
        self.view = QListView(self)
        self.view.setModel(self.model)
        self.view.setItemDelegate(_CommandDelegate(theme, self.view))
        self.view.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.view.setUniformItemSizes(True)
        self.view.setAccessibleName(self.tr("Matching commands"))
        self.view.clicked.connect(lambda _index: self.run_current())
        self._empty = QLabel(self.tr("Nothing matches. Try fewer letters."), self)
        self._empty.setProperty("role", "faint")
        self._empty.setMargin(10)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(8, 8, 8, 8)
        layout.setSpacing(6)
        layout.addWidget(self.field)
        layout.addWidget(self.view)
        layout.addWidget(self._empty)
        self.hide()

    def open_commands(self) -> None:
        """Show every action that can be done now."""
        self.field.setPlaceholderText(
            self.tr("Run a command, or go to a session, project, asset or build")
        )
        self._show([*self._action_commands(), *self._places()])

    def open_places(self) -> None:
        """Show places alone."""
        self.field.setPlaceholderText(self.tr("Go to a session, project, asset or build"))
        self._show(list(self._places()))

    def refresh(self) -> None:
        """Look again, as there is more to be found than before."""
        if self.isVisible() and self.field.text():
            self._on_field_changed(self.field.text())

    def run_current(self) -> None:
        """Close and run the marked command."""
        row = self.view.currentIndex().row()
        if not 0 <= row < len(self.model.commands):
            return
        command = self.model.commands[row]
        self.close_palette()
        command.run()

    def close_palette(self) -> None:
        """Hide, and give the focus back to where it was."""
        self.hide()
        if self._return_focus is not None:
            self._return_focus.setFocus()
            self._return_focus = None

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Let the arrow keys, Return and Escape work from the search field."""
        if watched is self.field and event.type() == QEvent.Type.KeyPress:
            if isinstance(event, QKeyEvent) and self._handle_key(event):
                return True
        elif watched is self.field and event.type() == QEvent.Type.FocusOut and self.isVisible():
            self._return_focus = None
            self.hide()
        return super().eventFilter(watched, event)

    def _handle_key(self, event: QKeyEvent) -> bool:
        key = event.key()
        if key == Qt.Key.Key_Escape:
            self.close_palette()
        elif key in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
            self.run_current()
        elif key in (Qt.Key.Key_Down, Qt.Key.Key_Up, Qt.Key.Key_PageDown, Qt.Key.Key_PageUp):
            step = {Qt.Key.Key_Down: 1, Qt.Key.Key_Up: -1, Qt.Key.Key_PageDown: 8}.get(
                Qt.Key(key), -8
            )
            self._move(step)
        else:
            return False
        return True

    def _move(self, step: int) -> None:
        count = self.model.rowCount()
        if count == 0:
            return
        row = self.view.currentIndex().row() + step
        row = row % count if abs(step) == 1 else max(0, min(count - 1, row))
        self.view.setCurrentIndex(self.model.index(row))

    def _show(self, commands: list[Command]) -> None:
        self._return_focus = self.window().focusWidget()
        self._commands = commands
        self.field.clear()
        self._on_field_changed("")
        self.show()
        self.raise_()
        self.field.setFocus()

    def _place(self, rows: int) -> None:
        window = self._window
        width = min(round(_WIDTH * self._theme.zoom), window.width() - 40)
        # As high as its rows, up to most of the window.
        row = round(_ROW_HEIGHT * self._theme.zoom)
        height = min(row * min(max(rows, 2), _SHOWN_ROWS) + 64, window.height() - 120)
        self.setGeometry((window.width() - width) // 2, 48, width, height)

    def _on_field_changed(self, text: str) -> None:
        text = text.strip()
        found = match_commands([*self._commands, *self._search(text)], text)
        self.model.set_commands(found)
        self.view.setVisible(bool(found))
        self._empty.setVisible(not found)
        if found:
            self.view.setCurrentIndex(self.model.index(0))
        self._place(len(found))

    def _action_commands(self) -> Iterable[Command]:
        for spec, action in self._registry.commands():
            if spec.id.startswith("palette."):
                continue
            yield Command(
                title=plain_title(spec.text),
                run=action.trigger,
                group=plain_title(spec.menu),
                hint=spec.hint,
                key=action.shortcut().toString(QKeySequence.SequenceFormat.NativeText),
                icon=spec.icon,
            )


def match_commands(commands: list[Command], text: str) -> list[Command]:
    """Return the commands that fit ``text``, best first."""
    if not text:
        return commands[:_MAX_ROWS]
    from rapidfuzz import fuzz, process, utils

    # The title counts whole; group and hint help to find what goes by another name.
    scores: dict[int, float] = {}
    for weight, choices in (
        (1.0, [c.title for c in commands]),
        (0.8, [f"{c.group} {c.title} {c.hint}" for c in commands]),
    ):
        for _choice, score, index in process.extract(
            text,
            choices,
            scorer=fuzz.WRatio if len(text) > 2 else fuzz.partial_ratio,
            processor=utils.default_process,
            score_cutoff=60,
            limit=None,
        ):
            scores[index] = max(
                scores.get(index, 0.0), score * weight + _bonus(commands[index], text)
            )
    ranked = sorted(scores, key=lambda index: (-scores[index], index))
    return [commands[index] for index in ranked[:_MAX_ROWS]]


def _bonus(command: Command, text: str) -> float:
    """Return what exact letters are worth over similar ones."""
    title, text = command.title.lower(), text.lower()
    if title.startswith(text):
        return 40
    if f" {text}" in title:
        return 30
    return 20 if text in f"{command.group} {command.hint}".lower() or text in title else 0


class _CommandModel(QAbstractListModel):
    def __init__(self, parent: QObject) -> None:
        super().__init__(parent)
        self.commands: list[Command] = []

    def set_commands(self, commands: list[Command]) -> None:
        self.beginResetModel()
        self.commands = commands
        self.endResetModel()

    def rowCount(self, parent: QModelIndex | QPersistentModelIndex | None = None) -> int:
        return 0 if parent is not None and parent.isValid() else len(self.commands)

    def data(
        self, index: QModelIndex | QPersistentModelIndex, role: int = Qt.ItemDataRole.DisplayRole
    ) -> object:
        if not index.isValid():
            return None
        command = self.commands[index.row()]
        if role == Qt.ItemDataRole.DisplayRole:
            return command.title
        if role == Qt.ItemDataRole.AccessibleDescriptionRole:
            return command.hint
        return command if role == Qt.ItemDataRole.UserRole else None


class _CommandDelegate(QStyledItemDelegate):
    """Paints icon, title, group and key of a command in one row."""

    def __init__(self, theme: Theme, parent: QObject) -> None:
        super().__init__(parent)
        self._theme = theme

    def sizeHint(
        self, option: QStyleOptionViewItem, index: QModelIndex | QPersistentModelIndex
    ) -> QSize:
        return QSize(100, round(_ROW_HEIGHT * self._theme.zoom))

    def paint(
        self,
        painter: QPainter,
        option: QStyleOptionViewItem,
        index: QModelIndex | QPersistentModelIndex,
    ) -> None:
        command: Command = index.data(Qt.ItemDataRole.UserRole)
        tokens, rect = self._theme.tokens, QRect(option.rect)
        is_selected = bool(option.state & QStyle.StateFlag.State_Selected)
        painter.save()
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        if is_selected or option.state & QStyle.StateFlag.State_MouseOver:
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(tokens.color("surface.selected" if is_selected else "surface.hover"))
            painter.drawRoundedRect(rect, 4, 4)
        strong = "text.on_selected" if is_selected else "text.normal"
        weak = "text.on_selected" if is_selected else "text.muted"
        if command.icon:
            pixmap = icons.pixmap(command.icon, tokens, weak)
            painter.drawPixmap(rect.x() + 8, rect.center().y() - 7, pixmap)
        area = rect.adjusted(34, 0, -10, 0)
        metrics = option.fontMetrics
        painter.setPen(tokens.color(weak))
        align = Qt.AlignmentFlag.AlignVCenter
        if command.key:
            painter.drawText(area, align | Qt.AlignmentFlag.AlignRight, command.key)
            area.setRight(area.right() - metrics.horizontalAdvance(command.key) - 16)
        painter.setPen(tokens.color(strong))
        title = metrics.elidedText(command.title, Qt.TextElideMode.ElideRight, area.width())
        painter.drawText(area, align, title)
        area.setLeft(area.left() + metrics.horizontalAdvance(title) + 12)
        side = " · ".join(part for part in (command.group, command.hint) if part)
        painter.setPen(tokens.color(weak if is_selected else "text.faint"))
        painter.drawText(
            area, align, metrics.elidedText(side, Qt.TextElideMode.ElideRight, area.width())
        )
        painter.restore()
