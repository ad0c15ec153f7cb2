"""All settings, from the environment, ``.env``, and ``settings.toml``, in this order.

Secrets are not settings: they live in ``settings.secrets``. A settings file that cannot be read
never keeps SLATE from starting: its backup or the defaults are used, and ``notes`` says so.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Field, ValidationError
from pydantic_settings import (
    BaseSettings,
    DotEnvSettingsSource,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
)

from slate_desktop.errors import SettingsError
from slate_desktop.settings import addresses, dotenv, toml_file

CURRENT_VERSION = 1


def _validator(check: Any) -> AfterValidator:
    def validate(value: str | None) -> str | None:
        if value is None or not value.strip():
            return None
        try:
            return check(value.strip())
        except SettingsError as exc:
            raise ValueError(str(exc)) from exc

    return AfterValidator(validate)


class Settings(BaseSettings):
    """Everything that can be configured; with nothing set, the embedded stack is used."""

    model_config = SettingsConfigDict(
        env_prefix="SLATE_",
        env_file_encoding="utf-8",
        extra="ignore",
        validate_default=False,
        frozen=True,
    )

    version: int = Field(CURRENT_VERSION, ge=1, le=CURRENT_VERSION, description="of this file")
    profile: Literal["auto", "local", "remote"] = Field(
        "auto", description="local: the embedded stack; remote: the addresses below; auto: as set"
    )
    nats_url: Annotated[str | None, _validator(addresses.check_nats_url)] = Field(
        None, description="the broker, nats://host:4222 or tls://host:4222"
    )
    nats_allow_plaintext: bool = Field(
        False, description="let nats:// leave this machine unencrypted"
    )
    nats_ca_file: Path | None = Field(None, description="CA certificate of a tls:// broker")
    database_url: Annotated[str | None, _validator(addresses.check_database_url)] = Field(
        None, description="PostgreSQL, postgresql://user@host/slate"
    )
    redis_url: Annotated[str | None, _validator(addresses.check_redis_url)] = Field(
        None, description="a shared cache; without it the cache is in the process"
    )
    docker_host: Annotated[str | None, _validator(addresses.check_docker_host)] = Field(
        None, description="the Docker engine of this machine's agent"
    )
    registry_url: Annotated[str | None, _validator(addresses.check_registry_url)] = Field(
        None, description="the image registry, https://host:5000"
    )
    registry_user: str | None = Field(None, description="login name at the registry")
    allowed_registries: tuple[str, ...] = Field(
        (), description="further registries that images may come from, host[:port]"
    )
    agent_id: str | None = Field(
        None, pattern=r"^[A-Za-z0-9][A-Za-z0-9_-]{0,63}$", description="this host's agent"
    )
    allow_unsigned: bool = Field(False, description="let the agent serve unsigned commands")
    log_level: Literal["debug", "info", "warning", "error"] = Field(
        "info", description="what SLATE's own log holds"
    )
    theme: Literal["system", "dark", "light"] = Field("system", description="the window's colours")
    notes: tuple[str, ...] = Field((), exclude=True, description="what the user should know")

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """The environment comes before what ``load_settings`` read from files."""
        del dotenv_settings, file_secret_settings
        file = dotenv.find()
        sources: list[PydanticBaseSettingsSource] = [env_settings]
        if file is not None:
            sources.append(DotEnvSettingsSource(settings_cls, env_file=file))
        return (*sources, init_settings)

    @property
    def is_local(self) -> bool:
        """Whether the embedded stack is to be used."""
        if self.profile == "auto":
            return self.nats_url is None and self.database_url is None
        return self.profile == "local"


def load_settings() -> Settings:
    """Read all sources.

    Raises:
        SettingsError: a variable of the environment or of ``.env`` cannot be used; it is named.
    """
    aliases, notes = dotenv.read_aliases()
    stored, file_notes = toml_file.load(_validate_file)
    try:
        return Settings(**{**aliases, **stored, "notes": tuple(notes + file_notes)})
    except ValidationError as exc:
        raise SettingsError(_explain(exc), hint=_where(exc)) from exc


def save_settings(changes: dict[str, Any]) -> Settings:
    """Write ``changes`` into ``settings.toml`` (None removes a key) and load everything anew.

    Comments and unknown keys stay. The file that was good before is kept as ``settings.toml.bak``.

    Raises:
        SettingsError: a value is not valid; nothing was written.
    """
    unknown = set(changes) - (set(Settings.model_fields) - {"notes", "version"})
    if unknown:
        raise SettingsError(f"There is no setting {sorted(unknown)[0]!r}.")
    toml_file.save(changes, _validate_file, version=CURRENT_VERSION)
    return load_settings()


def _validate_file(data: dict[str, Any]) -> dict[str, Any]:
    """Check a settings file by itself; returns its known values."""
    version = data.get("version", CURRENT_VERSION)
    if not isinstance(version, int) or version > CURRENT_VERSION:
        raise SettingsError(f"it was written by a later version of SLATE (format {version})")
    known = {key: value for key, value in data.items() if key in Settings.model_fields}
    known.pop("notes", None)
    try:
        _FileSettings(**known)
    except ValidationError as exc:
        raise SettingsError(_explain(exc)) from exc
    return known


class _FileSettings(Settings):
    """The same fields, with no source but the arguments."""

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        del settings_cls, env_settings, dotenv_settings, file_secret_settings
        return (init_settings,)


def _explain(exc: ValidationError) -> str:
    first = exc.errors(include_url=False, include_input=False)[0]
    name = str(first["loc"][0]) if first["loc"] else "settings"
    reason = first["msg"].removeprefix("Value error, ").rstrip(".")
    return f"The setting {name} cannot be used: {reason}."


def _where(exc: ValidationError) -> str:
    first = exc.errors(include_url=False, include_input=False)[0]
    variable = f"SLATE_{str(first['loc'][0]).upper()}" if first["loc"] else ""
    if variable in os.environ:
        return f"It comes from the environment variable {variable}."
    return f"Look for {variable} in the environment, in .env and in `slate doctor`'s settings file."
