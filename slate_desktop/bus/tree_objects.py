"""Trees in the object store: contents and manifests go up once, and come down checked.

Small files travel together, since each object costs the broker two writes that are synchronised.
A pack of the same files is the same object, so that an upload that broke off goes on where it was.
"""

from __future__ import annotations

import asyncio
import hashlib
import io
import os
import stat
from collections.abc import AsyncIterator, Callable, Coroutine, Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec

from slate_desktop.bus.objects import ObjectStore
from slate_desktop.domain.trees.folders import FolderCursor, open_file
from slate_desktop.domain.trees.manifest import Entry, Part, TreeRef
from slate_desktop.domain.trees.scan import Known
from slate_desktop.errors import CommandError, ErrorCode, Retry

SMALL_BYTES = 512 * 1024
PIECE_BYTES = 4 * 1024**2
_AT_ONCE = 4
_BLOCK = 1024 * 1024

# Called with how many bytes of how many are there.
Progress = Callable[[int, int], None]


class Sent(msgspec.Struct, frozen=True, kw_only=True):
    """What an upload did.

    Attributes:
        entries: the files as they were read, by path, with the places of their contents.
        vanished: files that were gone, or changed while they were read: the next look finds them.
        sent_bytes: how much of their content the store lacked.
    """

    entries: dict[str, Entry]
    vanished: tuple[str, ...]
    sent_bytes: int


async def upload(
    objects: ObjectStore,
    root: Path,
    files: Mapping[str, Known],
    places: Mapping[str, tuple[Part, ...]],
    on_progress: Progress | None = None,
) -> Sent:
    """Put the contents of files into the store, those that it lacks.

    Args:
        objects: the store; agents make it, people may not.
        root: the tree.
        files: what to bring, as it was seen.
        places: where contents lie that are known to be there, by digest.
        on_progress: told how much was done.

    Raises:
        CommandError: ``artifact_quota``. NotConnectedError: the broker is away.
    """
    work = _Upload(objects, root, dict(places), on_progress)
    return await work.run(files)


async def stage(
    objects: ObjectStore,
    entries: Sequence[Entry],
    folder: Path,
    on_progress: Progress | None = None,
) -> dict[str, Path]:
    """Bring the contents of files into a folder, each checked; returns where each one is.

    Args:
        objects: the store.
        entries: the files; links have no content.
        folder: an empty one on the disk of the tree.
        on_progress: told how much was brought.

    Raises:
        CommandError: ``not_found`` and ``artifact_corrupt`` when the store lacks a content.
        NotConnectedError: the broker is away.
    """
    staged = {
        entry.path: folder / f"{number}.file"
        for number, entry in enumerate(entries)
        if entry.link is None
    }
    uses: dict[tuple[str, int], list[tuple[Entry, Part, int]]] = {}
    for entry in entries:
        at = 0
        for part in entry.parts:
            uses.setdefault((part.sha256, part.size), []).append((entry, part, at))
            at += part.length
    # A file of one piece is made, and checked, when the piece is there.
    others = [entry for entry in entries if entry.link is None and len(entry.parts) != 1]
    await asyncio.to_thread(_make_files, [staged[entry.path] for entry in others])
    total, done = sum(size for _, size in uses), 0
    waiting = iter(uses.items())

    async def bring() -> None:
        nonlocal done
        for (sha256, size), slices in waiting:
            target = folder / f"{sha256}.object"
            await objects.get(sha256, size, target)
            await asyncio.to_thread(_spread, target, slices, staged)
            done += size
            if on_progress is not None:
                on_progress(done, total)

    await _together([bring() for _ in range(min(_AT_ONCE, len(uses)))])
    await asyncio.to_thread(_check, others, staged)
    return staged


