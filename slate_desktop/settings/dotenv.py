"""``.env`` files, and the names that earlier SLATE deployments used in them."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import quote

from slate_desktop.errors import SettingsError
from slate_desktop.settings import addresses

MAX_BYTES = 64 * 1024
# The names that are understood beside this program's own.
ALIASES = frozenset(
    {
        "VITE_NATS_URL",
        "VITE_REGISTRY_URL",
        "VITE_DB_HOST",
        "VITE_DB_NAME",
        "VITE_DB_USER",
        "VITE_DB_PORT",
    }
)


def find() -> Path | None:
    """The ``.env`` to read: ``SLATE_ENV_FILE``, else the one in the working directory."""
    named = os.environ.get("SLATE_ENV_FILE", "").strip()
    path = Path(named).expanduser() if named else Path(".env")
    try:
        is_usable = path.is_file() and path.stat().st_size <= MAX_BYTES
    except OSError:
        return None
    return path if is_usable and os.access(path, os.R_OK) else None


def read_aliases() -> tuple[dict[str, str], list[str]]:
    """Settings from ``VITE_*`` names in ``.env`` or the environment, and what to tell the user.

    They rank below everything that was written for this program.
    """
    return aliases_of({**read_file(), **os.environ})


def aliases_of(values: Mapping[str, str]) -> tuple[dict[str, str], list[str]]:
    """Return the settings that ``VITE_*`` names among these say, and what to tell the user."""
    found: dict[str, str] = {}
    notes: list[str] = []
    if url := (values.get("VITE_NATS_URL") or "").strip():
        found["nats_url"], note = addresses.broker_url_from_websocket(url)
        if note:
            notes.append(f"VITE_NATS_URL: {note}")
    if url := (values.get("VITE_REGISTRY_URL") or "").strip():
        found["registry_url"] = url
    host = (values.get("VITE_DB_HOST") or "").strip()
    if host:
        name = (values.get("VITE_DB_NAME") or "slate").strip()
        user = (values.get("VITE_DB_USER") or "slate_user").strip()
        port = (values.get("VITE_DB_PORT") or "5432").strip()
        found["database_url"] = (
            f"postgresql://{quote(user, safe='')}@{host}:{port}/{quote(name, safe='')}"
        )
    return found, notes


def read_file() -> dict[str, str]:
    """Return the names of the ``.env`` that is read, and their texts."""
    path = find()
    if path is None:
        return {}
    from dotenv import dotenv_values

    try:
        values = dotenv_values(path, interpolate=False)
    except (OSError, UnicodeDecodeError):
        return {}
    return {key: value for key, value in values.items() if value is not None}


def read_values(path: Path) -> dict[str, str]:
    """Return the names of a ``.env`` that was named, and their texts.

    Raises:
        SettingsError: it cannot be read.
    """
    from dotenv import dotenv_values

    try:
        if path.stat().st_size > MAX_BYTES:
            raise SettingsError(f"{path} is too large for a .env.")
        with path.open(encoding="utf-8") as file:
            values = dotenv_values(stream=file, interpolate=False)
    except OSError as exc:
        raise SettingsError(f"{path} cannot be read: {exc.strerror or exc}.") from exc
    except UnicodeDecodeError as exc:
        raise SettingsError(f"{path} is no text.") from exc
    return {key: value for key, value in values.items() if value is not None}
