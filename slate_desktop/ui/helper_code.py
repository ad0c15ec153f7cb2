"""Keeps the bytecode of PySide's helpers from start to start, as Python keeps that of modules.

PySide carries them as text and compiles them whenever it is imported. What is read here is run, so
it counts only from a file that is this user's, and that nobody else may write.
"""

from __future__ import annotations

import hashlib
import importlib.util
import logging
import marshal
import sys
from pathlib import Path
from types import CodeType

from slate_desktop.errors import SettingsError
from slate_desktop.settings import files
from slate_desktop.settings.paths import cache_dir

log = logging.getLogger(__name__)
# Of another Python, or of other options, the code is another one.
_STAMP = b"%s %d\n" % (importlib.util.MAGIC_NUMBER, sys.flags.optimize)
_DIGEST_BYTES = 32


class HelperCode:
    """Code by the helper's name and the digest of its text.

    Args:
        path: where it is kept. What is no such file counts as none.
    """

    def __init__(self, path: Path | None = None) -> None:
        self._path = path or cache_dir() / "code" / "pyside.bin"
        self._codes = self._read()
        self._is_changed = False

    def get(self, name: str, text: bytes) -> CodeType | None:
        """Return the code of a helper, None where it is new or has another text."""
        digest, code = self._codes.get(name, (b"", b""))
        return marshal.loads(code) if digest == _digest(text) else None  # noqa: S302

    def add(self, name: str, text: bytes, code: CodeType) -> None:
        """Take what was compiled."""
        self._codes[name] = (_digest(text), marshal.dumps(code))
        self._is_changed = True

    def save(self) -> None:
        """Keep what was added since it was read; a disk that takes nothing costs the next start."""
        if not self._is_changed:
            return
        self._is_changed = False
        data = marshal.dumps(self._codes)
        try:
            files.ensure_private_dir(self._path.parent)
            files.write_private(self._path, _STAMP + hashlib.sha256(data).digest() + data)
        except (OSError, SettingsError) as error:
            log.info("the code of helpers is not kept", extra={"reason": str(error)})

    def _read(self) -> dict[str, tuple[bytes, bytes]]:
        try:
            kept = files.read_private(self._path)
        except (OSError, SettingsError):
            return {}
        stamp, digest = kept[: len(_STAMP)], kept[len(_STAMP) :][:_DIGEST_BYTES]
        data = kept[len(_STAMP) + _DIGEST_BYTES :]
        if stamp != _STAMP or digest != hashlib.sha256(data).digest():
            return {}
        # Whole, and written here: the digest says so.
        return marshal.loads(data)  # noqa: S302


def _digest(text: bytes) -> bytes:
    return hashlib.sha256(text).digest()
