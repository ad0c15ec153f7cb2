"""Secrets: in the system's keyring, and where there is none in files that only the user may read.

Calls may block on the keyring's service; coroutines run them in a thread.
"""

from __future__ import annotations

import logging
import re
from enum import StrEnum
from pathlib import Path
from typing import Any

from slate_desktop.errors import SettingsError
from slate_desktop.settings import files, paths

logger = logging.getLogger(__name__)

SERVICE = "slate"
_NAME = re.compile(r"[a-z0-9][a-z0-9_.-]{0,63}")
_MAX_BYTES = 64 * 1024


class SecretPlace(StrEnum):
    """Where a secret was put; a file deserves a notice in the window."""

    KEYRING = "keyring"
    FILE = "file"


def get_secret(name: str) -> str | None:
    """Return the secret ``name``, or None if there is none."""
    _check(name)
    backend = _keyring()
    if backend is not None:
        try:
            value = backend.get_password(SERVICE, name)
        except Exception:  # noqa: BLE001 - backends raise what they like, also D-Bus's own errors
            logger.warning("the keyring cannot be read; the secrets' files are used")
        else:
            if value is not None:
                return value
    try:
        return files.read_private(_file(name), max_bytes=_MAX_BYTES).decode()
    except FileNotFoundError:
        return None


def set_secret(name: str, value: str) -> SecretPlace:
    """Store ``value`` and tell where; an older copy in the other place is removed."""
    _check(name)
    backend = _keyring()
    if backend is not None:
        try:
            backend.set_password(SERVICE, name, value)
        except Exception:  # noqa: BLE001
            logger.warning("the keyring cannot be written; a private file is used")
        else:
            files.remove(_file(name))
            return SecretPlace.KEYRING
    files.ensure_private_dir(_file(name).parent)
    files.write_private(_file(name), value.encode())
    return SecretPlace.FILE


def delete_secret(name: str) -> None:
    """Forget ``name`` in both places."""
    _check(name)
    files.remove(_file(name))
    backend = _keyring()
    if backend is not None:
        try:
            backend.delete_password(SERVICE, name)
        except Exception:  # noqa: BLE001
            logger.debug("nothing to delete in the keyring")


def place() -> SecretPlace:
    """Where a new secret would go; for the notice in the window and in ``slate doctor``."""
    return SecretPlace.FILE if _keyring() is None else SecretPlace.KEYRING


def _keyring() -> Any:
    try:
        # Imported late: it looks for every backend's library.
        import keyring
        from keyring.backends import fail, null

        backend = keyring.get_keyring()
    except Exception:  # noqa: BLE001 - a broken configuration must not keep SLATE from starting
        return None
    if isinstance(backend, (fail.Keyring, null.Keyring)) or backend.priority <= 0:
        return None
    return backend


def _file(name: str) -> Path:
    return paths.keys_dir() / "secrets" / name


def _check(name: str) -> None:
    if _NAME.fullmatch(name) is None:
        raise SettingsError(f"{name!r} is not the name of a secret.")
