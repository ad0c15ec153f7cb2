"""Where the panes stand: the docks, the bars, the default layout, and what is remembered of it."""

from __future__ import annotations

from PySide6.QtCore import QSize, Qt, QTimer
from PySide6.QtGui import QAction, QActionGroup, QKeySequence
from PySide6.QtWidgets import (
    QDockWidget,
    QHBoxLayout,
    QMainWindow,
    QPushButton,
    QSizePolicy,
    QTabWidget,
    QToolBar,
    QToolButton,
    QWidget,
)

from slate_desktop.ui import icons
from slate_desktop.ui.actions import ActionRegistry
from slate_desktop.ui.docks import Dock
from slate_desktop.ui.lamps import LampBar
from slate_desktop.ui.text import ElidedLabel
from slate_desktop.ui.theme import CHOICES, Theme
from slate_desktop.ui.window_state import LAYOUT_VERSION, WindowState, from_text, to_text

_LEFT, _RIGHT, _BOTTOM = (
    Qt.DockWidgetArea.LeftDockWidgetArea,
    Qt.DockWidgetArea.RightDockWidgetArea,
    Qt.DockWidgetArea.BottomDockWidgetArea,
)

# Narrower, and the names in them are nothing but dots.
_SIDE = ("project", "sessions")
_SIDE_WIDTH = 180


class Docks:
    """The docks of a window and the switches that show them.

    Args:
        window: what they are put into.
        theme: their look.
        actions: with the switches.
        panes: what is in them, by their names.
        tools: what stands in their title bars, by their names; other panes bring theirs later.
    """

    def __init__(
        self,
        window: QMainWindow,
        theme: Theme,
        actions: ActionRegistry,
        panes: dict[str, QWidget],
        tools: dict[str, QWidget],
    ) -> None:
        self._window = window
        self.docks: dict[str, Dock] = {}
        self._moved = QTimer(window)
        self._moved.setSingleShot(True)
        self._moved.setInterval(0)
        self._moved.timeout.connect(self._show_titles)
        titles = {
            "project": window.tr("Project"),
            "sessions": window.tr("Sessions"),
            "performance": window.tr("Performance"),
            "console": window.tr("Console"),
            "build": window.tr("Build"),
            "builds": window.tr("Builds"),
            "assets": window.tr("Assets"),
            "jobs": window.tr("Jobs"),
        }
        window.setDockNestingEnabled(True)
        window.setCorner(Qt.Corner.BottomLeftCorner, _BOTTOM)
        window.setCorner(Qt.Corner.BottomRightCorner, _BOTTOM)
        window.setTabPosition(Qt.DockWidgetArea.AllDockWidgetAreas, QTabWidget.TabPosition.North)
        for name, title in titles.items():
            dock = Dock(title, f"dock.{name}", theme, window)
            if name in tools:
                dock.set_tools(tools[name])
            dock.setWidget(panes[name])
            self.docks[name] = dock
            if name in _SIDE:
                dock.setMinimumWidth(_SIDE_WIDTH)
            _bind(dock, actions[f"view.{name}"])
            for moved in (dock.dockLocationChanged, dock.topLevelChanged, dock.visibilityChanged):
                moved.connect(self._moved.start)

    def reset(self) -> None:
        """Put everything where it was at first."""
        window = self._window
        for dock in self.docks.values():
            dock.setFloating(False)
            window.removeDockWidget(dock)
        window.addDockWidget(_LEFT, self.docks["project"])
        window.splitDockWidget(
            self.docks["project"], self.docks["sessions"], Qt.Orientation.Vertical
        )
        window.addDockWidget(_RIGHT, self.docks["performance"])
        window.addDockWidget(_BOTTOM, self.docks["console"])
        window.tabifyDockWidget(self.docks["performance"], self.docks["build"])
        window.tabifyDockWidget(self.docks["console"], self.docks["builds"])
        window.tabifyDockWidget(self.docks["console"], self.docks["assets"])
        window.tabifyDockWidget(self.docks["console"], self.docks["jobs"])
        for dock in self.docks.values():
            dock.show()
        for name in ("performance", "console"):
            self.docks[name].raise_()
        self.spread()

    @property
    def is_moving(self) -> bool:
        """Whether a dock was moved and the titles do not go with the new places yet."""
        return self._moved.isActive()

    def _show_titles(self) -> None:
        """Leave a title to the tab where there is one: said twice, it takes the room of tools."""
        for dock in self.docks.values():
            beside = [] if dock.isFloating() else self._window.tabifiedDockWidgets(dock)
            dock.show_title(not any(_shown(other) for other in beside))

    def _least_of(self, name: str) -> int:
        """Return the width at which the tools of a dock stand in one row."""
        return self.docks[name].bar.line_width

    def spread(self) -> None:
        """Give each dock its share; the window heeds it once it has laid its docks out."""
        window = self._window
        width, height = max(window.width(), 900), max(window.height(), 600)
        window.resizeDocks(
            [self.docks["project"], self.docks["performance"]],
            [round(width * 0.2), max(round(width * 0.3), self._least_of("performance"))],
            Qt.Orientation.Horizontal,
        )
        window.resizeDocks(
            [self.docks["project"], self.docks["sessions"]],
            [round(height * 0.36), round(height * 0.2)],
            Qt.Orientation.Vertical,
        )
        window.resizeDocks([self.docks["console"]], [round(height * 0.36)], Qt.Orientation.Vertical)


