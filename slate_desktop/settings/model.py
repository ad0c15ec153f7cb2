"""All settings, from the environment, ``.env``, and ``settings.toml``, in this order.

What there is, is in ``settings.declared``.

Secrets are not settings: they live in ``settings.secrets``. A settings file that cannot be read
never keeps SLATE from starting: its backup or the defaults are used, and ``notes`` says so.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import msgspec

from slate_desktop.errors import SettingsError
from slate_desktop.settings import addresses, dotenv, toml_file
from slate_desktop.settings.declared import CURRENT_VERSION, Settings

ENV_PREFIX = "SLATE_"

_CHECKS: dict[str, Callable[[str], str]] = {
    "nats_url": addresses.check_nats_url,
    "database_url": addresses.check_database_url,
    "redis_url": addresses.check_redis_url,
    "docker_host": addresses.check_docker_host,
    "registry_url": addresses.check_registry_url,
}
# Asked once: msgspec looks at every type anew for each question, at every start.
_FIELDS = [field for field in msgspec.structs.fields(Settings) if field.name != "notes"]
_TYPES = {field.name: field.type for field in _FIELDS}
_OPTIONAL = {field.name for field in _FIELDS if field.default is None}
_SWITCHES = {field.name for field in _FIELDS if isinstance(field.default, bool)}
_LISTS = {field.name for field in _FIELDS if field.default == ()}
_WORDS = {"yes": "true", "on": "true", "no": "false", "off": "false"}
# Source: https://jcristharif.com/msgspec/usage.html, where a message ends with the place.
_PLACE = re.compile(r" - at `.*`$")


class Sources(msgspec.Struct, frozen=True, kw_only=True):
    """What each source says; of two that name a setting, the first here wins.

    Attributes:
        environment: texts of ``SLATE_*`` variables.
        dotenv: texts of the same names in ``.env``.
        stored: checked values of ``settings.toml``.
        aliases: texts of the names that earlier deployments used.
        notes: what to tell the user.
    """

    environment: dict[str, str]
    dotenv: dict[str, str]
    stored: dict[str, Any]
    aliases: dict[str, str]
    notes: tuple[str, ...]


def read_sources() -> Sources:
    """Read all sources; nothing of the environment is checked yet."""
    aliases, notes = dotenv.read_aliases()
    stored, file_notes = toml_file.load(_validate_file)
    return Sources(
        environment=variables(os.environ),
        dotenv=variables(dotenv.read_file()),
        stored=stored,
        aliases=aliases,
        notes=(*notes, *file_notes),
    )


def load_settings() -> Settings:
    """Read and check all sources.

    Raises:
        SettingsError: a variable of the environment or of ``.env`` cannot be used; it is named.
    """
    sources = read_sources()
    texts = {**_unless(sources.stored, sources.aliases), **sources.dotenv, **sources.environment}
    values: dict[str, Any] = {}
    for name, text in texts.items():
        try:
            values[name] = parse(name, text)
        except SettingsError as exc:
            raise SettingsError(str(exc), hint=_where(name)) from exc
    return Settings(**{**sources.stored, **values}, notes=sources.notes)


def parse(name: str, text: str) -> Any:
    """Return what the text of a variable or of a field means for the setting ``name``.

    Raises:
        SettingsError: it is not allowed.
    """
    return _checked(name, _from_text(name, text), is_strict=False)


def log_level() -> str:
    """Return how much is logged; settings that cannot be read say nothing about it."""
    try:
        return load_settings().log_level
    except SettingsError:
        return "info"


def save_settings(changes: dict[str, Any]) -> Settings:
    """Write ``changes`` into ``settings.toml`` (None removes a key) and load everything anew.

    Comments and unknown keys stay. The file that was good before is kept as ``settings.toml.bak``.

    Raises:
        SettingsError: a value is not valid; nothing was written.
    """
    unknown = set(changes) - (set(_TYPES) - {"version"})
    if unknown:
        raise SettingsError(f"There is no setting {sorted(unknown)[0]!r}.")
    toml_file.save(changes, _validate_file, version=CURRENT_VERSION)
    return load_settings()


def _unless(stored: Mapping[str, Any], texts: Mapping[str, str]) -> dict[str, str]:
    return {name: text for name, text in texts.items() if name not in stored}


def variables(environment: Mapping[str, str]) -> dict[str, str]:
    """Return the settings that an environment or a ``.env`` holds, by their own names."""
    names = {f"{ENV_PREFIX}{name.upper()}": name for name in _TYPES}
    return {names[key.upper()]: text for key, text in environment.items() if key.upper() in names}


def _from_text(name: str, text: str) -> Any:
    """Return what the text of a variable means; lists are JSON or separated by commas."""
    text = text.strip()
    if name in _LISTS:
        if text.startswith("["):
            try:
                return json.loads(text)
            except ValueError as exc:
                raise SettingsError(f"The setting {name} cannot be used: {exc}.") from exc
        return [part.strip() for part in text.split(",") if part.strip()]
    return _WORDS.get(text.lower(), text) if name in _SWITCHES else text


def _validate_file(data: dict[str, Any]) -> dict[str, Any]:
    """Check a settings file by itself; returns its known values."""
    version = data.get("version", CURRENT_VERSION)
    if not isinstance(version, int) or version > CURRENT_VERSION:
        raise SettingsError(f"it was written by a later version of SLATE (format {version})")
    known = {key: value for key, value in data.items() if key in _TYPES}
    return {name: _checked(name, value, is_strict=True) for name, value in known.items()}


def _checked(name: str, value: Any, *, is_strict: bool) -> Any:
    """Return a value as its setting's type.

    Raises:
        SettingsError: it has another type, or is not allowed.
    """
    if name in _OPTIONAL and isinstance(value, str):
        value = value.strip() or None
    try:
        if name in _CHECKS and isinstance(value, str):
            value = _CHECKS[name](value)
        return msgspec.convert(value, _TYPES[name], strict=is_strict, dec_hook=_path)
    except (SettingsError, msgspec.ValidationError) as exc:
        reason = _PLACE.sub("", str(exc)).rstrip(".")
        raise SettingsError(f"The setting {name} cannot be used: {reason}.") from exc


def _path(kind: type, value: Any) -> Any:
    if kind is Path and isinstance(value, str):
        return Path(value)
    raise msgspec.ValidationError(f"Expected a path, got {type(value).__name__}")


def _where(name: str) -> str:
    variable = f"{ENV_PREFIX}{name.upper()}"
    if variable in os.environ:
        return f"It comes from the environment variable {variable}."
    return f"Look for {variable} in the environment, in .env and in `slate doctor`'s settings file."
