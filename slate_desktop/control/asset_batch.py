"""Which assets a command means: files, folders, globs and manifests, as tasks with options."""

from __future__ import annotations

import glob
import itertools
import json
import os
import tomllib
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path, PurePosixPath
from typing import Any

import msgspec

from slate_desktop.control.preset_files import find_preset_root
from slate_desktop.domain.assets.kinds import AssetKind, kind_of
from slate_desktop.domain.assets.options import AssetOptions, parse_options
from slate_desktop.domain.assets.presets import AssetPreset, choose_preset
from slate_desktop.errors import AssetError, CommandError, ErrorCode

_MAX_MANIFEST_BYTES = 16 * 1024 * 1024
_MANIFESTS = (".json", ".toml")
_MAX_ASSETS = 100_000
# The preset that the rules choose.
AUTO = "auto"


class AssetTask(msgspec.Struct, frozen=True, kw_only=True):
    """One asset to process.

    Attributes:
        source: the file.
        name: how it was named, for people and scripts.
        folder: where its products go below the output folder, with ``/``; empty for its top.
        kind: None for what its name says.
        preset: an id, ``auto`` for what the rules choose, None for the kind's defaults.
        options: that win over the preset's, by their names.
        place: the path that rules of presets look at, with ``/``: below the project that keeps
            presets, else below the folder that was named; empty for the source as it is.
    """

    source: Path
    name: str
    folder: str = ""
    place: str = ""
    kind: AssetKind | None = None
    preset: str | None = None
    options: dict[str, Any] = {}

    def resolve(self, presets: Sequence[AssetPreset]) -> tuple[AssetKind, AssetOptions]:
        """Return what the asset is, and its checked options.

        Raises:
            CommandError: ``bad_request`` naming the field, or a name that is no asset's.
        """
        kind = self.kind or kind_of(self.source)
        if kind is None and not os.path.lexists(self.source):
            raise CommandError(
                ErrorCode.NOT_FOUND, f"There is no file {self.source.name}.", field="path"
            )
        if kind is None:
            name = self.source.name or str(self.source)
            raise CommandError(
                ErrorCode.BAD_REQUEST,
                f"{name} is a folder; slate asset batch processes all that is in it."
                if self.source.is_dir()
                else f"{name} is not a kind of file that SLATE processes.",
                field="path",
            )
        preset = self._preset(presets, kind)
        if preset is None:
            return kind, parse_options(kind, self.options)
        return kind, preset.options_of(kind, self.options)

    def _preset(self, presets: Sequence[AssetPreset], kind: AssetKind) -> AssetPreset | None:
        if self.preset is None:
            return None
        if self.preset == AUTO:
            return choose_preset(presets, self.place or self.source.as_posix(), kind)
        for preset in presets:
            if preset.id == self.preset:
                return preset
        known = ", ".join(preset.id for preset in presets)
        raise CommandError(
            ErrorCode.BAD_REQUEST,
            f"There is no preset {self.preset!r}; there are {known}.",
            field="preset",
        )


def tasks_of_batch(target: str, *, skip: Iterable[Path] = ()) -> list[AssetTask]:
    """Return the assets that a folder, a glob or a manifest names, sorted by name.

    Args:
        target: a folder (all assets below it), a file ``.json`` or ``.toml``, or a glob.
        skip: folders that are left out, such as the one for products; not where a glob names one.

    Raises:
        CommandError: ``not_found``: there is nothing of that name; ``bad_request``: the manifest is
            not sound, or too much is meant.
    """
    path = Path(target)
    if path.is_dir():
        return _below(path, [_plain(folder) for folder in skip])
    if path.is_file() and path.suffix.lower() in _MANIFESTS:
        return _of_manifest(path)
    if glob.has_magic(target):
        found = _matching(target, [_plain(folder) for folder in skip])
        if found:
            return found
    elif path.exists():
        raise CommandError(
            ErrorCode.BAD_REQUEST,
            f"{target} is neither a folder nor a manifest (.json, .toml).",
            field="target",
            hint="Use slate asset process for single files.",
        )
    raise CommandError(ErrorCode.NOT_FOUND, f"No asset is called {target}.", field="target")


def fitting(
    values: Mapping[str, Any], kind: AssetKind, kinds: Iterable[AssetKind]
) -> dict[str, Any]:
    """Return the options, of those given for files of several ``kinds``, that are for one kind.

    An option that only another of the kinds knows is left out; so is a format that only another
    knows. One that none of them knows stays, to be refused by name.
    """
    others = [other for other in kinds if other is not kind]
    result = dict(values)
    for name, value in values.items():
        if not _is_known(kind, name, value) and any(_is_known(o, name, value) for o in others):
            del result[name]
    return result


def _is_known(kind: AssetKind, name: str, value: object) -> bool:
    try:
        parse_options(kind, {name: value})
    except CommandError as error:
        # A wrong value of a known option is for the kind to refuse, but a format may be another's.
        return name != "format" and "no option" not in str(error)
    return True


