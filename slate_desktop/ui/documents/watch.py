"""Notices that a file was changed by somebody else: written in place, or replaced by another."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtCore import QFileSystemWatcher, QObject, QTimer, Signal

_SETTLE_MS = 200

Stamp = tuple[int, int, int]


def stamp_of(path: Path) -> Stamp | None:
    """Return what changes when a file's content does: time (ns), size, inode; None: it is gone."""
    try:
        info = path.stat()
    except OSError:
        return None
    return info.st_mtime_ns, info.st_size, info.st_ino


class FileWatch(QObject):
    """Watches one file and the folder it is in, since editors replace files.

    ``changed`` comes once things have settled, and only when the stamp differs from ``stamp``.
    """

    changed = Signal()

    def __init__(self, path: Path, stamp: Stamp | None, parent: QObject) -> None:
        super().__init__(parent)
        self._path, self.stamp = path, stamp
        self._watcher = QFileSystemWatcher(self)
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.setInterval(_SETTLE_MS)
        self._timer.timeout.connect(self._look)
        self._watcher.fileChanged.connect(lambda _path: self._timer.start())
        self._watcher.directoryChanged.connect(lambda _path: self._timer.start())
        self._watcher.addPath(str(path.parent))
        self._watcher.addPath(str(path))

    def _look(self) -> None:
        if str(self._path) not in self._watcher.files():
            # A replaced file is another one: the old watch went with it.
            self._watcher.addPath(str(self._path))
        stamp = stamp_of(self._path)
        if stamp != self.stamp:
            self.stamp = stamp
            self.changed.emit()
