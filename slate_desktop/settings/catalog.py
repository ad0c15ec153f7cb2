"""The declared settings as a list: what each is, what it is set to, and which source decides that.

For the settings dialog and ``slate settings``. Never raises for a bad value: it is told beside the
setting.
"""

from __future__ import annotations

from enum import StrEnum
from functools import lru_cache
from pathlib import Path
from typing import Any, cast

import msgspec

from slate_desktop.errors import SettingsError
from slate_desktop.settings import dotenv, model, paths
from slate_desktop.settings.declared import GROUPS, Settings

_HIDDEN = ("version", "notes")


class SettingKind(StrEnum):
    """What a value is."""

    TEXT = "text"
    PATH = "path"
    SWITCH = "switch"
    NUMBER = "number"
    CHOICE = "choice"
    LIST = "list"


class Origin(StrEnum):
    """Which source decides."""

    DEFAULT = "default"
    FILE = "file"
    ALIAS = "alias"
    DOTENV = "dotenv"
    ENVIRONMENT = "environment"


class Setting(msgspec.Struct, frozen=True, kw_only=True):
    """One declared setting.

    Attributes:
        name: as ``settings.toml`` has it.
        expects: what a value looks like, to be read after "Enter"; may be empty.
        choices: of a choice; an empty text stands for "not set".
        is_immediate: a change counts at once, and not from the next start on.
    """

    name: str
    group: str
    title: str
    description: str
    expects: str
    kind: SettingKind
    choices: tuple[str, ...]
    default: Any
    is_immediate: bool

    @property
    def variable(self) -> str:
        """The environment variable that overrides it."""
        return f"{model.ENV_PREFIX}{self.name.upper()}"


class SettingState(msgspec.Struct, frozen=True, kw_only=True):
    """A setting, and what it is set to.

    Attributes:
        value: what counts now; the default where the deciding source cannot be used.
        stored: what ``settings.toml`` says, None when it says nothing.
        place: the deciding source in words, empty for the default.
        problem: why the deciding source cannot be used, else empty.
    """

    setting: Setting
    value: Any
    stored: Any
    origin: Origin
    place: str
    problem: str = ""

    @property
    def is_overridden(self) -> bool:
        """Whether something decides that a change of ``settings.toml`` has no power over."""
        return self.origin in (Origin.ENVIRONMENT, Origin.DOTENV)


@lru_cache
def catalog() -> tuple[Setting, ...]:
    """Return every setting, in the order of the groups."""
    info = cast("msgspec.inspect.StructType", msgspec.inspect.type_info(Settings))
    found = [_setting(field) for field in info.fields if field.name not in _HIDDEN]
    return tuple(sorted(found, key=lambda setting: GROUPS.index(setting.group)))


def find(name: str) -> Setting:
    """Return the setting ``name``.

    Raises:
        SettingsError: there is none.
    """
    for setting in catalog():
        if setting.name == name:
            return setting
    raise SettingsError(
        f"There is no setting {name!r}.", hint="List them with: slate settings list"
    )


def states() -> tuple[list[SettingState], tuple[str, ...]]:
    """Return what every setting is set to, and what to tell the user of the sources."""
    sources = model.read_sources()
    return [_state(setting, sources) for setting in catalog()], sources.notes


def parse(setting: Setting, text: str) -> Any:
    """Return the value that a text means; None is "not set".

    Raises:
        SettingsError: it cannot be used; the hint says what can.
    """
    if not text.strip() and setting.default in (None, ()):
        return None
    try:
        return model.parse(setting.name, text)
    except SettingsError as exc:
        hint = f"Enter {setting.expects}." if setting.expects else str(exc.__cause__ or exc)
        raise SettingsError(f"{setting.title} cannot be {text.strip()!r}.", hint=hint) from exc


def to_text(value: Any) -> str:
    """Return a value as it is typed."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, list | tuple):
        return ", ".join(str(item) for item in value)
    return str(value)


def _setting(field: msgspec.inspect.Field) -> Setting:
    extra: dict[str, Any] = {}
    description = ""
    kind = field.type
    while isinstance(kind, msgspec.inspect.Metadata):
        extra |= kind.extra or {}
        description = (kind.extra_json_schema or {}).get("description", description)
        kind = kind.type
    is_optional = isinstance(kind, msgspec.inspect.UnionType)
    if isinstance(kind, msgspec.inspect.UnionType):
        (kind,) = [t for t in kind.types if not isinstance(t, msgspec.inspect.NoneType)]
        while isinstance(kind, msgspec.inspect.Metadata):
            kind = kind.type
    is_choice = isinstance(kind, msgspec.inspect.LiteralType)
    choices = tuple(str(value) for value in kind.values) if is_choice else ()
    return Setting(
        name=field.name,
        group=extra["group"],
        title=extra["title"],
        description=description,
        expects=extra["expects"],
        kind=_kind(kind),
        choices=("", *choices) if choices and is_optional else choices,
        default=field.default,
        is_immediate=extra["is_immediate"],
    )


def _kind(kind: Any) -> SettingKind:
    for of_type, found in (
        (msgspec.inspect.BoolType, SettingKind.SWITCH),
        (msgspec.inspect.IntType, SettingKind.NUMBER),
        (msgspec.inspect.LiteralType, SettingKind.CHOICE),
        (msgspec.inspect.VarTupleType, SettingKind.LIST),
    ):
        if isinstance(kind, of_type):
            return found
    is_path = isinstance(kind, msgspec.inspect.CustomType) and kind.cls is Path
    return SettingKind.PATH if is_path else SettingKind.TEXT


def _state(setting: Setting, sources: model.Sources) -> SettingState:
    name = setting.name
    stored = sources.stored.get(name)
    for origin, texts, place in (
        (Origin.ENVIRONMENT, sources.environment, setting.variable),
        (Origin.DOTENV, sources.dotenv, str(dotenv.find())),
        (Origin.ALIAS, {} if name in sources.stored else sources.aliases, "VITE_…"),
    ):
        if name not in texts:
            continue
        value, problem = setting.default, ""
        try:
            value = model.parse(name, texts[name])
        except SettingsError as exc:
            problem = str(exc)
        return SettingState(
            setting=setting,
            value=value,
            stored=stored,
            origin=origin,
            place=place,
            problem=problem,
        )
    if name in sources.stored:
        place = str(paths.settings_file())
        return SettingState(
            setting=setting, value=stored, stored=stored, origin=Origin.FILE, place=place
        )
    return SettingState(
        setting=setting, value=setting.default, stored=None, origin=Origin.DEFAULT, place=""
    )
