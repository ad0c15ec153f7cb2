"""Pages that the program writes about itself: every command, every setting, every key."""

from __future__ import annotations

import html
import os
from collections.abc import Iterator
from enum import Enum
from typing import Any


def commands() -> str:
    """Return every command of ``slate`` with its arguments and options."""
    import typer.main

    from slate_desktop.cli.app import app

    lines = [
        "# Commands",
        "",
        "Written by the program. How to use them: [cli](../howto/cli.md).",
        "",
    ]
    for path, command in walk(typer.main.get_command(app), ("slate",)):
        lines += [f"## {' '.join(path)}", "", _plain(command.help or ""), ""]
        lines += ["```text", _usage(path, command), "```", ""]
        rows = [row for parameter in command.params if (row := _row(parameter))]
        if rows:
            lines += [
                "| Argument or option | Meaning | Default |",
                "| --- | --- | --- |",
                *rows,
                "",
            ]
    return "\n".join(lines)


def settings() -> str:
    """Return every setting with its meaning."""
    from slate_desktop.settings.catalog import catalog, to_text

    lines = ["# Settings", "", "In `settings.toml`, or as a variable of the environment.", ""]
    group = ""
    for setting in catalog():
        if setting.group != group:
            group = setting.group
            lines += [f"## {group}", ""]
        given = to_text(setting.default) or "not set"
        lines += [f"### {setting.title}: `{setting.name}`", "", setting.description, ""]
        values = ", ".join(f"`{choice}`" for choice in setting.choices if choice)
        expects = values or (f"`{setting.expects}`" if setting.expects else setting.kind.value)
        when = "at once" if setting.is_immediate else "from the next start on"
        lines += [
            f"Value: {expects}. Default: `{given}`. Variable: `{setting.variable}`. Counts {when}.",
            "",
        ]
    return "\n".join(lines)


def keys() -> str:
    """Return every action of the window with its menu and its keys."""
    os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
    from PySide6.QtGui import QGuiApplication

    _app = QGuiApplication.instance() or QGuiApplication([])
    from slate_desktop.ui.actions import plain_title
    from slate_desktop.ui.window_actions import build_specs

    lines = ["# Commands of the window and their keys", ""]
    lines += ["Keys can be changed: Help, Keyboard shortcuts (F1).", ""]
    lines += ["| Menu | Command | Keys | Meaning |", "| --- | --- | --- | --- |"]
    for spec in build_specs():
        given = ", ".join(f"`{key}`" for key in spec.keys)
        title = _plain(plain_title(spec.text))
        lines.append(f"| {plain_title(spec.menu)} | {title} | {given} | {_plain(spec.hint)} |")
    return "\n".join(lines) + "\n"


def walk(command: Any, path: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], Any]]:
    """Yield every command that is shown, with the words that lead to it."""
    for name, found in sorted(getattr(command, "commands", {}).items()):
        if found.hidden:
            continue
        if hasattr(found, "commands"):
            yield from walk(found, (*path, name))
        else:
            yield (*path, name), found


def _usage(path: tuple[str, ...], command: Any) -> str:
    context = command.make_context(path[-1], [], resilient_parsing=True)
    pieces = " ".join(command.collect_usage_pieces(context))
    return f"{' '.join(path)} {pieces}".rstrip()


def _row(parameter: Any) -> str:
    if getattr(parameter, "hidden", False) or parameter.name == "help":
        return ""
    is_argument = parameter.param_type_name == "argument"
    names = (
        [(parameter.metavar or parameter.name or "").upper()]
        if is_argument
        else _option_names(parameter)
    )
    shown = ", ".join(f"`{name}`" for name in names)
    default = parameter.default
    has_default = default not in (None, False, (), []) and not callable(default)
    value = getattr(default, "value", default)
    given = f"`{value}`" if has_default and type(default).__name__ != "Sentinel" else ""
    return f"| {shown} | {_plain(parameter.help or '')} | {given} |"


def _option_names(parameter: Any) -> list[str]:
    names = [*parameter.opts, *parameter.secondary_opts]
    if parameter.is_flag or parameter.count:
        return names
    return [*names[:-1], f"{names[-1]} {parameter.metavar or _values(parameter)}"]


def _values(parameter: Any) -> str:
    """Return what an option takes: its choices, or its own name."""
    kind = getattr(getattr(parameter, "type_descriptor", None), "annotation", None)
    if isinstance(kind, type) and issubclass(kind, Enum):
        return "\\|".join(str(member.value) for member in kind)
    return parameter.name.upper()


def _plain(text: str) -> str:
    """Return a text for a page: one line, and no mark-up of its own."""
    return html.escape(" ".join(text.split()), quote=False).replace("|", "\\|").replace("*", "\\*")