class _Upload:
    def __init__(
        self,
        objects: ObjectStore,
        root: Path,
        places: dict[str, tuple[Part, ...]],
        on_progress: Progress | None,
    ) -> None:
        self._objects = objects
        self._root = root
        self._places = places
        self._on_progress = on_progress
        self._entries: dict[str, Entry] = {}
        self._vanished: list[str] = []
        self._sent = 0
        self._done = 0
        self._total = 0

    async def run(self, files: Mapping[str, Known]) -> Sent:
        large: list[tuple[str, Known]] = []
        small: list[tuple[str, Known]] = []
        for path, known in sorted(files.items()):
            entry = known.entry(path)
            if known.link is not None or known.size == 0:
                self._entries[path] = entry
            elif (parts := self._places.get(known.sha256)) is not None:
                self._entries[path] = msgspec.structs.replace(entry, parts=parts)
            else:
                (small if known.size < SMALL_BYTES else large).append((path, known))
        self._total = sum(known.size for _, known in (*small, *large))
        work: asyncio.Queue[list[tuple[str, Known]]] = asyncio.Queue()
        for batch in (*_batches(small), *([one] for one in large)):
            work.put_nowait(batch)
        await _together([self._work(work) for _ in range(min(_AT_ONCE, work.qsize()))])
        return Sent(entries=self._entries, vanished=tuple(self._vanished), sent_bytes=self._sent)

    async def _work(self, work: asyncio.Queue[list[tuple[str, Known]]]) -> None:
        while not work.empty():
            batch = work.get_nowait()
            if len(batch) == 1 and batch[0][1].size >= SMALL_BYTES:
                await self._send_large(*batch[0])
            else:
                await self._send_pack(batch)
            self._done += sum(known.size for _, known in batch)
            if self._on_progress is not None:
                self._on_progress(self._done, self._total)

    async def _send_pack(self, batch: list[tuple[str, Known]]) -> None:
        """Send small files as one object; equal ones are in it once."""
        data, found = await asyncio.to_thread(self._read_pack, batch)
        if not found:
            return
        info = await self._put(data) if data else None
        for path, known, at in found:
            parts = self._places.get(known.sha256)
            if parts is None and info is not None:
                parts = (Part(info.sha256, info.size, at, known.size),)
                self._places[known.sha256] = parts
            entry = known.entry(path)
            self._entries[path] = msgspec.structs.replace(entry, parts=parts or ())

    def _read_pack(
        self, batch: list[tuple[str, Known]]
    ) -> tuple[bytes, list[tuple[str, Known, int]]]:
        data = bytearray()
        at: dict[str, int] = {}
        found: list[tuple[str, Known, int]] = []
        folders = FolderCursor(self._root)
        for path, known in batch:
            content = _read_small(folders, path, known)
            if content is None:
                self._vanished.append(path)
                continue
            if known.sha256 not in at and known.sha256 not in self._places:
                at[known.sha256] = len(data)
                data += content
            found.append((path, known, at.get(known.sha256, 0)))
        folders.close()
        return bytes(data), found

    async def _send_large(self, path: str, known: Known) -> None:
        """Send a file in pieces that are the same wherever their content is."""
        parts: list[Part] = []
        digest = hashlib.sha256()
        try:
            async for piece in _pieces(self._root, path):
                await asyncio.to_thread(digest.update, piece)
                info = await self._put(piece)
                parts.append(Part(info.sha256, info.size, 0, info.size))
        except OSError:
            parts = []
        if digest.hexdigest() != known.sha256:
            self._vanished.append(path)
            return
        self._places[known.sha256] = tuple(parts)
        self._entries[path] = msgspec.structs.replace(known.entry(path), parts=tuple(parts))

    async def _put(self, data: bytes) -> TreeRef:
        sha256 = await asyncio.to_thread(lambda: hashlib.sha256(data).hexdigest())
        known = await self._objects.stat(sha256)
        # Also what is there is put: so it stays until a tree names it.
        await self._objects.put(data, sha256=sha256)
        if known is None or known.size != len(data):
            self._sent += len(data)
        return TreeRef(sha256, len(data))


async def _together(work: Sequence[Coroutine[Any, Any, None]]) -> None:
    """Do all of it; the first failure ends the rest and is raised."""
    tasks = [asyncio.create_task(one, name="tree-objects") for one in work]
    if not tasks:
        return
    try:
        await asyncio.wait(tasks, return_when=asyncio.FIRST_EXCEPTION)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
    for task in tasks:
        if not task.cancelled():
            task.result()


def _batches(files: list[tuple[str, Known]]) -> list[list[tuple[str, Known]]]:
    batches: list[list[tuple[str, Known]]] = []
    room = 0
    for path, known in files:
        if known.size > room:
            batches.append([])
            room = PIECE_BYTES
        batches[-1].append((path, known))
        room -= known.size
    return batches


async def _pieces(root: Path, path: str) -> AsyncIterator[bytes]:
    descriptor = await asyncio.to_thread(open_file, root, path)
    with os.fdopen(descriptor, "rb") as file:
        if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
            return
        while piece := await asyncio.to_thread(file.read, PIECE_BYTES):
            yield piece


def _read_small(folders: FolderCursor, path: str, known: Known) -> bytes | None:
    """Return a file's content; None when it is no longer what it was."""
    *above, name = path.split("/")
    try:
        with os.fdopen(folders.at(above).open(name), "rb", buffering=0) as file:
            content = file.read(known.size + 1)
    except OSError:
        return None
    return content if hashlib.sha256(content).hexdigest() == known.sha256 else None


def _make_files(paths: list[Path]) -> None:
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_NOFOLLOW", 0)
    for path in paths:
        os.close(os.open(path, flags, 0o600))


def _spread(
    source: Path, slices: list[tuple[Entry, Part, int]], staged: Mapping[str, Path]
) -> None:
    """Write the pieces of an object to where they belong, and remove it."""
    with source.open("rb") as whole:
        for entry, part, at in sorted(slices, key=lambda item: item[1].offset):
            whole.seek(part.offset)
            is_alone = len(entry.parts) == 1
            flags = os.O_WRONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_BINARY", 0)
            flags |= os.O_CREAT | os.O_EXCL if is_alone else 0
            digest = hashlib.sha256()
            with os.fdopen(os.open(staged[entry.path], flags, 0o600), "wb", buffering=0) as file:
                file.seek(at)
                left = part.length
                while left:
                    block = whole.read(min(left, _BLOCK))
                    digest.update(block)
                    _write_all(file, block)
                    left -= len(block)
            if is_alone and digest.hexdigest() != entry.sha256:
                raise _other_content(entry)
    source.unlink()


def _write_all(file: io.RawIOBase, block: bytes) -> None:
    view = memoryview(block)
    while view:
        view = view[file.write(view) or 0 :]


def _check(entries: Sequence[Entry], staged: Mapping[str, Path]) -> None:
    for entry in entries:
        with staged[entry.path].open("rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
        if digest != entry.sha256:
            raise _other_content(entry)


def _other_content(entry: Entry) -> CommandError:
    return CommandError(
        ErrorCode.ARTIFACT_CORRUPT,
        f"The content of {entry.path[:80]!r} in the store is another than it should be.",
        retry=Retry.NEVER,
        hint="Synchronise the project again; what is missing is then sent anew.",
    )
