"""An object store in a directory of this machine: for tests, and for what needs no broker."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from pathlib import Path

from slate_desktop.bus.objects import (
    CheckedFile,
    ObjectInfo,
    check_digest,
    check_size_of_object,
    corrupt,
    digest_of,
)
from slate_desktop.errors import CommandError, ErrorCode

_CHUNK_BYTES = 1024 * 1024


class DirectoryObjects:
    """``bus.objects.ObjectStore`` below one directory.

    Args:
        directory: where objects lie, by the first two digits of their digest.
        max_bytes: of all objects together; None for no limit.
    """

    def __init__(self, directory: Path, *, max_bytes: int | None = None) -> None:
        self._directory = directory
        self._max_bytes = max_bytes

    async def ensure(self) -> None:
        """Make the directory."""
        await asyncio.to_thread(self._directory.mkdir, parents=True, exist_ok=True)

    async def put(self, source: Path | bytes, *, sha256: str | None = None) -> ObjectInfo:
        """Store a file or bytes; see ``bus.objects.ObjectStore.put``."""
        if sha256 is not None:
            check_digest(sha256)
        return await asyncio.to_thread(self._put, source, sha256)

    async def get(self, sha256: str, size: int, target: Path) -> None:
        """Bring an object to a new file; see ``bus.objects.ObjectStore.get``."""
        await asyncio.to_thread(self._get, check_digest(sha256), size, target)

    async def stat(self, sha256: str) -> ObjectInfo | None:
        """Return what the store says of an object, None when it has none."""
        return await asyncio.to_thread(self._stat, check_digest(sha256))

    def path_of(self, sha256: str) -> Path:
        """Return where an object lies, or would."""
        return self._directory / sha256[:2] / check_digest(sha256)

    def _stat(self, sha256: str) -> ObjectInfo | None:
        try:
            return ObjectInfo(sha256=sha256, size=self.path_of(sha256).stat().st_size)
        except FileNotFoundError:
            return None

    def _put(self, source: Path | bytes, sha256: str | None) -> ObjectInfo:
        info = digest_of(source)
        if sha256 not in (None, info.sha256):
            raise corrupt(info.sha256, "the file has another digest than it should")
        check_size_of_object(info.size)
        if self._stat(info.sha256) == info:
            return info
        if self._max_bytes is not None and self._used() + info.size > self._max_bytes:
            raise CommandError(ErrorCode.ARTIFACT_QUOTA, "The object store is full.")
        path = self.path_of(info.sha256)
        path.parent.mkdir(parents=True, exist_ok=True)
        if isinstance(source, bytes):
            _write(iter([source]), path, info)
        else:
            with source.open("rb") as file:
                _write(iter(lambda: file.read(_CHUNK_BYTES), b""), path, info)
        return info

    def _get(self, sha256: str, size: int, target: Path) -> None:
        try:
            file = self.path_of(sha256).open("rb")
        except FileNotFoundError as exc:
            raise CommandError(ErrorCode.NOT_FOUND, "The store has no such object.") from exc
        with file:
            info = ObjectInfo(sha256=sha256, size=size)
            _write(iter(lambda: file.read(_CHUNK_BYTES), b""), target, info)

    def _used(self) -> int:
        return sum(path.stat().st_size for path in self._directory.glob("*/*"))


def _write(chunks: Iterable[bytes], target: Path, info: ObjectInfo) -> None:
    file = CheckedFile(target, info.sha256, info.size)
    file.open()
    try:
        for chunk in chunks:
            file.write(chunk)
        file.commit()
    finally:
        file.discard()