def place_of(source: Path, folder: Path | None = None) -> str:
    """Return the path of a file that rules of presets look at, with ``/``. Blocks.

    It is below the project that keeps presets; without one below ``folder``, or where SLATE was
    started; else the file as it was named.
    """
    file = source.absolute()
    for root in (find_preset_root(file.parent), folder, Path.cwd()):
        if root is not None and file.is_relative_to(root.absolute()):
            return file.relative_to(root.absolute()).as_posix()
    return source.as_posix()


def _matching(pattern: str, skip: Sequence[Path]) -> list[AssetTask]:
    """Return what a glob names, with folders as below the part of it that is no pattern."""
    fixed = list(itertools.takewhile(lambda part: not glob.has_magic(part), Path(pattern).parts))
    base = Path(*fixed)
    skipped = [folder for folder in skip if not _plain(base).is_relative_to(folder)]
    tasks: list[AssetTask] = []
    for name in sorted(glob.glob(pattern, recursive=True)):  # noqa: PTH207 - of any root
        source = Path(name)
        if kind_of(name) is None or not source.is_file():
            continue
        if any(_plain(source).is_relative_to(folder) for folder in skipped):
            continue
        below = source.parent.relative_to(base)
        folder = "" if ".." in below.parts or below == Path() else below.as_posix()
        tasks.append(AssetTask(source=source, name=name, folder=folder, place=place_of(source)))
    return tasks


def _plain(path: Path) -> Path:
    """Return an absolute path without ``..``, links as they are."""
    return Path(os.path.abspath(path))  # noqa: PTH100 - Path keeps the dots


def _below(folder: Path, skip: Sequence[Path]) -> list[AssetTask]:
    tasks: list[AssetTask] = []
    root = find_preset_root(folder) or folder.absolute()
    for parent, folders, names in os.walk(folder):
        here = Path(parent)
        folders[:] = sorted(
            name for name in folders if not name.startswith(".") and _plain(here / name) not in skip
        )
        place = here.relative_to(folder).as_posix()
        for name in sorted(names):
            source = here / name
            if kind_of(name) is None or name.startswith(".") or source.is_symlink():
                continue
            below = "" if place == "." else place
            shown = source.absolute().relative_to(root).as_posix()
            tasks.append(AssetTask(source=source, name=str(source), folder=below, place=shown))
        if len(tasks) > _MAX_ASSETS:
            raise CommandError(
                ErrorCode.BAD_REQUEST,
                f"{folder} holds more than {_MAX_ASSETS} assets.",
                field="target",
            )
    return tasks


def _of_manifest(path: Path) -> list[AssetTask]:
    """Read ``{"assets": [{"path", "type", "preset", "options", "folder"}, …]}``, or the list."""
    try:
        with path.open("rb") as file:
            text = file.read(_MAX_MANIFEST_BYTES + 1)
        if len(text) > _MAX_MANIFEST_BYTES:
            raise _unsound(path, "is larger than 16 MiB")
        words = text.decode("utf-8")
        data = tomllib.loads(words) if path.suffix.lower() == ".toml" else json.loads(words)
    except OSError as exc:
        raise AssetError.invalid(f"{path} cannot be read: {exc.strerror}.") from exc
    except (ValueError, RecursionError) as exc:
        raise _unsound(path, f"cannot be read: {exc}") from exc
    entries = data.get("assets") if isinstance(data, dict) else data
    if not isinstance(entries, list) or not entries:
        raise _unsound(path, "needs a list of assets")
    return [_of_entry(path, number, entry) for number, entry in enumerate(entries, 1)]


def _of_entry(path: Path, number: int, entry: object) -> AssetTask:
    if not isinstance(entry, dict):
        raise _unsound(path, f"entry {number} is no object")
    fields = dict(entry)
    name = fields.pop("path", None) or fields.pop("assetId", None)
    values = {key: fields.pop(key, None) for key in ("type", "preset", "folder", "options")}
    if not isinstance(name, str) or not name or "\0" in name:
        raise _unsound(path, f"entry {number} needs a path")
    if fields:
        raise _unsound(path, f"entry {number} has the unknown field {next(iter(fields))!r}")
    options, folder = values["options"] or {}, values["folder"] or ""
    if not isinstance(options, dict) or not isinstance(folder, str) or _leads_out(folder):
        raise _unsound(path, f"entry {number} has options or a folder of the wrong form")
    try:
        kind = None if values["type"] is None else AssetKind(values["type"])
    except ValueError as exc:
        raise _unsound(path, f"entry {number} has the unknown type {values['type']!r}") from exc
    preset = values["preset"]
    if preset is not None and not isinstance(preset, str):
        raise _unsound(path, f"entry {number} has a preset of the wrong form")
    return AssetTask(
        source=path.parent / name,
        name=str(path.parent / name),
        folder=folder,
        place=place_of(path.parent / name, path.parent),
        kind=kind,
        preset=preset,
        options=options,
    )


def _leads_out(folder: str) -> bool:
    path = PurePosixPath(folder)
    return path.is_absolute() or ".." in path.parts or "\\" in folder or "\0" in folder


def _unsound(path: Path, reason: str) -> CommandError:
    return CommandError(ErrorCode.BAD_REQUEST, f"The manifest {path} {reason}.", field="target")
