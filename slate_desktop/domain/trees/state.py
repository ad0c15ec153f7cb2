"""What a machine remembers of a tree: what both sides had last, and the digests of its files."""

from __future__ import annotations

import contextlib
from pathlib import Path

import msgspec

from slate_desktop.domain.trees.manifest import Entry
from slate_desktop.domain.trees.scan import Known
from slate_desktop.settings import files

_FORMAT = 1
_MAX_BYTES = 512 * 1024**2


class TreeState(msgspec.Struct, frozen=True, kw_only=True):
    """One folder.

    Attributes:
        root: the folder.
        base: what both sides had last, by path.
        known: the files of the last look, by path.
        version: of the tree that is here without any difference; 0 for none.
        is_whole: false from the first file of another tree that is put here to the last.
        kept_twice: of that tree, other versions of files that were kept beside them.
    """

    root: str
    base: dict[str, Entry] = {}
    known: dict[str, Known] = {}
    version: int = 0
    is_whole: bool = True
    kept_twice: tuple[str, ...] = ()


class LeanState(msgspec.Struct, frozen=True, kw_only=True):
    """A state whose ``base`` is read when it is needed."""

    root: str
    known: dict[str, Known] = {}
    version: int = 0
    is_whole: bool = True
    kept_twice: tuple[str, ...] = ()
    raw_base: bytes | msgspec.Raw | None = None

    def whole(self) -> TreeState:
        """Read the rest."""
        base = {} if self.raw_base is None else _BASE.decode(self.raw_base)
        return TreeState(
            root=self.root,
            base=base,
            known=self.known,
            version=self.version,
            is_whole=self.is_whole,
            kept_twice=self.kept_twice,
        )


_BASE = msgspec.msgpack.Decoder(dict[str, Entry])


class _Stored(msgspec.Struct, array_like=True):
    format: int
    root: str
    base: msgspec.Raw
    known: dict[str, Known]
    version: int
    is_whole: bool
    kept_twice: tuple[str, ...]


class StateFile:
    """The state of one folder, in a file of this user. Everything blocks: call it in a thread.

    Args:
        folder: where it lies; made when something is written.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._path = folder / "state"
        self._decoder = msgspec.msgpack.Decoder(_Stored)

    def read(self, root: str) -> TreeState:
        """Return what is remembered; nothing for another folder, or what cannot be read."""
        try:
            return self.read_lean(root).whole()
        except msgspec.MsgspecError:
            return TreeState(root=root)

    def read_lean(self, root: str) -> LeanState:
        """Return what is remembered but for what both sides had last."""
        with contextlib.suppress(FileNotFoundError, msgspec.MsgspecError):
            data = files.read_private(self._path, max_bytes=_MAX_BYTES)
            found = self._decoder.decode(data)
            if found.format == _FORMAT and found.root == root:
                return LeanState(
                    root=root,
                    raw_base=found.base,
                    known=found.known,
                    version=found.version,
                    is_whole=found.is_whole,
                    kept_twice=found.kept_twice,
                )
        return LeanState(root=root)

    def write(self, state: TreeState) -> None:
        """Remember a state.

        Raises:
            SettingsError: it cannot be written.
        """
        self._folder.mkdir(parents=True, exist_ok=True)
        stored = _Stored(
            _FORMAT,
            state.root,
            msgspec.Raw(msgspec.msgpack.encode(state.base)),
            state.known,
            state.version,
            state.is_whole,
            state.kept_twice,
        )
        data = msgspec.msgpack.encode(stored)
        files.write_private(self._path, data)