def _bind(dock: Dock, action: QAction) -> None:
    """Keep a dock and its switch in the menu together, whoever moves first."""
    action.setChecked(True)
    action.toggled.connect(lambda is_on: dock.setVisible(is_on) if is_on != _shown(dock) else None)
    dock.visibilityChanged.connect(lambda _on: action.setChecked(_shown(dock)))


def _shown(dock: QDockWidget) -> bool:
    # A dock behind another tab is open although it cannot be seen.
    return not dock.isHidden()


def make_tool_bar(window: QMainWindow, actions: ActionRegistry) -> QPushButton:
    """Build the tool bar; returns the button that opens the command palette."""
    bar = QToolBar(window.tr("Runtime"), window)
    bar.setObjectName("toolbar.runtime")
    bar.setMovable(False)
    bar.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextBesideIcon)
    bar.setContextMenuPolicy(Qt.ContextMenuPolicy.PreventContextMenu)
    bar.setIconSize(QSize(16, 16))
    for action_id in ("session.start", "session.stop", "session.restart", "session.execute"):
        bar.addAction(actions[action_id])
    bar.addSeparator()
    bar.addAction(actions["build.start"])
    bar.addAction(actions["project.add"])
    for child in bar.findChildren(QToolButton):
        child.setFocusPolicy(Qt.FocusPolicy.TabFocus)
    space = QWidget()
    space.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Preferred)
    bar.addWidget(space)
    search = QPushButton()

    def show_key() -> None:
        key = actions["palette.commands"].shortcut()
        words = key.toString(QKeySequence.SequenceFormat.NativeText)
        search.setText(f"{window.tr('Search or run a command')}   {words}".rstrip())

    actions.keys_changed.connect(show_key)
    show_key()
    search.setObjectName("searchButton")
    search.setAccessibleName(window.tr("Open the command palette"))
    search.clicked.connect(actions["palette.commands"].trigger)
    bar.addWidget(search)
    window.addToolBar(bar)
    return search


_MESSAGE_LASTS_MS = 60_000


class StatusRow(QWidget):
    """The status bar's content: lamps, the newest small message, the bell."""

    def __init__(self, theme: Theme, actions: ActionRegistry) -> None:
        super().__init__()
        self._theme = theme
        self.lamps = LampBar(theme)
        self.message = ElidedLabel(role="muted")
        self.message.setAlignment(Qt.AlignmentFlag.AlignRight)
        self.bell = QToolButton()
        self.bell.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextBesideIcon)
        self.bell.clicked.connect(actions["help.notices"].trigger)
        layout = QHBoxLayout(self)
        layout.setContentsMargins(2, 0, 8, 0)
        layout.setSpacing(12)
        layout.addWidget(self.lamps)
        layout.addWidget(self.message, 1)
        layout.addWidget(self.bell)
        theme.changed.connect(lambda: self.show_unread(self._unread))
        # What was said an hour ago would be taken for news.
        self.forgetting = QTimer(self)
        self.forgetting.setSingleShot(True)
        self.forgetting.setInterval(_MESSAGE_LASTS_MS)
        self.forgetting.timeout.connect(lambda: self.message.setText(""))
        self._unread = 0
        self.show_unread(0)

    def say(self, text: str) -> None:
        """Show a small message: for a minute, or for as long as what goes on (…) lasts."""
        self.message.setText(text)
        if text.endswith("…"):
            self.forgetting.stop()
        else:
            self.forgetting.start()

    def show_unread(self, count: int) -> None:
        """Show how many notices were not read."""
        self._unread = count
        role = "state.warn" if count else "text.muted"
        self.bell.setIcon(icons.icon("bell", self._theme.tokens, role))
        text = self.tr("Notifications")
        if count:
            text = self.tr("1 notification") if count == 1 else self.tr("{n} notifications")
            text = text.format(n=count)
        self.bell.setText(f" {text}")
        self.bell.setAccessibleName(text)


def group_themes(window: QMainWindow, actions: ActionRegistry, theme: Theme) -> None:
    """Let exactly one of the theme switches be on."""
    group = QActionGroup(window)
    for choice in CHOICES:
        group.addAction(actions[f"theme.{choice}"])
    actions[f"theme.{theme.choice}"].setChecked(True)


def place(docks: Docks, state: WindowState) -> None:
    """Put the docks where they were at first, unless ``restore`` will bring them back."""
    if not from_text(state.layout):
        docks.reset()


def restore(window: QMainWindow, docks: Docks, state: WindowState) -> None:
    """Bring back the remembered docks, or give each its share where there are none."""
    layout = from_text(state.layout)
    if not layout:
        docks.spread()
    elif not window.restoreState(layout, LAYOUT_VERSION):
        docks.reset()


def remember(window: QMainWindow, state: WindowState) -> None:
    """Write geometry and docks into the state."""
    state.geometry = to_text(window.saveGeometry())
    state.layout = to_text(window.saveState(LAYOUT_VERSION))
