"""Every action with its keys: to look them up, and to change them."""

from __future__ import annotations

from PySide6.QtCore import QKeyCombination, Qt
from PySide6.QtGui import QKeySequence, QShowEvent
from PySide6.QtWidgets import (
    QAbstractItemView,
    QDialog,
    QHBoxLayout,
    QHeaderView,
    QKeySequenceEdit,
    QLineEdit,
    QPushButton,
    QTreeWidget,
    QTreeWidgetItem,
    QVBoxLayout,
)

from slate_desktop.errors import SettingsError
from slate_desktop.settings.shortcuts import save_shortcuts, shortcuts_file
from slate_desktop.ui.actions import ActionRegistry, plain_title, portable
from slate_desktop.ui.problems import told
from slate_desktop.ui.text import clean, plain_label, set_primary, set_role, wrapped_label
from slate_desktop.ui.theme import Theme
from slate_desktop.ui.tokens import BUTTON_GAP, DIALOG_MARGINS
from slate_desktop.ui.window import MainWindow

_ID = Qt.ItemDataRole.UserRole
_MODIFIERS = (
    Qt.KeyboardModifier.ControlModifier
    | Qt.KeyboardModifier.AltModifier
    | Qt.KeyboardModifier.MetaModifier
)


class ShortcutsDialog(QDialog):
    """A change counts at once, and is written at once."""

    def __init__(self, window: MainWindow, theme: Theme) -> None:
        super().__init__(window)
        self._registry: ActionRegistry = window.registry
        self._theme = theme
        self.setWindowTitle(self.tr("Keyboard shortcuts"))
        self.setMinimumSize(640, 420)
        self.resize(720, 620)
        self.search = QLineEdit()
        self.search.setPlaceholderText(self.tr("Search commands or keys, such as start or ctrl+b"))
        self.search.setAccessibleName(self.tr("Search commands or keys"))
        self.search.setClearButtonEnabled(True)
        self.search.textChanged.connect(self._on_search_changed)
        self.list = self._make_list()
        self.key = QKeySequenceEdit()
        self.key.setMaximumSequenceLength(1)
        self.key.setAccessibleName(self.tr("New key"))
        self.key.keySequenceChanged.connect(lambda _key: self._show_state())
        self.assign = self._button(self.tr("Assign"), self._on_assign)
        set_primary(self.assign)
        self.take_away = self._button(self.tr("Remove key"), lambda: self._set(()))
        self.reset = self._button(self.tr("Reset"), self._on_reset)
        self.reset_all = self._button(self.tr("Reset all"), self._on_reset_all)
        self.close_button = self._button(self.tr("Close"), self.reject)
        self.message = wrapped_label(role="muted")
        self._lay_out()
        self._fill()
        self.list.setCurrentIndex(self.list.model().index(0, 0))
        self.search.setFocus()

    def choose(self, action_id: str) -> None:
        """Mark the row of an action."""
        for item in self._items():
            if item.data(0, _ID) == action_id:
                self.list.setCurrentItem(item)
                self.list.scrollToItem(item)

    @property
    def chosen(self) -> str:
        """The id of the marked action, empty where none is."""
        item = self.list.currentItem()
        return "" if item is None else str(item.data(0, _ID))

    def showEvent(self, event: QShowEvent) -> None:
        """Measure the rows again: the style came after they were put in."""
        super().showEvent(event)
        self.list.scheduleDelayedItemsLayout()

    def keyPressEvent(self, event: object) -> None:
        """Do not let Return close the dialog while a key is looked for."""
        key = getattr(event, "key", int)()
        if key in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
            return
        super().keyPressEvent(event)  # type: ignore[arg-type]

    def _fill(self) -> None:
        for spec, _action in self._registry.all():
            title = plain_title(spec.text)
            item = QTreeWidgetItem([title, plain_title(spec.menu), ""])
            item.setData(0, _ID, spec.id)
            if spec.hint:
                item.setToolTip(0, spec.hint)
            self.list.addTopLevelItem(item)
        self._show_keys()
        header = self.list.header()
        header.setSectionResizeMode(QHeaderView.ResizeMode.ResizeToContents)
        header.setSectionResizeMode(0, QHeaderView.ResizeMode.Stretch)
        header.setStretchLastSection(False)

    def _show_keys(self) -> None:
        for item in self._items():
            name = str(item.data(0, _ID))
            keys = self._registry.keys(name)
            words = [QKeySequence(k).toString(QKeySequence.SequenceFormat.NativeText) for k in keys]
            is_own = keys == self._registry.own_keys(name)
            item.setText(2, ", ".join(words))
            item.setFont(2, self._theme.mono_font())
            item.setText(3, "" if is_own else self.tr("changed"))
        self._show_state()

    def _show_state(self) -> None:
        name = self.chosen
        item = self.list.currentItem()
        is_shown = item is not None and not item.isHidden()
        keys = self._registry.keys(name) if name else ()
        wrong, said = self._look_at_key(name) if name else ("", "")
        self.assign.setEnabled(is_shown and bool(self._typed) and not wrong)
        self.take_away.setEnabled(is_shown and bool(keys))
        self.reset.setEnabled(is_shown and bool(name) and keys != self._registry.own_keys(name))
        self.reset_all.setEnabled(bool(self._registry.changed_keys()))
        set_role(self.message, "error" if wrong else "warn" if said else "muted")
        self.message.setText(wrong or said or self._how_to(name))

    def _how_to(self, name: str) -> str:
        if not name:
            return self.tr("Choose a command.")
        title = plain_title(self._registry.spec(name).text)
        return self.tr("Press the new key for {title} in the field, then Assign.").format(
            title=title
        )

    @property
    def _typed(self) -> str:
        return portable(self.key.keySequence())

    def _look_at_key(self, name: str) -> tuple[str, str]:
        """Return why the typed key cannot be used, and what else is to be known of it."""
        sequence = self.key.keySequence()
        if sequence.isEmpty():
            return "", ""
        words = sequence.toString(QKeySequence.SequenceFormat.NativeText)
        combination = QKeyCombination(sequence[0])  # pyright: ignore[reportIndexIssue]
        is_function = Qt.Key.Key_F1 <= combination.key() <= Qt.Key.Key_F35
        if not is_function and not combination.keyboardModifiers() & _MODIFIERS:
            return self.tr(
                "{key} alone is needed for typing and moving: press Ctrl, Alt or a function key."
            ).format(key=words), ""
        others = [other for other in self._registry.with_key(self._typed) if other != name]
        if not others:
            return "", ""
        title = plain_title(self._registry.spec(others[0]).text)
        return "", self.tr("{key} runs “{title}” now. Assign takes it away from there.").format(
            key=words, title=title
        )

    def _on_assign(self) -> None:
        if self._typed:
            self._set((self._typed,))

    def _on_reset(self) -> None:
        self._set(self._registry.own_keys(self.chosen))

    def _on_reset_all(self) -> None:
        for name in self._registry.changed_keys():
            if any(name == spec.id for spec, _ in self._registry.all()):
                self._registry.set_keys(name, self._registry.own_keys(name))
        self._save()

    def _set(self, keys: tuple[str, ...]) -> None:
        self._registry.set_keys(self.chosen, keys)
        self.key.clear()
        self._save()

    def _save(self) -> None:
        self._show_keys()
        try:
            save_shortcuts(self._registry.changed_keys())
        except SettingsError as error:
            set_role(self.message, "error")
            self.message.setText(
                self.tr("It counts until SLATE is closed, but cannot be kept: {why}").format(
                    why=clean(told(error))
                )
            )

    def _on_search_changed(self, text: str) -> None:
        words = text.lower().split()
        first: QTreeWidgetItem | None = None
        for item in self._items():
            hay = " ".join(item.text(column) for column in range(4)).lower()
            item.setHidden(not all(word in hay for word in words))
            if first is None and not item.isHidden():
                first = item
        current = self.list.currentItem()
        if first is not None and (current is None or current.isHidden()):
            self.list.setCurrentItem(first)
        self._show_state()

    def _items(self) -> list[QTreeWidgetItem]:
        found = (self.list.topLevelItem(row) for row in range(self.list.topLevelItemCount()))
        return [item for item in found if item is not None]

    def _make_list(self) -> QTreeWidget:
        tree = QTreeWidget()
        tree.setAccessibleName(self.tr("Commands and their keys"))
        tree.setHeaderLabels([self.tr("Command"), self.tr("Menu"), self.tr("Key"), ""])
        tree.setRootIsDecorated(False)
        tree.setUniformRowHeights(True)
        tree.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        tree.currentItemChanged.connect(lambda *_: self._show_state())
        tree.itemActivated.connect(lambda *_: self.key.setFocus())
        return tree

    def _lay_out(self) -> None:
        self.key.setMinimumWidth(180)
        row = QHBoxLayout()
        row.setSpacing(8)
        row.addWidget(plain_label(self.tr("New key")))
        row.addWidget(self.key)
        row.addWidget(self.assign)
        row.addWidget(self.take_away)
        row.addWidget(self.reset)
        row.addStretch(1)
        foot = QHBoxLayout()
        foot.setSpacing(BUTTON_GAP)
        place = wrapped_label(
            self.tr("Kept in {path}").format(path=clean(str(shortcuts_file()))), role="faint"
        )
        foot.addWidget(self.reset_all)
        foot.addWidget(place, 1)
        foot.addWidget(self.close_button)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(*DIALOG_MARGINS)
        layout.setSpacing(10)
        layout.addWidget(self.search)
        layout.addWidget(self.list, 1)
        layout.addLayout(row)
        layout.addWidget(self.message)
        layout.addLayout(foot)

    def _button(self, text: str, then: object) -> QPushButton:
        button = QPushButton(text)
        button.setAutoDefault(False)
        button.clicked.connect(lambda: then() if callable(then) else None)
        return button
