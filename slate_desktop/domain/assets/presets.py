"""Presets: named options for each kind, and rules that say which files they are for.

They are data: ``resources/presets/<id>.toml``, and files of the same form that a project keeps. ::

    title = "Voice"
    description = "Speech, small and equally loud."

    [audio]
    format = "opus"
    bitrate = 48

    [[rules]]
    kind = "audio"
    path = "**/voice/**"
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterable, Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any

import msgspec

from slate_desktop.domain.assets.kinds import AssetKind
from slate_desktop.domain.assets.options import AssetOptions, parse_options
from slate_desktop.domain.ids import is_id
from slate_desktop.errors import CommandError, ErrorCode, SettingsError
from slate_desktop.settings.paths import resource_path

_MAX_PRESET_BYTES = 64 * 1024


class PresetRule(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Files that a preset is for: those that match the ``path`` and are of the ``kind``.

    ``path`` is a glob over the path below the project or batch folder, in any case of letters:
    ``*`` within a name, ``**`` over folders, ``?`` one letter.
    """

    path: str = "**"
    kind: AssetKind | None = None

    def is_match(self, path: str, kind: AssetKind) -> bool:
        """Tell whether the rule takes a file by its path, with ``/``."""
        return self.kind in (None, kind) and _glob(self.path).fullmatch(path) is not None


class AssetPreset(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Options by kind. A kind that a preset does not name gets the kind's own defaults."""

    id: str = ""
    title: str
    description: str = ""
    texture: dict[str, Any] = {}
    model: dict[str, Any] = {}
    audio: dict[str, Any] = {}
    rules: tuple[PresetRule, ...] = ()

    def values_of(self, kind: AssetKind) -> dict[str, Any]:
        """Return the options that the preset names for a kind."""
        return {
            AssetKind.TEXTURE: self.texture,
            AssetKind.MODEL: self.model,
            AssetKind.AUDIO: self.audio,
        }[kind]

    def options_of(
        self, kind: AssetKind, overrides: Mapping[str, object] | None = None
    ) -> AssetOptions:
        """Return the checked options for a kind; ``overrides`` (snake_case) win.

        Raises:
            CommandError: ``bad_request`` naming the field.
        """
        given = {name: value for name, value in (overrides or {}).items() if value is not None}
        return parse_options(kind, {**self.values_of(kind), **given})


def read_preset(path: Path) -> AssetPreset:
    """Read one preset; its id is the file's name without ``.toml``.

    Raises:
        SettingsError: the file is missing or not a preset.
    """
    if not is_id(path.stem):
        raise SettingsError(f"The preset {path.name} needs a name of letters, digits, '_' and '-'.")
    try:
        with path.open("rb") as file:
            text = file.read(_MAX_PRESET_BYTES + 1)
        if len(text) > _MAX_PRESET_BYTES:
            raise SettingsError(f"The preset {path} is larger than {_MAX_PRESET_BYTES} bytes.")
        return parse_preset(path.stem, tomllib.loads(text.decode("utf-8")))
    except OSError as exc:
        raise SettingsError(f"The preset {path} cannot be read: {exc.strerror or exc}.") from exc
    except ValueError as exc:
        raise SettingsError(f"The preset {path} is not sound: {exc}.") from exc


def parse_preset(preset_id: str, data: Mapping[str, object]) -> AssetPreset:
    """Check a preset as a file or a project's row holds it.

    Raises:
        SettingsError: a field is unknown or wrong.
    """
    try:
        preset = msgspec.convert({**data, "id": preset_id}, AssetPreset)
        for kind in AssetKind:
            if preset.values_of(kind):
                preset.options_of(kind)
    except (msgspec.ValidationError, CommandError) as exc:
        raise SettingsError(f"The preset {preset_id} is not sound: {exc}.") from exc
    return preset


@lru_cache
def shipped_presets() -> tuple[AssetPreset, ...]:
    """Return the presets that come with SLATE, by id.

    Raises:
        SettingsError: one of them is damaged.
    """
    return read_presets(resource_path("presets"))


def read_presets(folder: Path) -> tuple[AssetPreset, ...]:
    """Return every preset in a folder, by id; none where there is no such folder.

    Raises:
        SettingsError: one of them is not sound.
    """
    return tuple(read_preset(path) for path in sorted(folder.glob("*.toml")))


def merge_presets(*layers: Iterable[AssetPreset]) -> tuple[AssetPreset, ...]:
    """Return the presets of all layers, sorted by id; a later layer replaces equal ids."""
    merged = {preset.id: preset for layer in layers for preset in layer}
    return tuple(merged[preset_id] for preset_id in sorted(merged))


def parse_rule(text: str) -> PresetRule:
    """Read ``[kind:]glob``, as people write a rule.

    Raises:
        CommandError: ``bad_request``: the glob is empty.
    """
    kind, separator, path = (part.strip() for part in text.partition(":"))
    if not separator or kind not in list(AssetKind):
        kind, path = "", text.strip()
    if not path:
        raise CommandError(ErrorCode.BAD_REQUEST, "A rule needs a path.", field="rules")
    return PresetRule(path=path, kind=AssetKind(kind) if kind else None)


def rule_text(rule: PresetRule) -> str:
    """Return a rule as ``parse_rule`` reads it."""
    return rule.path if rule.kind is None else f"{rule.kind.value}:{rule.path}"


def choose_preset(presets: Iterable[AssetPreset], path: str, kind: AssetKind) -> AssetPreset | None:
    """Return the preset whose rule takes a file.

    The longest path wins, then a project's own preset over a shipped one, then the first id.
    """
    best: tuple[tuple[int, bool], AssetPreset] | None = None
    for preset in presets:
        is_own = preset not in shipped_presets()
        for rule in preset.rules:
            rank = (len(rule.path), is_own)
            if rule.is_match(path, kind) and (best is None or rank > best[0]):
                best = (rank, preset)
    return best[1] if best else None


@lru_cache(maxsize=512)
def _glob(pattern: str) -> re.Pattern[str]:
    """Return a glob as an expression; ``fnmatch`` lets ``*`` cross folders."""
    parts: list[str] = []
    for token in re.findall(r"\*\*/|\*\*|\*|\?|[^*?]+", pattern):
        match token:
            case "**/":
                parts.append("(?:.*/)?")
            case "**":
                parts.append(".*")
            case "*":
                parts.append("[^/]*")
            case "?":
                parts.append("[^/]")
            case _:
                parts.append(re.escape(token))
    return re.compile("".join(parts), re.IGNORECASE | re.DOTALL)
