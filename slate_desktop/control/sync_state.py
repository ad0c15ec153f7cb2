"""What is remembered of a project's folder: what both sides had last, and digests of its files."""

from __future__ import annotations

import contextlib
from pathlib import Path

import msgspec

from slate_desktop.domain.trees.manifest import Entry
from slate_desktop.domain.trees.scan import Known
from slate_desktop.settings import files

_FORMAT = 1
_MAX_BYTES = 512 * 1024**2


class CopyState(msgspec.Struct, frozen=True, kw_only=True):
    """One folder.

    Attributes:
        root: the folder.
        base: what both sides had last, by path.
        known: the files of the last look, by path.
    """

    root: str
    base: dict[str, Entry]
    known: dict[str, Known]


class _Stored(msgspec.Struct, array_like=True):
    format: int
    root: str
    base: dict[str, Entry]
    known: dict[str, Known]


class StateFile:
    """The state of one folder, in a file of this user. Everything blocks: call it in a thread.

    Args:
        folder: where it lies; made when something is written.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._path = folder / "copy"
        self._decoder = msgspec.msgpack.Decoder(_Stored)

    def read(self, root: str) -> CopyState:
        """Return what is remembered; nothing for another folder, or what cannot be read."""
        with contextlib.suppress(FileNotFoundError, msgspec.MsgspecError):
            data = files.read_private(self._path, max_bytes=_MAX_BYTES)
            found = self._decoder.decode(data)
            if found.format == _FORMAT and found.root == root:
                return CopyState(root=root, base=found.base, known=found.known)
        return CopyState(root=root, base={}, known={})

    def write(self, state: CopyState) -> None:
        """Remember a state.

        Raises:
            SettingsError: it cannot be written.
        """
        self._folder.mkdir(parents=True, exist_ok=True)
        data = msgspec.msgpack.encode(_Stored(_FORMAT, state.root, state.base, state.known))
        files.write_private(self._path, data)
