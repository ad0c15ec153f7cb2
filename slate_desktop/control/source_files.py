"""Finds the file of a project that a log line names.

A line names files as the process saw them: below a mount of its container, as `res://`, relative to
the project, or where another machine had built them. A file outside the project is never found.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path, PurePosixPath

from slate_desktop.domain.container import Mount

_MAX_PARTS = 32
# A tail of a foreign path must be at least so many parts to be believed.
_MIN_TAIL = 2


class SourceFiles:
    """The files of one project, by the names that runtimes give them.

    Args:
        root: of the project.
        mounts: where its directories are in the container.
    """

    def __init__(self, root: Path, mounts: Sequence[Mount] = ()) -> None:
        self._root = root
        # The longest first: it is the one that the container sees.
        self._mounts = sorted(mounts, key=lambda mount: -len(mount.container))

    def find(self, path: str) -> Path | None:
        """Return the file that ``path`` names, None where the project has none."""
        text = path.strip().replace("\\", "/")
        if not text or "\0" in text:
            return None
        if text.startswith("res://"):
            return self._inside(text.removeprefix("res://"))
        if "://" in text:
            return None
        return self._of_mount(text) or self._inside(text) or self._by_tail(text)

    def _of_mount(self, text: str) -> Path | None:
        if not text.startswith("/"):
            return None
        for mount in self._mounts:
            target = PurePosixPath(mount.container)
            if PurePosixPath(text).is_relative_to(target):
                below = PurePosixPath(text).relative_to(target)
                return self._inside(str(Path(mount.host) / below))
        return None

    def _by_tail(self, text: str) -> Path | None:
        """Try what a path ends with, the longest tail first."""
        parts = PurePosixPath(text).parts[-_MAX_PARTS:]
        tails = ("/".join(parts[at:]) for at in range(1, len(parts) - _MIN_TAIL + 1))
        return next((found for tail in tails if (found := self._inside(tail))), None)

    def _inside(self, text: str) -> Path | None:
        try:
            root = self._root.resolve()
            found = (root / text).resolve()
            return found if found.is_relative_to(root) and found.is_file() else None
        except (OSError, RuntimeError, ValueError):
            return None
