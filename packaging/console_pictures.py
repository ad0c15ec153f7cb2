"""Pictures of the console: a Godot session under load, and what one does with its lines."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

from alert_pictures import add_rules, alert_pictures
from PySide6.QtCore import Qt

from slate_desktop.errors import SlateError

Take = Callable[[Any, str], Awaitable[None]]
Until = Callable[..., Awaitable[None]]
SIZE = (1520, 920)
_CONSOLE_HEIGHT = 560
_MANY_LINES = 40_000
_FEW_LINES = 400
_STOP_TRIES = 5
_PROJECT = """config_version=4

[application]

config/name="{name}"
run/main_scene="res://Arena.tscn"
"""
_SCENE = """[gd_scene load_steps=2 format=2]

[ext_resource path="res://Arena.gd" type="Script" id=1]

[node name="Arena" type="Node"]
script = ExtResource( 1 )
"""
# Many lines of many kinds, as a server under load writes them.
_SCRIPT = """extends Node

const LINES = {lines}
var number = 0


func _ready():
\tEngine.target_fps = 60
\tprint("Arena is ready: " + Engine.get_version_info()["string"])


func _process(_delta):
\tfor _n in range(LINES):
\t\tnumber += 1
\t\tsay()


func say():
\tif number % 997 == 0:
\t\tprint("ERROR: path of bot %d is blocked, at res://Arena.gd:24" % (number % 64))
\telif number % 211 == 0:
\t\tprint("WARNING: bot %d waits for a path since 250 ms; the way over the bridge is full, the one along the river is longer than it may be, and the third one ends at a door that is closed until the round is over" % (number % 64))
\telif number % 5 == 0:
\t\tprint('{{"level": "info", "msg": "shot", "player": "bot %d", "damage": %d, "ping_ms": %d}}' % [number % 64, number % 40, 12 + number % 30])
\telif number % 7 < 3:
\t\tprint("tick")
\telse:
\t\tprint("snapshot %d: 64 bots, %d projectiles, 0.%02d ms" % [number, number % 300, number % 100])
"""  # noqa: E501


def make_project(root: Path, lines: int) -> None:
    """Write a Godot project that prints ``lines`` lines a frame."""
    root.mkdir(parents=True)
    root.chmod(0o755)
    (root / "project.godot").write_text(_PROJECT.format(name=root.name))
    (root / "Arena.tscn").write_text(_SCENE)
    (root / "Arena.gd").write_text(_SCRIPT.format(lines=lines))


async def console_pictures(
    window: Any, folder: Path, session_of: Callable[..., Awaitable[str]], take: Take, until: Until
) -> None:
    """Run Godot sessions, one of them under load, and look at their lines."""
    console = window.console
    sessions = [
        await _start(window, folder / name, lines, session_of)
        for name, lines in (("arena-east", 1), ("arena-west", 1), ("arena-load", 200))
    ]
    window.toasts.clear()
    window.resize(*SIZE)
    window.docks.reset()
    dock = window.docks.docks["console"]
    dock.raise_()
    window.resizeDocks([dock], [_CONSOLE_HEIGHT], Qt.Orientation.Vertical)
    await until(lambda: console.current_log.last_seq > _MANY_LINES, "lines under load")
    await alert_pictures(window, take, until)
    await _in_both_themes(window, take, "console")
    await _search(window, take, until)
    await _stop(window, sessions.pop())
    window.workspace.choose_session(sessions[0])
    await until(lambda: console.current_id == sessions[0], "the other log")
    await until(lambda: console.current_log.last_seq > _FEW_LINES, "its lines")
    await _wrapped(window, take, until)
    console.merging.open()
    await asyncio.sleep(2.0)
    window.toasts.clear()
    await take(window, "console-merged")
    await _beside(window, sessions, take, until)
    for session_id in sessions:
        await _stop(window, session_id)


async def _beside(window: Any, sessions: list[str], take: Take, until: Until) -> None:
    """Show two logs beside one another, the second one led to the moment of the first."""
    console = window.console
    console.select(sessions[0])
    await until(lambda: console.current_id == sessions[0], "the leading log")
    window.registry["console.side"].trigger()
    await until(lambda: bool(console.side.panes), "the log beside it")
    window.registry["console.next_error"].trigger()
    await asyncio.sleep(1.0)
    await take(window, "console-side-by-side")
    window.registry["console.side"].trigger()


async def _start(
    window: Any, root: Path, lines: int, session_of: Callable[..., Awaitable[str]]
) -> str:
    await asyncio.to_thread(make_project, root, lines)
    project = await window.workspace.slate.add_project(root, name=root.name)
    if lines > 1:
        await add_rules(window, project.id)
    await window.workspace.refresh_projects()
    return await session_of(window, root.name, "docker")


async def _stop(window: Any, session_id: str) -> None:
    for _ in range(_STOP_TRIES):
        # An agent under load may answer late; the stop happens all the same.
        with contextlib.suppress(SlateError):
            await window.workspace.slate.stop_container(session_id, wait=True, timeout_s=60)
            break
    window.console.tabs.close_wanted.emit(session_id)


async def _in_both_themes(window: Any, take: Take, name: str) -> None:
    await take(window, name)
    window.theme.set_choice("light")
    await take(window, f"{name}-light")
    window.theme.set_choice("dark")


async def _search(window: Any, take: Take, until: Until) -> None:
    console = window.console
    window.registry["console.search"].trigger()
    console.search.field.setText("bot 23")
    await until(lambda: "lines" in console.search.state.text(), "matches")
    console.search.previous.click()
    await until(lambda: console.view.painting.current is not None, "a match")
    await take(window, "console-search")
    console.search.close_search()
    console.view.set_following(True)


async def _wrapped(window: Any, take: Take, until: Until) -> None:
    console = window.console
    for name in ("wrap", "stack"):
        window.registry[f"console.{name}"].trigger()
    await until(lambda: "player" in console.columns.available(), "lines with fields")
    for key in ("player", "damage"):
        console.columns.toggle(key, console.columns.available()[key])
    window.registry["console.next_error"].trigger()
    await asyncio.sleep(0.5)
    console.marks.toggle(console.view.visible_rows()[2].seq)
    await until(lambda: "rows" in console.filter_state.words.text(), "stacked rows")
    await take(window, "console-wrap")
    for key in ("player", "damage"):
        console.columns.toggle(key, 1)
    for name in ("wrap", "stack"):
        window.registry[f"console.{name}"].trigger()
