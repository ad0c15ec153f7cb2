"""Small steps that workstations and agents share when they bring a tree up to date."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from pathlib import Path

from slate_desktop.domain.trees.manifest import Entry, Part
from slate_desktop.domain.trees.scan import Known, Scan, look_at


def set_entry(entries: dict[str, Entry], path: str, entry: Entry | None) -> None:
    """Note a file, or that there is none."""
    if entry is None:
        entries.pop(path, None)
    else:
        entries[path] = entry


def entries_of(files: Mapping[str, Known], base: Mapping[str, Entry]) -> dict[str, Entry]:
    """Return files as entries; one that is as it was is the very entry of the common state."""
    mine: dict[str, Entry] = {}
    for path, known in files.items():
        entry = base.get(path)
        if (
            entry is None
            or entry.sha256 != known.sha256
            or entry.is_executable != known.is_executable
            or entry.link != known.link
        ):
            entry = known.entry(path)
        mine[path] = entry
    return mine


def places_of(*trees: Mapping[str, Entry]) -> dict[str, tuple[Part, ...]]:
    """Return where contents lie that are in the store, by digest."""
    return {entry.sha256: entry.parts for tree in trees for entry in tree.values() if entry.parts}


def look_at_some(
    root: Path,
    covers: Callable[[str], bool],
    known: Mapping[str, Known],
    paths: Collection[str],
) -> Scan | None:
    """Look at what is said to have changed; None where a whole look is needed."""
    files = dict(known)
    read: list[str] = []
    for path in paths:
        if (root / path).is_dir() and not (root / path).is_symlink():
            return None
        found = None if covers(path) else look_at(root, path)
        if found is not None:
            files[path] = found
            read.append(path)
        elif files.pop(path, None) is None:
            below = path + "/"
            for inner in [inner for inner in files if inner.startswith(below)]:
                del files[inner]
    return Scan(files=files, read=tuple(read), recent=tuple(read))
