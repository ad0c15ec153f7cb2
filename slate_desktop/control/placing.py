"""Brings files into a folder in which somebody works: what they have just changed stays."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from slate_desktop.domain.trees.compare import Difference
from slate_desktop.domain.trees.folders import NotAFolderError
from slate_desktop.domain.trees.place import Placer
from slate_desktop.domain.trees.scan import Known
from slate_desktop.errors import CommandError, ErrorCode, Retry


class _Untouched:
    """A file was left alone: it changed since it was looked at."""


_UNTOUCHED = _Untouched()


def place_all(
    placer: Placer,
    wanted: tuple[Difference, ...],
    seen: Mapping[str, Known],
    staged: Mapping[str, Path],
) -> list[tuple[Difference, Known | None]]:
    """Bring files into the folder; returns those that were not changed there meanwhile."""
    placed: list[tuple[Difference, Known | None]] = []
    try:
        # Those that go first: a folder may come in the place of a file.
        for one in sorted(wanted, key=lambda one: (one.theirs is not None, one.path)):
            known = _place(placer, one, seen.get(one.path), staged.get(one.path))
            if not isinstance(known, _Untouched):
                placed.append((one, known))
    finally:
        placer.close()
    return placed


def _place(
    placer: Placer, one: Difference, seen: Known | None, staged: Path | None
) -> Known | _Untouched | None:
    """Bring one file into the folder, unless somebody has just changed it there."""
    try:
        info = placer.stat(one.path)
    except NotAFolderError:
        return _UNTOUCHED  # a file lies where a folder must be: the next look says so
    is_as_seen = info is None if seen is None else info is not None and seen.is_at(info)
    if not is_as_seen:
        return _UNTOUCHED
    if one.theirs is None:
        placer.remove(one.path)
        return None
    try:
        return placer.put(one.theirs, staged)
    except OSError as exc:
        raise CommandError(
            ErrorCode.BAD_REQUEST,
            f"{one.path} cannot be written: {exc.strerror}.",
            field="path",
            retry=Retry.LATER,
        ) from exc
