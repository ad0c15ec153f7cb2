"""All settings, from the environment, ``.env``, and ``settings.toml``, in this order.

Secrets are not settings: they live in ``settings.secrets``. A settings file that cannot be read
never keeps SLATE from starting: its backup or the defaults are used, and ``notes`` says so.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta

from slate_desktop.errors import SettingsError
from slate_desktop.settings import addresses, dotenv, toml_file

CURRENT_VERSION = 1
ENV_PREFIX = "SLATE_"


class Settings(msgspec.Struct, frozen=True, kw_only=True):
    """Everything that can be configured; with nothing set, the embedded stack is used."""

    version: Annotated[int, Meta(ge=1, le=CURRENT_VERSION, description="of this file")] = (
        CURRENT_VERSION
    )
    profile: Annotated[
        Annotated[str, Meta(pattern=r"^[a-z0-9][a-z0-9-]{0,39}$")],
        Meta(
            description="local: the embedded stack; remote: the addresses below; the name of a"
            " server that was joined; auto: as set"
        ),
    ] = "auto"
    nats_url: Annotated[
        str | None, Meta(description="the broker, nats://host:4222 or tls://host:4222")
    ] = None
    nats_allow_plaintext: Annotated[
        bool, Meta(description="let nats:// leave this machine unencrypted")
    ] = False
    nats_ca_file: Annotated[Path | None, Meta(description="CA certificate of a tls:// broker")] = (
        None
    )
    database_url: Annotated[
        str | None, Meta(description="PostgreSQL, postgresql://user@host/slate")
    ] = None
    redis_url: Annotated[
        str | None, Meta(description="a shared cache; without it the cache is in the process")
    ] = None
    docker_host: Annotated[
        str | None, Meta(description="the Docker engine of this machine's agent")
    ] = None
    registry_url: Annotated[
        str | None, Meta(description="the image registry, https://host:5000")
    ] = None
    registry_user: Annotated[str | None, Meta(description="login name at the registry")] = None
    allowed_registries: Annotated[
        tuple[str, ...],
        Meta(description="further registries that images may come from, host[:port]"),
    ] = ()
    agent_id: Annotated[
        Annotated[str, Meta(pattern=r"^[A-Za-z0-9][A-Za-z0-9_-]{0,63}$")] | None,
        Meta(description="this host's agent"),
    ] = None
    build_slots: Annotated[
        int, Meta(ge=0, le=64, description="builds that this host's agent runs at once")
    ] = 1
    build_capabilities: Annotated[
        tuple[str, ...], Meta(description="what builds may ask of this host, such as console:ps5")
    ] = ()
    licences: Annotated[
        tuple[Annotated[str, Meta(pattern=r"^[a-z][a-z0-9_-]{0,31}=[1-9][0-9]{0,3}$")], ...],
        Meta(description="seats of build licences, such as unity=1; the same on every agent"),
    ] = ()
    allow_unsigned: Annotated[bool, Meta(description="let the agent serve unsigned commands")] = (
        False
    )
    log_level: Annotated[
        Literal["debug", "info", "warning", "error"],
        Meta(description="what SLATE's own log holds"),
    ] = "info"
    theme: Annotated[
        Literal["system", "dark", "light"] | None,
        Meta(
            description="the window's colours from the next start on; without it, the last chosen"
        ),
    ] = None
    notes: tuple[str, ...] = ()

    @property
    def is_local(self) -> bool:
        """Whether the embedded stack is to be used."""
        if self.profile == "auto":
            return self.nats_url is None and self.database_url is None
        return self.profile == "local"


_CHECKS: dict[str, Callable[[str], str]] = {
    "nats_url": addresses.check_nats_url,
    "database_url": addresses.check_database_url,
    "redis_url": addresses.check_redis_url,
    "docker_host": addresses.check_docker_host,
    "registry_url": addresses.check_registry_url,
}
_TYPES = {
    field.name: field.type for field in msgspec.structs.fields(Settings) if field.name != "notes"
}
_OPTIONAL = {
    field.name
    for field in msgspec.structs.fields(Settings)
    if field.name != "notes" and field.default is None
}
_SWITCHES = {
    field.name for field in msgspec.structs.fields(Settings) if isinstance(field.default, bool)
}
_LISTS = {
    field.name
    for field in msgspec.structs.fields(Settings)
    if field.name != "notes" and field.default == ()
}
_WORDS = {"yes": "true", "on": "true", "no": "false", "off": "false"}
# Source: https://jcristharif.com/msgspec/usage.html, where a message ends with the place.
_PLACE = re.compile(r" - at `.*`$")


def load_settings() -> Settings:
    """Read all sources.

    Raises:
        SettingsError: a variable of the environment or of ``.env`` cannot be used; it is named.
    """
    aliases, notes = dotenv.read_aliases()
    stored, file_notes = toml_file.load(_validate_file)
    written = {**_variables(dotenv.read_file()), **_variables(os.environ)}
    values: dict[str, Any] = {}
    for name, text in {**aliases, **written}.items():
        if name in stored and name not in written:
            continue
        try:
            values[name] = _checked(name, _from_text(name, text), is_strict=False)
        except SettingsError as exc:
            raise SettingsError(str(exc), hint=_where(name)) from exc
    return Settings(**{**stored, **values}, notes=(*notes, *file_notes))


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


def _variables(environment: Mapping[str, str]) -> dict[str, str]:
    """Return the settings that an environment holds, by their own names."""
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
