"""Presets in a project's folder: ``<project>/.slate/presets/<id>.toml``, in the shipped ones' form.

They need no server, and go with the project wherever it is copied or checked out.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec

from slate_desktop.control.project_writing import write_atomically
from slate_desktop.domain.assets.kinds import AssetKind
from slate_desktop.domain.assets.options import parse_options
from slate_desktop.domain.assets.presets import AssetPreset, read_presets
from slate_desktop.domain.ids import check_id
from slate_desktop.errors import CommandError, ErrorCode, SettingsError

FOLDER = Path(".slate") / "presets"


class PresetFiles:
    """The presets in a project's folder. Everything here blocks.

    Args:
        root: the project's folder.
    """

    def __init__(self, root: Path) -> None:
        self.folder = root / FOLDER

    def read(self) -> tuple[AssetPreset, ...]:
        """Return them by id.

        Raises:
            SettingsError: one is not sound.
        """
        return read_presets(self.folder)

    def save(self, preset: AssetPreset) -> Path:
        """Make or replace one, and return its file.

        Raises:
            CommandError: ``bad_request`` for options that no pipeline takes.
            SettingsError: it cannot be written.
        """
        check_preset(preset)
        path = self.folder / f"{check_id(preset.id, 'preset')}.toml"
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            write_atomically(path, preset_text(preset))
        except OSError as exc:
            raise SettingsError(f"{path} cannot be written: {exc.strerror or exc}.") from exc
        return path

    def remove(self, preset_id: str) -> None:
        """Remove one.

        Raises:
            CommandError: ``not_found``.
            SettingsError: it cannot be removed.
        """
        path = self.folder / f"{check_id(preset_id, 'preset')}.toml"
        try:
            path.unlink()
        except FileNotFoundError as exc:
            raise CommandError(
                ErrorCode.NOT_FOUND, f"The folder has no preset {preset_id}.", field="preset"
            ) from exc
        except OSError as exc:
            raise SettingsError(f"{path} cannot be removed: {exc.strerror or exc}.") from exc


def find_preset_root(start: Path) -> Path | None:
    """Return the innermost folder at or above ``start`` that keeps presets; blocks."""
    place = start.absolute()
    for folder in (place, *place.parents):
        if (folder / FOLDER).is_dir():
            return folder
    return None


def check_preset(preset: AssetPreset) -> None:
    """Refuse options that no pipeline takes, with ``bad_request`` naming the field."""
    if not preset.title.strip():
        raise CommandError(ErrorCode.BAD_REQUEST, "A preset needs a title.", field="title")
    for kind in AssetKind:
        if values := preset.values_of(kind):
            parse_options(kind, values)


def preset_text(preset: AssetPreset) -> str:
    """Return a preset as the text of its file."""
    values: dict[str, Any] = msgspec.to_builtins(preset)
    del values["id"]
    kept = {name: value for name, value in values.items() if value}
    import tomlkit  # not at the top: a client that connects needs none of it

    return tomlkit.dumps(_without_null(kept))


def _without_null(value: Any) -> Any:
    """Return values as TOML can hold them: what is null there is left out."""
    if isinstance(value, dict):
        return {name: _without_null(each) for name, each in value.items() if each is not None}
    if isinstance(value, list | tuple):
        return [_without_null(each) for each in value]
    return value
