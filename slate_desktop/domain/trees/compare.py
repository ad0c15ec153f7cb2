"""What differs between two copies of a tree that had a common state.

======================  ======================  ==========================================
mine, since then        theirs, since then      what it is
======================  ======================  ==========================================
as it was               as it was               nothing
other                   as it was               to push
as it was               other                   to pull
other                   the same as mine        agreed: both know it now
other                   other than mine         a conflict: a person decides
======================  ======================  ==========================================

"Other" is another content, other rights to run it, or gone.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from pathlib import PurePosixPath

import msgspec

from slate_desktop.domain.trees.manifest import Entry
from slate_desktop.domain.trees.paths import fold


class Difference(msgspec.Struct, frozen=True):
    """One path on both sides and in the common state; None where it is not there."""

    path: str
    base: Entry | None
    mine: Entry | None
    theirs: Entry | None


class Comparison(msgspec.Struct, frozen=True, kw_only=True):
    """What differs, by what is to be done; each in the order of names."""

    push: tuple[Difference, ...] = ()
    pull: tuple[Difference, ...] = ()
    conflicts: tuple[Difference, ...] = ()
    agreed: tuple[Difference, ...] = ()

    @property
    def is_same(self) -> bool:
        """Whether nothing is to be done."""
        return not (self.push or self.pull or self.conflicts)


def compare(
    base: Mapping[str, Entry], mine: Mapping[str, Entry], theirs: Mapping[str, Entry]
) -> Comparison:
    """Compare two copies with their common state.

    Args:
        base: what both had last.
        mine: what is here now.
        theirs: what is there now.
    """
    push: list[Difference] = []
    pull: list[Difference] = []
    conflicts: list[Difference] = []
    agreed: list[Difference] = []
    for path in sorted(_changed(base, mine) | _changed(base, theirs)):
        one = Difference(path, base.get(path), mine.get(path), theirs.get(path))
        if is_same(one.mine, one.theirs):
            agreed.append(one)
        elif is_same(one.theirs, one.base):
            push.append(one)
        elif is_same(one.mine, one.base):
            pull.append(one)
        else:
            conflicts.append(one)
    clashing = _clashing(mine, pull)
    conflicts += [one for one in pull if one.path in clashing]
    return Comparison(
        push=tuple(push),
        pull=tuple(one for one in pull if one.path not in clashing),
        conflicts=tuple(sorted(conflicts, key=lambda one: one.path)),
        agreed=tuple(agreed),
    )


def is_same(one: Entry | None, other: Entry | None) -> bool:
    """Tell whether two entries are the same file, or both are none."""
    return other is None if one is None else one.is_same(other)


def other_name(path: str, where: str, when: datetime, taken: Mapping[str, object]) -> str:
    """Return the name under which another version of a file is kept beside it.

    Args:
        path: the file.
        where: whose version it is, such as an agent's id.
        when: it was found.
        taken: names that are in use.
    """
    file = PurePosixPath(path)
    stem = f"{file.stem[:120]} ({where} {when:%Y-%m-%d %H.%M.%S})"
    name, number = f"{stem}{file.suffix[:40]}", 2
    while str(file.with_name(name)) in taken:
        name, number = f"{stem} {number}{file.suffix[:40]}", number + 1
    return str(file.with_name(name))


def _clashing(mine: Mapping[str, Entry], pull: list[Difference]) -> frozenset[str]:
    """Return new names of theirs that a file or folder of mine, which stays, has in another way."""
    new = [one.path for one in pull if one.mine is None]
    if not new:
        return frozenset()
    gone = {one.path for one in pull if one.theirs is None}
    files: set[str] = set()
    folders: dict[str, str] = {}
    for path in mine:
        if path in gone:
            continue
        files.add(fold(path))
        at = path.rfind("/")
        while at > 0 and folders.setdefault(fold(path[:at]), path[:at]) == path[:at]:
            at = path.rfind("/", 0, at)
    found: set[str] = set()
    for path in new:
        above = [path[:at] for at, letter in enumerate(path) if letter == "/"]
        if (
            fold(path) in files
            or fold(path) in folders
            or any(fold(name) in files for name in above)
            or any(folders.get(fold(name), name) != name for name in above)
        ):
            found.add(path)
    return frozenset(found)


def _changed(base: Mapping[str, Entry], other: Mapping[str, Entry]) -> set[str]:
    if base is other:
        return set()
    found = {path for path in base if path not in other}
    for path, entry in other.items():
        known = base.get(path)
        if known is not entry and not is_same(entry, known):
            found.add(path)
    return found
