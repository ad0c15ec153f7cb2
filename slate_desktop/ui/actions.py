"""The one registry of what the user can do.

Menus, toolbar, context menus, shortcuts and the command palette are all fed from here, so that an
action has the same name, icon, key and availability everywhere.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

import msgspec
from PySide6.QtCore import QObject, Qt, Signal
from PySide6.QtGui import QAction, QKeySequence
from PySide6.QtWidgets import QMenu, QMenuBar, QWidget

from slate_desktop.ui import icons
from slate_desktop.ui.theme import Theme


class ActionSpec(msgspec.Struct, frozen=True):
    """What an action is called and where it is found.

    Attributes:
        id: such as ``session.start``; also the QAction's object name.
        text: for the menu, with its mnemonic.
        menu: the title of its menu, or an empty string for the palette alone.
        section: actions of one section stand together between separators.
        keys: shortcuts in portable text, the first one is shown.
        hint: one sentence for tooltip, status bar and palette.
        is_checkable: whether it is a switch.
    """

    id: str
    text: str
    menu: str = ""
    section: str = ""
    icon: str = ""
    icon_role: str = "text.muted"
    keys: tuple[str, ...] = ()
    hint: str = ""
    is_checkable: bool = False


class ActionRegistry(QObject):
    """Owns every QAction of a window.

    An action gets its icon when somebody takes it, a menu's actions when the menu opens: to draw
    all of them takes as long as a pane.

    Args:
        window: where the shortcuts are valid.
    """

    keys_changed = Signal()

    def __init__(self, window: QWidget, theme: Theme) -> None:
        super().__init__(window)
        self._window = window
        self._theme = theme
        self._specs: dict[str, ActionSpec] = {}
        self._actions: dict[str, QAction] = {}
        self._drawn: set[str] = set()
        self._reasons: dict[str, str] = {}
        # Keys of actions that this program does not know, such as those of a later one.
        self._foreign_keys: dict[str, tuple[str, ...]] = {}
        theme.changed.connect(self._on_theme_changed)

    def add(self, spec: ActionSpec, slot: Callable[..., object]) -> QAction:
        """Make the action of ``spec``; ``slot`` is called without arguments, or with the switch."""
        if spec.id in self._actions:
            raise ValueError(f"two actions are called {spec.id}")
        action = QAction(spec.text, self)
        action.setObjectName(spec.id)
        action.setCheckable(spec.is_checkable)
        action.setShortcuts([QKeySequence(key) for key in spec.keys])
        action.setShortcutContext(Qt.ShortcutContext.WindowShortcut)
        # The space keeps a tool button's text off its icon.
        action.setIconText(f" {plain_title(spec.text)}")
        if spec.is_checkable:
            action.toggled.connect(lambda is_on: slot(is_on))
        else:
            action.triggered.connect(lambda *_: slot())
        self._specs[spec.id] = spec
        self._actions[spec.id] = action
        self._show_tip(spec.id)
        self._window.addAction(action)
        return action

    def __getitem__(self, action_id: str) -> QAction:
        self._draw(action_id)
        return self._actions[action_id]

    def spec(self, action_id: str) -> ActionSpec:
        """Return what an action was made from."""
        return self._specs[action_id]

    def commands(self) -> Iterable[tuple[ActionSpec, QAction]]:
        """Yield everything that can be done now, for the palette."""
        for action_id, action in self._actions.items():
            if action.isEnabled() and action.isVisible():
                yield self._specs[action_id], action

    def all(self) -> Iterable[tuple[ActionSpec, QAction]]:
        """Yield everything, in the order of the menus."""
        for action_id, action in self._actions.items():
            yield self._specs[action_id], action

    def set_enabled(self, action_id: str, is_enabled: bool, reason: str = "") -> None:
        """Switch an action on, or off with the reason in its tooltip."""
        self._actions[action_id].setEnabled(is_enabled)
        self._reasons[action_id] = "" if is_enabled else reason
        self._show_tip(action_id)

    def set_menu(self, action_id: str, menu: QMenu) -> None:
        """Have an action of the menu bar lead to more entries; elsewhere it does what it does."""
        self._actions[action_id].setMenu(menu)

    # -- keys ------------------------------------------------------------------------------

    def keys(self, action_id: str) -> tuple[str, ...]:
        """Return an action's keys in portable text; the first one is shown."""
        return tuple(portable(key) for key in self._actions[action_id].shortcuts())

    def own_keys(self, action_id: str) -> tuple[str, ...]:
        """Return the keys that the program gives to an action."""
        return tuple(portable(QKeySequence(key)) for key in self._specs[action_id].keys)

    def with_key(self, key: str) -> list[str]:
        """Return the actions that a key runs."""
        return [name for name in self._actions if key in self.keys(name)]

    def set_keys(self, action_id: str, keys: Iterable[str]) -> None:
        """Give an action these keys, and take them from every other one."""
        wanted = list(dict.fromkeys(keys))
        for key in wanted:
            for other in self.with_key(key):
                if other != action_id:
                    self._show_keys(other, [k for k in self.keys(other) if k != key])
        self._show_keys(action_id, wanted)
        self.keys_changed.emit()

    def take_keys(self, keys: Mapping[str, Iterable[str]]) -> None:
        """Use the keys that the user chose; what is no key is left out."""
        self._foreign_keys = {n: tuple(k) for n, k in keys.items() if n not in self._actions}
        for name, chosen in keys.items():
            if name in self._actions:
                known = [portable(QKeySequence(key)) for key in chosen]
                self.set_keys(name, [key for key in known if key])

    def changed_keys(self) -> dict[str, tuple[str, ...]]:
        """Return the keys that are not the program's own, to be kept."""
        changed = {n: self.keys(n) for n in self._actions if self.keys(n) != self.own_keys(n)}
        return {**self._foreign_keys, **changed}

    def _show_keys(self, action_id: str, keys: Iterable[str]) -> None:
        self._actions[action_id].setShortcuts([QKeySequence(key) for key in keys])
        self._show_tip(action_id)

    def _show_tip(self, action_id: str) -> None:
        action, spec = self._actions[action_id], self._specs[action_id]
        key = action.shortcut().toString(QKeySequence.SequenceFormat.NativeText)
        tip = self._reasons.get(action_id) or spec.hint or plain_title(spec.text)
        action.setToolTip(f"{tip} ({key})" if key else tip)

    # -- menus -----------------------------------------------------------------------------

    def fill_menu_bar(self, bar: QMenuBar, order: Iterable[str]) -> dict[str, QMenu]:
        """Build the menus in ``order`` from the specs, with separators between sections."""
        menus: dict[str, QMenu] = {}
        for title in order:
            menu = bar.addMenu(title)
            menu.setToolTipsVisible(True)
            menu.aboutToShow.connect(lambda title=title: self._draw_menu(title))
            menus[title] = menu
            section: str | None = None
            for spec in self._specs.values():
                if spec.menu != title:
                    continue
                if section is not None and spec.section != section:
                    menu.addSeparator()
                section = spec.section
                menu.addAction(self._actions[spec.id])
        return menus

    def _draw(self, action_id: str) -> None:
        if action_id not in self._drawn:
            self._drawn.add(action_id)
            self._set_icon(action_id)

    def _draw_menu(self, title: str) -> None:
        for action_id, spec in self._specs.items():
            if spec.menu == title:
                self._draw(action_id)

    def _set_icon(self, action_id: str) -> None:
        spec = self._specs[action_id]
        if spec.icon:
            icon = icons.icon(spec.icon, self._theme.tokens, spec.icon_role)
            self._actions[action_id].setIcon(icon)

    def _on_theme_changed(self) -> None:
        for action_id in self._drawn:
            self._set_icon(action_id)


def portable(key: QKeySequence) -> str:
    """Return a key as it is stored, the same on every system and in every language."""
    return key.toString(QKeySequence.SequenceFormat.PortableText)


def plain_title(text: str) -> str:
    """Return a menu text without its mnemonic and dots."""
    return text.replace("&&", "\0").replace("&", "").replace("\0", "&").rstrip("…")
