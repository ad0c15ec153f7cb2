"""Every asset of a project: found in one pass over its folder, filtered and sorted in a thread.

Needs no server. Folders that engines make themselves are left out, as in the project tree; links
are not followed. An entry is a few plain values, since a project may have 50,000 of them.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path, PurePath
from typing import Any, NamedTuple

from slate_desktop.control.tree_nodes import is_ignored
from slate_desktop.domain.assets.kinds import AssetKind, kind_of
from slate_desktop.domain.engine import Engine, detect_engine

MAX_ENTRIES = 200_000
_ASSET_KINDS = {kind.value: kind for kind in AssetKind}
_NUMBERS = re.compile(r"(\d+)")
# Files that belong to an asset or to an engine, not assets of their own.
_COMPANIONS = frozenset((".meta", ".import", ".uid", ".bin", ".mtl", ".tmp"))
OTHER_KINDS = {
    **dict.fromkeys((".ttf", ".otf", ".ttc", ".woff", ".woff2"), "font"),
    **dict.fromkeys((".mp4", ".m4v", ".mov", ".mkv", ".webm", ".avi", ".ogv"), "video"),
    **dict.fromkeys((".psb", ".xcf", ".kra", ".svg", ".exr.gz", ".cr2", ".raw"), "unsupported"),
    **dict.fromkeys((".blend", ".max", ".ma", ".mb", ".dae", ".3ds", ".usd"), "unsupported"),
    **dict.fromkeys((".bank", ".wem", ".xwb", ".mid", ".mod"), "unsupported"),
}  # fmt: skip


class SortKey(StrEnum):
    """What a list of assets is ordered by."""

    NAME = "name"
    KIND = "kind"
    SIZE = "size"
    NEWEST = "newest"
    FOLDER = "folder"


class AssetEntry(NamedTuple):
    """One file.

    Attributes:
        path: below the project's folder, with ``/``.
        kind: ``texture``, ``model``, ``audio``, ``font``, ``video`` or ``unsupported``.
        size: bytes.
        mtime_ns: when it was changed.
    """

    path: str
    kind: str
    size: int
    mtime_ns: int

    @property
    def name(self) -> str:
        """The file's name."""
        return self.path.rpartition("/")[2]

    @property
    def asset_kind(self) -> AssetKind | None:
        """The kind whose pipeline processes it, None for others."""
        return _ASSET_KINDS.get(self.kind)


@dataclass(frozen=True)
class AssetFilter:
    """What is shown.

    Attributes:
        kinds: empty for all.
        text: words that the path must hold, in any case and order.
        states: states that are shown, empty for all.
    """

    kinds: frozenset[str] = frozenset()
    text: str = ""
    states: frozenset[str] = frozenset()


def scan(root: Path, is_wanted: Callable[[], bool] = lambda: True) -> list[AssetEntry]:
    """Find the assets below a folder. Blocks; belongs into a thread.

    Args:
        root: the project's folder.
        is_wanted: asked now and then; False ends the search.
    """
    engine = detect_engine(root).engine
    found: list[AssetEntry] = []
    folders = [("", root)]
    while folders and len(found) < MAX_ENTRIES and is_wanted():
        prefix, folder = folders.pop()
        try:
            with os.scandir(folder) as items:
                for item in items:
                    _take(item, prefix, engine, found, folders)
        except OSError:
            continue  # it went, or may not be read; the tree tells of it
    return found


def select(
    entries: Iterable[AssetEntry],
    wanted: AssetFilter,
    order: SortKey,
    state_of: Callable[[AssetEntry], str] = lambda _entry: "",
) -> list[AssetEntry]:
    """Return the entries that are shown, in order. Belongs into a thread for many."""
    words = wanted.text.casefold().split()
    shown = [
        entry
        for entry in entries
        if (not wanted.kinds or entry.kind in wanted.kinds)
        and (not words or all(word in entry.path.casefold() for word in words))
        and (not wanted.states or state_of(entry) in wanted.states)
    ]
    return sorted(shown, key=_KEYS[order])


def natural(text: str) -> list[int | str]:
    """Return a key that puts ``rock2`` before ``rock10``."""
    # Texts and numbers take turns, so that like meets like.
    parts = _NUMBERS.split(text.casefold())
    return [int(part) if number % 2 else part for number, part in enumerate(parts)]


_KEYS: dict[SortKey, Callable[[AssetEntry], Any]] = {
    SortKey.NAME: lambda entry: (natural(entry.name), entry.path),
    SortKey.KIND: lambda entry: (entry.kind, natural(entry.name), entry.path),
    SortKey.SIZE: lambda entry: (-entry.size, entry.path),
    SortKey.NEWEST: lambda entry: (-entry.mtime_ns, entry.path),
    SortKey.FOLDER: lambda entry: natural(entry.path),
}


def _take(
    item: os.DirEntry[str],
    prefix: str,
    engine: Engine,
    found: list[AssetEntry],
    folders: list[tuple[str, Path]],
) -> None:
    name = item.name
    if item.is_dir(follow_symlinks=False):
        if not is_ignored(name, True, engine) and name != ".slate":
            folders.append((f"{prefix}{name}/", Path(item.path)))
        return
    suffix = PurePath(name).suffix.lower()
    if suffix in _COMPANIONS or not item.is_file(follow_symlinks=False):
        return
    kind = kind_of(name)
    known = kind.value if kind is not None else OTHER_KINDS.get(suffix)
    if known is not None and not is_ignored(name, False, engine):
        info = item.stat(follow_symlinks=False)
        found.append(AssetEntry(f"{prefix}{name}", known, info.st_size, info.st_mtime_ns))
