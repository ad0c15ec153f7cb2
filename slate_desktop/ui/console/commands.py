"""What can be done in the console: its actions, and what each of them does."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import QCoreApplication

from slate_desktop.ui.actions import ActionSpec
from slate_desktop.ui.console.row_text import TimeStyle

if TYPE_CHECKING:
    from slate_desktop.ui.window import MainWindow

# Of these nothing can be done while no log is open.
NEED_LOG = (
    "search", "next_error", "previous_error", "filter", "hide", "show_all", "expand", "mark",
    "next_mark", "previous_mark", "marks", "open_place", "columns", "merge", "copy",
    "copy_messages", "save", "clear",
)  # fmt: skip


def _tr(text: str) -> str:
    return QCoreApplication.translate("Actions", text)


def console_specs(menu: str) -> list[ActionSpec]:
    """Return the actions of the console, which stand in the menu ``menu``."""
    return [*_find_specs(menu), *_line_specs(menu), *_look_specs(menu), *_take_specs(menu)]


def console_slots(window: MainWindow) -> dict[str, Callable[..., Any]]:
    """Return what each action does, except to save, which asks for a file."""

    def console() -> Any:
        return window.console

    return {
        "console.search": lambda: window.in_console(console().open_search),
        "console.next_error": lambda: console().step_error(1),
        "console.previous_error": lambda: console().step_error(-1),
        "console.filter": lambda: window.in_console(console().filters.field.setFocus),
        "console.hide": lambda: console().hide_like_this(),
        "console.show_all": lambda: console().filters.clear(),
        "console.mark": lambda: console().marks.toggle(),
        "console.next_mark": lambda: console().marks.step(1),
        "console.previous_mark": lambda: console().marks.step(-1),
        "console.marks": lambda: window.in_console(console().marks.open_list),
        "console.open_place": lambda: _open_place(window),
        "console.expand": lambda: console().expand_stack(),
        "console.follow": lambda is_on: console().view.set_following(is_on),
        "console.times": lambda is_on: console().view.set_times(is_on),
        "console.time_style": lambda: _next_time_style(window),
        "console.wrap": lambda is_on: console().view.set_wrapping(is_on),
        "console.stack": lambda is_on: console().set_stacking(is_on),
        "console.columns": lambda: window.in_console(console().columns.open_menu),
        "console.merge": lambda: window.in_console(console().merging.open),
        "console.side": lambda is_on: console().side.set_on(is_on),
        "console.copy": lambda: console().copy(),
        "console.copy_messages": lambda: console().copy(messages_only=True),
        "console.clear": lambda: console().clear(),
    }


def _open_place(window: MainWindow) -> None:
    if not window.console.links.open_chosen():
        window.say(window.tr("The lines on the screen name no file of the project."))


def _next_time_style(window: MainWindow) -> None:
    window.registry["console.times"].setChecked(True)
    words = {
        TimeStyle.LOCAL: window.tr("Times of the day"),
        TimeStyle.START: window.tr("Times since the log began"),
        TimeStyle.RELATIVE: window.tr("Times from the chosen line: click another one"),
    }
    window.say(words[window.console.times.next_style()])


def _find_specs(menu: str) -> list[ActionSpec]:
    return [
        ActionSpec(
            "console.search",
            _tr("&Search…"),
            menu,
            "find",
            "search",
            keys=("Ctrl+F",),
            hint=_tr("Search in the log"),
        ),
        ActionSpec(
            "console.next_error", _tr("&Next error"), menu, "find", "arrow-down", keys=("F8",)
        ),
        ActionSpec(
            "console.previous_error",
            _tr("&Previous error"),
            menu,
            "find",
            "arrow-up",
            keys=("Shift+F8",),
        ),
        ActionSpec(
            "console.filter",
            _tr("&Filter lines"),
            menu,
            "narrow",
            "filter",
            keys=("Ctrl+Shift+L",),
            hint=_tr("Show only lines that contain a text"),
        ),
        ActionSpec(
            "console.hide",
            _tr("&Hide lines like this"),
            menu,
            "narrow",
            keys=("Ctrl+Shift+H",),
            hint=_tr("Hide lines that contain what is selected, or the chosen line's text"),
        ),
        ActionSpec(
            "console.show_all",
            _tr("Show &all lines"),
            menu,
            "narrow",
            "x",
            keys=("Ctrl+Alt+L",),
            hint=_tr("Take every filter of this log away"),
        ),
    ]


def _line_specs(menu: str) -> list[ActionSpec]:
    return [
        ActionSpec(
            "console.mark",
            _tr("&Mark line"),
            menu,
            "line",
            keys=("Ctrl+F2",),
            hint=_tr("Mark the chosen line, or take its mark away"),
        ),
        ActionSpec("console.next_mark", _tr("Ne&xt mark"), menu, "line", keys=("F2",)),
        ActionSpec(
            "console.previous_mark", _tr("Pre&vious mark"), menu, "line", keys=("Shift+F2",)
        ),
        ActionSpec(
            "console.marks",
            _tr("Marke&d lines…"),
            menu,
            "line",
            "bookmark",
            keys=("Ctrl+Shift+F2",),
            hint=_tr("List the marked lines"),
        ),
        ActionSpec(
            "console.open_place",
            _tr("&Open the file of the line"),
            menu,
            "line",
            "file-code",
            keys=("F12",),
            hint=_tr("Open the file that the chosen line names, at its line"),
        ),
        ActionSpec(
            "console.expand",
            _tr("Show &repeated lines, or hide them"),
            menu,
            "line",
            keys=("Ctrl+Alt+K",),
            hint=_tr("Show every line of the chosen stack, or one for all"),
        ),
    ]


def _look_specs(menu: str) -> list[ActionSpec]:
    return [
        ActionSpec(
            "console.follow",
            _tr("Follow n&ew lines"),
            menu,
            "show",
            "arrow-down-to-line",
            keys=("Ctrl+L",),
            hint=_tr("Stay at the newest line"),
            is_checkable=True,
        ),
        ActionSpec(
            "console.times",
            _tr("Show &times"),
            menu,
            "show",
            "clock",
            keys=("Ctrl+T",),
            hint=_tr("Show the time of each line"),
            is_checkable=True,
        ),
        ActionSpec(
            "console.time_style",
            _tr("Count t&imes otherwise"),
            menu,
            "show",
            keys=("Ctrl+Shift+T",),
            hint=_tr("Times of the day, since the log began, or from the chosen line"),
        ),
        ActionSpec(
            "console.wrap",
            _tr("&Wrap long lines"),
            menu,
            "show",
            "wrap-text",
            keys=("Alt+Z",),
            hint=_tr("Wrap long lines at the edge"),
            is_checkable=True,
        ),
        ActionSpec(
            "console.stack",
            _tr("Stac&k repeated lines"),
            menu,
            "show",
            "layers",
            keys=("Ctrl+Shift+K",),
            hint=_tr("Show lines that repeat as one, with their number"),
            is_checkable=True,
        ),
        ActionSpec(
            "console.columns",
            _tr("Col&umns…"),
            menu,
            "show",
            "columns-2",
            keys=("Ctrl+Alt+T",),
            hint=_tr("Choose fields of JSON lines and metadata that get a column"),
        ),
        ActionSpec(
            "console.merge",
            _tr("All logs &by time"),
            menu,
            "show",
            "merge",
            keys=("Ctrl+Shift+M",),
            hint=_tr("Show the open logs as one, in the order of time"),
        ),
        ActionSpec(
            "console.side",
            _tr("Lo&gs side by side"),
            menu,
            "show",
            "square-split-horizontal",
            keys=("Ctrl+Alt+S",),
            hint=_tr("Show other open logs beside this one, which leads them through time"),
            is_checkable=True,
        ),
    ]


def _take_specs(menu: str) -> list[ActionSpec]:
    return [
        ActionSpec(
            "console.copy",
            _tr("&Copy lines"),
            menu,
            "take",
            "copy",
            keys=("Ctrl+Shift+C",),
            hint=_tr("Copy the selection, or every line that is shown"),
        ),
        ActionSpec(
            "console.copy_messages",
            _tr("Cop&y messages only"),
            menu,
            "take",
            keys=("Ctrl+Alt+C",),
            hint=_tr("Copy without times and levels"),
        ),
        ActionSpec(
            "console.save",
            _tr("Sa&ve lines…"),
            menu,
            "take",
            "save",
            keys=("Ctrl+S",),
            hint=_tr("Save every line that is shown to a file"),
        ),
        ActionSpec(
            "console.clear",
            _tr("C&lear"),
            menu,
            "take",
            "trash-2",
            keys=("Ctrl+K",),
            hint=_tr("Empty the console; stored lines stay stored"),
        ),
    ]
