"""Blobs by content: ``sha256/<hex>``, put once, and checked by whoever takes them.

Nothing that anybody sent becomes a path or a name here: a digest is 64 hexadecimal digits, and the
size that a reader expects comes from a row of the database.
"""

from __future__ import annotations

import hashlib
import os
import re
import secrets
from pathlib import Path
from typing import BinaryIO, Protocol

import msgspec

from slate_desktop.errors import CommandError, ErrorCode

BUCKET = "slate"
MAX_OBJECT_BYTES = 2 * 1024**3
_DIGEST = re.compile(r"[0-9a-f]{64}")
_CHUNK_BYTES = 1024 * 1024


class ObjectInfo(msgspec.Struct, frozen=True, kw_only=True):
    """What the store says of an object."""

    sha256: str
    size: int


class ObjectStore(Protocol):
    """Blobs that several machines share."""

    async def ensure(self) -> None:
        """Make the store where it is missing.

        Raises:
            NotConnectedError: the broker is away; EnvironmentFaultError: it refuses.
        """
        ...

    async def put(self, source: Path | bytes, *, sha256: str | None = None) -> ObjectInfo:
        """Store a file or bytes; nothing is sent when the store has it already.

        Args:
            source: what to store; a file must not change meanwhile.
            sha256: of it, where it is known.

        Raises:
            CommandError: ``artifact_quota`` for more than an object or the store may hold,
                ``artifact_corrupt`` when the file does not have this digest.
            NotConnectedError: the broker is away. EnvironmentFaultError: there is no store.
        """
        ...

    async def get(self, sha256: str, size: int, target: Path) -> None:
        """Bring an object to a new file; it appears under its name whole and checked.

        Raises:
            CommandError: ``not_found``; ``artifact_corrupt`` when what the store has is not that.
            NotConnectedError: the broker is away.
        """
        ...

    async def stat(self, sha256: str) -> ObjectInfo | None:
        """Return what the store says of an object, None when it has none."""
        ...


def check_digest(sha256: object) -> str:
    """Return a digest when it is one.

    Raises:
        CommandError: ``bad_request``.
    """
    if not isinstance(sha256, str) or _DIGEST.fullmatch(sha256) is None:
        raise CommandError(
            ErrorCode.BAD_REQUEST, "A digest is 64 hexadecimal digits.", field="sha256"
        )
    return sha256


def check_size_of_object(size: int) -> None:
    """Refuse what no store takes.

    Raises:
        CommandError: ``artifact_quota``.
    """
    if size > MAX_OBJECT_BYTES:
        raise CommandError(
            ErrorCode.ARTIFACT_QUOTA,
            f"The file has {size} bytes; an object may have {MAX_OBJECT_BYTES}.",
        )


def corrupt(sha256: str, reason: str) -> CommandError:
    """Return the error for an object that is not what its name says."""
    return CommandError(
        ErrorCode.ARTIFACT_CORRUPT,
        f"The object {sha256[:12]}… cannot be used: {reason}.",
        hint="Process the asset again; its result is then stored anew.",
    )


def digest_of(source: Path | bytes) -> ObjectInfo:
    """Return digest and size of a file or bytes; blocks for as long as reading takes."""
    if isinstance(source, bytes):
        return ObjectInfo(sha256=hashlib.sha256(source).hexdigest(), size=len(source))
    digest, size = hashlib.sha256(), 0
    with source.open("rb") as file:
        while chunk := file.read(_CHUNK_BYTES):
            digest.update(chunk)
            size += len(chunk)
    return ObjectInfo(sha256=digest.hexdigest(), size=size)


class CheckedFile:
    """A file that appears under its name only when it has the expected size and digest."""

    def __init__(self, target: Path, sha256: str, size: int) -> None:
        self._target = target
        self._sha256 = sha256
        self._size = size
        self._temporary = target.with_name(f".{secrets.token_hex(8)}.part")
        self._digest = hashlib.sha256()
        self._written = 0
        self._file: BinaryIO | None = None

    def open(self) -> None:
        """Begin; raises ``OSError``."""
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL
        flags |= getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_BINARY", 0)
        self._file = os.fdopen(os.open(self._temporary, flags, 0o600), "wb", buffering=0)

    def write(self, data: bytes) -> None:
        """Add data.

        Raises:
            CommandError: ``artifact_corrupt``: it is more than there should be.
        """
        if self._file is None:
            raise ValueError("not open")
        self._written += len(data)
        if self._written > self._size:
            raise corrupt(self._sha256, "it has more bytes than it should")
        self._digest.update(data)
        view = memoryview(data)
        while view:
            view = view[self._file.write(view) :]

    def commit(self) -> None:
        """Check, synchronise, and give the file its name.

        Raises:
            CommandError: ``artifact_corrupt``.
        """
        if self._file is None:
            raise ValueError("not open")
        if self._written != self._size:
            raise corrupt(
                self._sha256, f"it has {self._written} bytes and should have {self._size}"
            )
        if self._digest.hexdigest() != self._sha256:
            raise corrupt(self._sha256, "its content is another")
        os.fsync(self._file.fileno())
        self._file.close()
        self._file = None
        self._temporary.replace(self._target)

    def discard(self) -> None:
        """Remove what was written; harmless after ``commit``."""
        if self._file is not None:
            self._file.close()
            self._file = None
        self._temporary.unlink(missing_ok=True)
