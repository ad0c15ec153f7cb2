"""``settings.toml``: read with a backup to fall back to, written whole, comments kept."""

from __future__ import annotations

import contextlib
import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from slate_desktop.errors import SettingsError
from slate_desktop.settings import files, paths

if TYPE_CHECKING:
    import tomlkit

MAX_BYTES = 256 * 1024
Validate = Callable[[dict[str, Any]], dict[str, Any]]


def load(validate: Validate) -> tuple[dict[str, Any], list[str]]:
    """Return the settings and what to tell the user; never raises for a bad file."""
    path = paths.settings_file()
    try:
        return validate(_read(path)), []
    except FileNotFoundError:
        return {}, []
    except SettingsError as exc:
        problem = str(exc).rstrip(".")
    backup = _backup_of(path)
    try:
        stored = validate(_read(backup))
    except (FileNotFoundError, SettingsError):
        return {}, [f"{path} was ignored: {problem}. The defaults are used."]
    return stored, [f"{path} was ignored: {problem}. Its backup {backup.name} is used."]


def save(changes: dict[str, Any], validate: Validate, *, version: int) -> None:
    """Apply ``changes`` and replace the file; what was good before becomes the backup.

    A file that could not be used is kept as ``settings.toml.broken``.
    """
    import tomlkit

    path = paths.settings_file()
    document, is_good = _read_for_change(path, validate)
    before = tomlkit.dumps(document)
    for key, value in changes.items():
        if value is None:
            document.pop(key, None)
        else:
            document[key] = list(value) if isinstance(value, tuple) else _plain(value)
    document["version"] = version
    validate(document.unwrap())
    files.ensure_private_dir(path.parent)
    if is_good and before.strip():
        files.write_private(_backup_of(path), before.encode())
    elif not is_good:
        _put_aside(path)
    files.write_private(path, tomlkit.dumps(document).encode())


def _read_for_change(path: Path, validate: Validate) -> tuple[tomlkit.TOMLDocument, bool]:
    import tomlkit

    for candidate in (path, _backup_of(path)):
        with contextlib.suppress(FileNotFoundError, SettingsError, ValueError, RecursionError):
            document = tomlkit.parse(_text_of(candidate))
            validate(document.unwrap())
            return document, candidate == path
    return tomlkit.document(), False


def _read(path: Path) -> dict[str, Any]:
    # Reading needs no comments: the library that keeps them is read when something is written.
    try:
        return tomllib.loads(_text_of(path))
    except (tomllib.TOMLDecodeError, RecursionError) as exc:
        raise SettingsError(f"it is not valid TOML: {exc}") from exc


def _text_of(path: Path) -> str:
    # A settings file holds no secrets, and people edit it: its mode is their choice.
    data = files.read_private(path, max_bytes=MAX_BYTES, is_mode_checked=False)
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError as exc:
        raise SettingsError("it is not UTF-8 text") from exc


def _backup_of(path: Path) -> Path:
    return path.with_name(path.name + ".bak")


def _put_aside(path: Path) -> None:
    """Keep a file that cannot be used: somebody wrote it."""
    try:
        data = files.read_private(path, max_bytes=MAX_BYTES, is_mode_checked=False)
    except (FileNotFoundError, SettingsError):
        return
    files.write_private(path.with_name(path.name + ".broken"), data)


def _plain(value: Any) -> Any:
    return str(value) if isinstance(value, Path) else value
