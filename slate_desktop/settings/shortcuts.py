"""``shortcuts.toml``: the keys that the user gave to actions, by the actions' ids.

Only what differs from the program's own keys is in the file. Which keys exist is the window's.
"""

from __future__ import annotations

import tomllib
from pathlib import Path

from slate_desktop.errors import SettingsError
from slate_desktop.settings import files, paths

MAX_BYTES = 256 * 1024
Keys = dict[str, tuple[str, ...]]


def shortcuts_file() -> Path:
    """Where the keys are kept."""
    return paths.config_dir() / "shortcuts.toml"


def load_shortcuts() -> tuple[Keys, str]:
    """Return the keys of each action that has its own, and what to tell the user; never raises."""
    path = shortcuts_file()
    try:
        data = tomllib.loads(_read(path).decode())
    except FileNotFoundError:
        return {}, ""
    except (SettingsError, ValueError, RecursionError) as exc:
        return {}, f"{path} was ignored: {exc}. The program's own keys are used."
    found: Keys = {}
    for name, keys in data.items():
        if not isinstance(keys, list) or not all(isinstance(key, str) for key in keys):
            return {}, f'{path} was ignored: {name} is no list of keys, such as ["Ctrl+B"].'
        found[name] = tuple(keys)
    return found, ""


def save_shortcuts(keys: Keys) -> None:
    """Write the keys; a file that could not be read is kept as ``shortcuts.toml.broken``.

    Raises:
        SettingsError: the file cannot be written.
    """
    import tomlkit

    path = shortcuts_file()
    files.ensure_private_dir(path.parent)
    if load_shortcuts()[1]:
        files.write_private(path.with_name(path.name + ".broken"), _read(path))
    document = tomlkit.document()
    document.add(tomlkit.comment("Keys of SLATE's commands; an empty list takes a key away."))
    for name, own in sorted(keys.items()):
        document[name] = list(own)
    files.write_private(path, tomlkit.dumps(document).encode())


def _read(path: Path) -> bytes:
    return files.read_private(path, max_bytes=MAX_BYTES, is_mode_checked=False)
