"""Takes over what the ``.env`` of an existing SLATE installation says, for good.

Addresses become settings. Two secrets go into the keyring; a password within an address is left
out, and any other secret stays where it is.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import msgspec

from slate_desktop.settings import dotenv
from slate_desktop.settings.model import parse, save_settings, variables
from slate_desktop.settings.secrets import set_secret

# Names in the file, and in the keyring.
_KEPT_SECRETS = {"SLATE_USER_SEED": "user_seed", "SLATE_REGISTRY_PASSWORD": "registry_password"}
_SECRET = re.compile(r"PASSWORD|PASSWD|SECRET|TOKEN|SEED|_KEY$", re.IGNORECASE)
_OURS = ("SLATE_", "VITE_")


class EnvImport(msgspec.Struct, frozen=True, kw_only=True):
    """What a ``.env`` says; ``repr`` shows no secret.

    Attributes:
        settings: checked values by the settings' names.
        secrets: texts by their names in the keyring.
        left: names that were not taken over, each with the reason.
        notes: what to tell the user.
    """

    settings: dict[str, Any]
    secrets: dict[str, str]
    left: dict[str, str]
    notes: tuple[str, ...]

    def __repr__(self) -> str:
        return f"EnvImport(settings={sorted(self.settings)}, secrets={sorted(self.secrets)})"

    @property
    def has_profile(self) -> bool:
        """Whether it names both addresses that the profile ``remote`` needs."""
        return bool(self.settings.get("nats_url") and self.settings.get("database_url"))


def read_env(path: Path) -> EnvImport:
    """Read a ``.env``; changes nothing.

    Raises:
        SettingsError: it cannot be read, or a value cannot be used, which is named.
    """
    values = dotenv.read_values(path)
    aliases, notes = dotenv.aliases_of(values)
    texts = {**aliases, **variables(values)}
    told = list(notes)
    for name in ("database_url", "nats_url", "redis_url"):
        if name in texts and (bare := _without_password(texts[name])) != texts[name]:
            texts[name] = bare
            told.append(f"The password in {name} was left out.")
            if name == "database_url":
                told.append("Put the database's password into ~/.pgpass, mode 0600.")
    found = {name: parse(name, text) for name, text in texts.items() if text.strip()}
    found.pop("profile", None)
    secrets = {kept: values[name] for name, kept in _KEPT_SECRETS.items() if values.get(name)}
    return EnvImport(settings=found, secrets=secrets, left=_left(values, texts), notes=tuple(told))


def take_over(found: EnvImport) -> None:
    """Keep what was read: settings in ``settings.toml``, secrets in the keyring.

    Raises:
        SettingsError: it cannot be written.
    """
    changes = dict(found.settings)
    if found.has_profile:
        changes["profile"] = "remote"
    save_settings({name: _plain(value) for name, value in changes.items()})
    for name, text in found.secrets.items():
        set_secret(name, text.strip())


def _left(values: dict[str, str], texts: dict[str, str]) -> dict[str, str]:
    taken = {f"SLATE_{name.upper()}" for name in texts} | dotenv.ALIASES | _KEPT_SECRETS.keys()
    left: dict[str, str] = {}
    for name in sorted(values):
        if name.upper() in taken or not name.upper().startswith(_OURS):
            continue
        left[name] = "a secret" if _SECRET.search(name) else "not a setting"
    return left


def _without_password(url: str) -> str:
    try:
        parts = urlsplit(url)
    except ValueError:
        return url
    if not parts.password:
        return url
    login, _, host = parts.netloc.rpartition("@")
    return urlunsplit(parts._replace(netloc=f"{login.partition(':')[0]}@{host}"))


def _plain(value: Any) -> Any:
    if isinstance(value, Path):
        return str(value)
    return list(value) if isinstance(value, tuple) else value
