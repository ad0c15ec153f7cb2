"""A server's backup as a file: named members, each with its digest, and a manifest at the end.

::

    files/…            what is in the server's directory and not data: keys, configuration
    database.dump      pg_dump's own format
    streams/<name>     a snapshot of the broker's stream, as the broker made it
    manifest.json      what there is, with sizes and SHA-256

It is a ZIP file whose members are stored as they are: they are compressed already, or small. The
file holds every secret of the server.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import secrets
import zipfile
from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import IO, Self

import msgspec

from slate_desktop.errors import SettingsError

FORMAT = 1
MANIFEST = "manifest.json"
_MAX_MANIFEST_BYTES = 4 * 1024 * 1024
_MAX_SMALL_BYTES = 1024 * 1024
_BLOCK = 1024 * 1024


class Member(msgspec.Struct, frozen=True):
    """One file of a backup."""

    size: int
    sha256: str


class Manifest(msgspec.Struct, frozen=True, kw_only=True):
    """What a backup holds.

    Attributes:
        format: of this file.
        server: the server's name.
        program: the version of SLATE that wrote it.
        schema: number of the database's newest migration.
        members: by name.
    """

    format: int
    server: str
    program: str
    schema: int
    created_at: datetime
    members: dict[str, Member]


class ArchiveWriter:
    """Writes a backup beside its place, and moves it there whole once it was read again."""

    def __init__(self, path: Path) -> None:
        """Begin; raises ``SettingsError`` where the file cannot be made."""
        self._path = path
        self._temporary = path.with_name(f".{path.name}.{secrets.token_hex(6)}.partial")
        self._members: dict[str, Member] = {}
        flags = os.O_RDWR | os.O_CREAT | os.O_EXCL | getattr(os, "O_NOFOLLOW", 0)
        try:
            fd = os.open(self._temporary, flags, 0o600)
        except OSError as exc:
            raise SettingsError(f"{path} cannot be written: {exc.strerror or exc}.") from exc
        self._file = os.fdopen(fd, "w+b")
        self._zip = zipfile.ZipFile(self._file, "w", zipfile.ZIP_STORED, allowZip64=True)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        value: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        with contextlib.suppress(OSError, ValueError):
            self._zip.close()
        self._file.close()
        self._temporary.unlink(missing_ok=True)

    def add(self, name: str, data: bytes) -> None:
        """Add a small member."""
        with self._opened(name) as (file, digest):
            file.write(data)
            digest.update(data)
        self._members[name] = Member(len(data), digest.hexdigest())

    async def add_stream(self, name: str, blocks: AsyncIterator[bytes]) -> int:
        """Add a member as it comes; returns its size in bytes."""
        size = 0
        with self._opened(name) as (file, digest):
            async for block in blocks:
                file.write(block)
                digest.update(block)
                size += len(block)
        self._members[name] = Member(size, digest.hexdigest())
        return size

    def finish(self, *, server: str, program: str, schema: int) -> Manifest:
        """Write the manifest, read everything again, and put the file into its place.

        Raises:
            SettingsError: what was read is not what was written, or the disk is full.
        """
        manifest = Manifest(
            format=FORMAT,
            server=server,
            program=program,
            schema=schema,
            created_at=datetime.now(UTC),
            members=self._members,
        )
        try:
            self._zip.writestr(MANIFEST, msgspec.json.encode(manifest))
            self._zip.close()
            self._file.flush()
            os.fsync(self._file.fileno())
            with ArchiveReader(self._temporary) as reader:
                reader.verify()
            self._temporary.replace(self._path)
            directory = os.open(self._path.parent, os.O_RDONLY)
            try:
                os.fsync(directory)
            finally:
                os.close(directory)
        except OSError as exc:
            raise SettingsError(f"{self._path} cannot be written: {exc.strerror or exc}.") from exc
        return manifest

    @contextlib.contextmanager
    def _opened(self, name: str) -> Iterator[tuple[IO[bytes], hashlib._Hash]]:
        try:
            with self._zip.open(name, "w", force_zip64=True) as file:
                yield file, hashlib.sha256()
        except OSError as exc:
            raise SettingsError(f"{self._path} cannot be written: {exc.strerror or exc}.") from exc


class ArchiveReader:
    """Reads a backup; ``verify`` first."""

    def __init__(self, path: Path) -> None:
        """Open; raises ``SettingsError`` where it is no backup."""
        self._path = path
        try:
            self._zip = zipfile.ZipFile(path)
            with self._zip.open(MANIFEST) as file:
                data = file.read(_MAX_MANIFEST_BYTES + 1)
            self.manifest = msgspec.json.decode(data, type=Manifest)
        except OSError as exc:
            raise SettingsError(f"{path} cannot be read: {exc.strerror or exc}.") from exc
        except (zipfile.BadZipFile, KeyError, msgspec.MsgspecError, NotImplementedError) as exc:
            raise SettingsError(f"{path} is not a backup of a server, or is damaged.") from exc
        if self.manifest.format != FORMAT:
            raise SettingsError(
                f"{path} has format {self.manifest.format}; this program reads {FORMAT}.",
                hint="Restore it with the version of SLATE that wrote it.",
            )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._zip.close()

    def names(self, folder: str) -> list[str]:
        """Return the members in a folder, without its name."""
        return sorted(
            name.removeprefix(f"{folder}/")
            for name in self.manifest.members
            if name.startswith(f"{folder}/")
        )

    def read(self, name: str) -> bytes:
        """Return a small member; raises ``SettingsError``."""
        data = b"".join(self.blocks(name))
        if len(data) > _MAX_SMALL_BYTES:
            raise SettingsError(f"{name} of the backup is too large.")
        return data

    def blocks(self, name: str) -> Iterator[bytes]:
        """Read a member; its digest was checked by ``verify``.

        Raises:
            SettingsError: it is missing or damaged.
        """
        try:
            with self._zip.open(name) as file:
                while block := file.read(_BLOCK):
                    yield block
        except (KeyError, zipfile.BadZipFile, OSError, NotImplementedError, RuntimeError) as exc:
            raise SettingsError(f"{name} of the backup is missing or damaged.") from exc

    def verify(self) -> None:
        """Read every member and compare size and digest.

        Raises:
            SettingsError: something is missing, damaged or too much; the first one is named.
        """
        found = {info.filename for info in self._zip.infolist()} - {MANIFEST}
        if found != set(self.manifest.members):
            raise SettingsError(f"{self._path} does not hold what its manifest says.")
        for name, member in self.manifest.members.items():
            digest, size = hashlib.sha256(), 0
            for block in self.blocks(name):
                digest.update(block)
                size += len(block)
            if (size, digest.hexdigest()) != (member.size, member.sha256):
                raise SettingsError(f"{name} of the backup is damaged: its digest does not fit.")
