"""The one registry of what the user can do.

Menus, toolbar, context menus, shortcuts and the command palette are all fed from here, so that an
action has the same name, icon, key and availability everywhere.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from PySide6.QtCore import QObject, Qt
from PySide6.QtGui import QAction, QKeySequence
from PySide6.QtWidgets import QMenu, QMenuBar, QWidget

from slate_desktop.ui import icons
from slate_desktop.ui.theme import Theme


@dataclass(frozen=True)
class ActionSpec:
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
    keys: tuple[str, ...] = field(default=())
    hint: str = ""
    is_checkable: bool = False


class ActionRegistry(QObject):
    """Owns every QAction of a window.

    An action gets its icon when somebody takes it, a menu's actions when the menu opens: to draw
    all of them takes as long as a pane.

    Args:
        window: where the shortcuts are valid.
    """

    def __init__(self, window: QWidget, theme: Theme) -> None:
        super().__init__(window)
        self._window = window
        self._theme = theme
        self._specs: dict[str, ActionSpec] = {}
        self._actions: dict[str, QAction] = {}
        self._drawn: set[str] = set()
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
        key = action.shortcut().toString(QKeySequence.SequenceFormat.NativeText)
        title = plain_title(spec.text)
        # The space keeps a tool button's text off its icon.
        action.setIconText(f" {title}")
        tip = spec.hint or title
        action.setToolTip(f"{tip} ({key})" if key else tip)
        if spec.is_checkable:
            action.toggled.connect(lambda is_on: slot(is_on))
        else:
            action.triggered.connect(lambda *_: slot())
        self._specs[spec.id] = spec
        self._actions[spec.id] = action
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
        action = self._actions[action_id]
        action.setEnabled(is_enabled)
        spec = self._specs[action_id]
        key = action.shortcut().toString(QKeySequence.SequenceFormat.NativeText)
        tip = spec.hint or plain_title(spec.text)
        if not is_enabled and reason:
            tip = reason
        action.setToolTip(f"{tip} ({key})" if key else tip)

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


def plain_title(text: str) -> str:
    """Return a menu text without its mnemonic and dots."""
    return text.replace("&&", "\0").replace("&", "").replace("\0", "&").rstrip("…")
