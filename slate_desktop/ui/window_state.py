"""What the window remembers: geometry, docks, theme, zoom, open logs, the last projects.

One JSON file in the settings directory, written whole or not at all. A torn or foreign file costs
the layout, never the start.
"""

from __future__ import annotations

import base64
import binascii
import contextlib
import json
import logging
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Any

from slate_desktop.errors import SettingsError
from slate_desktop.settings import files, paths

log = logging.getLogger(__name__)
FILE_NAME = "window.json"
LAYOUT_VERSION = 2


@dataclass
class WindowState:
    """The remembered values.

    Attributes:
        geometry: Qt's window geometry, base64.
        layout: Qt's dock state, base64.
        theme: ``dark``, ``light`` or ``system``.
        theme_setting: the theme that the settings named at the last start; another one wins over
            what was chosen in the window since.
        language: what the settings said of the language, for a start that cannot read them.
        zoom: factor on text.
        has_times: whether the console shows times.
        time_style: how it writes them.
        wraps_lines: whether it wraps long lines.
        stacks_lines: whether it shows repeated lines as one.
        shows_logs_beside: whether it shows other open logs beside the current one.
        console: filter, marks and columns of each log.
        tables: filter and order of the jobs, the builds and the assets.
        span_s: seconds that the graphs show.
        project_id: the last chosen project.
        projects: id, name, root, engine and version of the last known projects, so that the tree
            can be shown while the database is away.
        has_samples: whether the sample projects were added once.
        folders: folders that were opened without being projects.
        recent: ids of projects, the last chosen first.
        pinned: ids of projects that stand first on the start page.
        guide_done: which of the first steps were done.
        has_hidden_guide: whether they are shown no more.
        version: of SLATE at the last start.
        told_version: the newest one that the feed of releases named.
        documents: path, pin, place and view of the open documents.
    """

    geometry: str = ""
    layout: str = ""
    theme: str = "dark"
    theme_setting: str = ""
    language: str = ""
    zoom: float = 1.0
    has_times: bool = True
    time_style: str = "local"
    wraps_lines: bool = False
    stacks_lines: bool = False
    shows_logs_beside: bool = False
    console: dict[str, Any] = field(default_factory=dict)
    tables: dict[str, Any] = field(default_factory=dict)
    span_s: float = 60.0
    project_id: str = ""
    projects: list[dict[str, Any]] = field(default_factory=list)
    has_samples: bool = False
    folders: list[str] = field(default_factory=list)
    recent: list[str] = field(default_factory=list)
    pinned: list[str] = field(default_factory=list)
    guide_done: list[str] = field(default_factory=list)
    has_hidden_guide: bool = False
    version: str = ""
    told_version: str = ""
    documents: list[dict[str, Any]] = field(default_factory=list)


def state_path() -> Path:
    """Where the window's state is kept."""
    return paths.config_dir() / FILE_NAME


def load_state() -> WindowState:
    """Read the state; defaults for what is missing or of the wrong kind."""
    state = WindowState()
    try:
        data = json.loads(files.read_private(state_path()))
    except FileNotFoundError:
        return state
    except (SettingsError, ValueError, RecursionError) as exc:
        log.warning("the window's state cannot be used", extra={"reason": str(exc)})
        return state
    if not isinstance(data, dict):
        return state
    for item in fields(WindowState):
        value = data.get(item.name)
        default = getattr(state, item.name)
        if isinstance(value, type(default)) or (
            isinstance(default, float) and isinstance(value, int) and not isinstance(value, bool)
        ):
            setattr(state, item.name, value)
    state.projects = [entry for entry in state.projects if isinstance(entry, dict)]
    state.documents = [entry for entry in state.documents if isinstance(entry, dict)]
    for texts in (state.folders, state.recent, state.pinned, state.guide_done):
        texts[:] = [entry for entry in texts if isinstance(entry, str)]
    return state


def save_state(state: WindowState) -> None:
    """Write the state; a full disk is logged, not told."""
    try:
        files.ensure_private_dir(paths.config_dir())
        data = json.dumps(asdict(state), ensure_ascii=False, indent=1).encode()
        files.write_private(state_path(), data)
    except SettingsError as exc:
        log.warning("the window's state cannot be kept", extra={"reason": str(exc)})


def to_text(data: Any) -> str:
    """Return Qt bytes as base64."""
    return base64.b64encode(bytes(data)).decode()


def from_text(text: str) -> bytes:
    """Return the bytes of a base64 text, empty when it is none."""
    with contextlib.suppress(binascii.Error, ValueError):
        return base64.b64decode(text, validate=True)
    return b""
