"""Keeps the bytecode of sources that a library brings without any, from start to start.

Python itself keeps the bytecode of modules that are files. PySide's helpers are text in a library,
which PySide compiles in every process: 10 ms of a start.
"""

from __future__ import annotations

import hashlib
import logging
import marshal
import sys
from collections.abc import Callable
from pathlib import Path
from types import CodeType

from slate_desktop.errors import SettingsError
from slate_desktop.settings import files

log = logging.getLogger(__name__)


class KeptCode:
    """Code by the name of its source.

    Args:
        path: where it is kept. What is no such file, not this user's alone, or of another Python,
            counts as none.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._stamp = f"{sys.version} {sys.flags.optimize}"
        self._is_changed = False
        self._codes = self._read()

    def code(self, name: str, source: str | bytes, make: Callable[[], CodeType]) -> CodeType:
        """Return the code of a source, made where it was not made before."""
        text = source.encode() if isinstance(source, str) else source
        digest = hashlib.blake2b(text, digest_size=16).digest()
        kept = self._codes.get(name)
        if kept is None or kept[0] != digest:
            kept = self._codes[name] = digest, make()
            self._is_changed = True
        return kept[1]

    def save(self) -> None:
        """Keep what was made since it was read; a disk that takes nothing costs the next start."""
        if not self._is_changed:
            return
        self._is_changed = False
        try:
            files.ensure_private_dir(self._path.parent)
            files.write_private(self._path, marshal.dumps((self._stamp, self._codes)))
        except (OSError, SettingsError) as error:
            log.info("bytecode is not kept", extra={"reason": str(error)})

    def _read(self) -> dict[str, tuple[bytes, CodeType]]:
        try:
            stamp, codes = marshal.loads(files.read_private(self._path))  # noqa: S302 - see read_private
        except (OSError, SettingsError, ValueError, EOFError, TypeError):
            return {}
        return codes if stamp == self._stamp else {}
