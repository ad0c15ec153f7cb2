"""The kernel's word that a file has changed, where there is one (Linux).

Source: https://man7.org/linux/man-pages/man7/inotify.7.html
"""

from __future__ import annotations

import asyncio
import ctypes
import os
import struct
import sys
from typing import Any

_MODIFY, _ATTRIB, _MOVED_FROM, _MOVED_TO = 0x2, 0x4, 0x40, 0x80
_CREATE, _DELETE, _DELETE_SELF, _MOVE_SELF = 0x100, 0x200, 0x400, 0x800
_MASK = _MODIFY | _ATTRIB | _MOVED_FROM | _MOVED_TO | _CREATE | _DELETE | _DELETE_SELF | _MOVE_SELF
_OVERFLOW = 0x4000
_HEAD = struct.Struct("iIII")
_READ_BYTES = 64 * 1024


class FileWatch:
    """Ends waits when a file that they wait for is written, moved or removed."""

    def __init__(self, descriptor: int, library: Any) -> None:
        self._descriptor = descriptor
        self._library = library
        # A file that two wait for has one number.
        self._waiting: dict[int, set[asyncio.Future[None]]] = {}
        self._loop: asyncio.AbstractEventLoop | None = None

    @classmethod
    def open(cls) -> FileWatch | None:
        """Return one, or None where the system has none to give."""
        if sys.platform != "linux":
            return None
        try:
            library = ctypes.CDLL(None, use_errno=True)
            descriptor = library.inotify_init1(os.O_NONBLOCK | os.O_CLOEXEC)
        except (OSError, AttributeError):
            return None
        return cls(descriptor, library) if descriptor >= 0 else None

    def add(self, path: str, changed: asyncio.Future[None]) -> int | None:
        """End a wait when this file changes; returns what ``remove`` takes, None for a refusal."""
        number = self._library.inotify_add_watch(self._descriptor, os.fsencode(path), _MASK)
        if number < 0:
            return None
        if not self._waiting:
            self._loop = asyncio.get_running_loop()
            self._loop.add_reader(self._descriptor, self._read)
        self._waiting.setdefault(number, set()).add(changed)
        return number

    def remove(self, number: int, changed: asyncio.Future[None]) -> None:
        """Look no longer at a file for this wait."""
        waits = self._waiting.get(number)
        if waits is None:
            return
        waits.discard(changed)
        if not waits:
            del self._waiting[number]
            # Refused for a file that is gone, which is nothing to mend.
            self._library.inotify_rm_watch(self._descriptor, number)
        if not self._waiting and self._loop is not None:
            self._loop.remove_reader(self._descriptor)
            self._loop = None

    def close(self) -> None:
        """Give the descriptor back; nobody waits any more."""
        if self._loop is not None:
            self._loop.remove_reader(self._descriptor)
            self._loop = None
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1

    def _read(self) -> None:
        try:
            data = os.read(self._descriptor, _READ_BYTES)
        except (BlockingIOError, InterruptedError):
            return
        position = 0
        while position + _HEAD.size <= len(data):
            number, mask, _, size = _HEAD.unpack_from(data, position)
            position += _HEAD.size + size
            numbers = list(self._waiting) if mask & _OVERFLOW else [number]
            for changed in [c for n in numbers for c in self._waiting.get(n, ())]:
                if not changed.done():
                    changed.set_result(None)
