"""Writes a folder as a ``.tar.xz`` on all cores, the same bytes whatever the machine.

The archive is cut into parts that are compressed by themselves, each a stream of its own: xz, tar
and Python read streams that follow one another as one. Where the cuts are depends on nothing but
the contents, so that the number of cores changes the time alone.
"""

from __future__ import annotations

import lzma
import os
import tarfile
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import IO

# Larger parts gain little, and cost each core ten times as much memory.
_PART_BYTES = 32 * 1024 * 1024
# Higher steps save little, and take several times as long.
_PRESET = 2


def write_tar_xz(
    tree: Path, target: Path, change: Callable[[tarfile.TarInfo], tarfile.TarInfo]
) -> None:
    """Write ``tree`` with all that is in it, under its own name.

    Args:
        tree: the folder.
        target: the archive; there is none or a whole one.
        change: called for each entry, gives what is written of it.
    """
    part = target.with_name(f"{target.name}.part")
    try:
        with (
            part.open("wb") as file,
            _Parts(file) as parts,
            # A stream: what is written is never looked at again.
            tarfile.open(fileobj=parts, mode="w|") as archive,
        ):
            archive.add(tree, arcname=tree.name, filter=change)
        part.replace(target)
    finally:
        part.unlink(missing_ok=True)


class _Parts:
    """A file to write to, whose parts are compressed in threads and written in their order."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file
        self._threads = os.cpu_count() or 1
        self._pool = ThreadPoolExecutor(self._threads)
        self._waiting: deque[Future[bytes]] = deque()
        self._held = bytearray()

    def __enter__(self) -> _Parts:
        return self

    def __exit__(self, kind: object, *_: object) -> None:
        try:
            if kind is None:
                self._give(bytes(self._held))
                self._take(all_of_them=True)
        finally:
            self._pool.shutdown(cancel_futures=True)

    def write(self, data: bytes) -> int:
        """Take what follows."""
        self._held += data
        while len(self._held) >= _PART_BYTES:
            self._give(bytes(self._held[:_PART_BYTES]))
            del self._held[:_PART_BYTES]
            self._take(all_of_them=False)
        return len(data)

    def _give(self, data: bytes) -> None:
        if data:
            self._waiting.append(self._pool.submit(lzma.compress, data, preset=_PRESET))

    def _take(self, *, all_of_them: bool) -> None:
        # Not more parts in memory than threads have to do.
        while self._waiting and (all_of_them or len(self._waiting) > self._threads):
            self._file.write(self._waiting.popleft().result())
