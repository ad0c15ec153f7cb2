"""Follows a search over everything that is stored: starts it, says how far it is, steps through it.

Owns no widget and no line; the search itself is the control layer's.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, QTimer, Signal

from slate_desktop.translation import plural
from slate_desktop.ui.tasks import TaskGroupOwner

if TYPE_CHECKING:
    from slate_desktop.control.log_search import LogSearch

_TYPING_MS = 200
_NEWS_MS = 1_000

Make = Callable[[], "LogSearch | None"]


class Finder(QObject):
    """One search at a time. ``begin`` waits until the typing has ended."""

    changed = Signal()

    def __init__(self, tasks: TaskGroupOwner, newest: Callable[[], int], parent: QObject) -> None:
        super().__init__(parent)
        self.search: LogSearch | None = None
        self._tasks, self._newest = tasks, newest
        self._make: Make | None = None
        self._task: asyncio.Task[object] | None = None
        self._moved = asyncio.Event()
        self._typing = QTimer(self)
        self._typing.setSingleShot(True)
        self._typing.setInterval(_TYPING_MS)
        self._typing.timeout.connect(self._start)
        # Lines that come while a search stands are looked at now and then.
        self._news = QTimer(self)
        self._news.setInterval(_NEWS_MS)
        self._news.timeout.connect(self._look_at_news)

    def begin(self, make: Make) -> None:
        """Search for something else: ``make`` gives the search when it is to start."""
        self.end()
        self._make = make
        self._typing.start()

    def end(self) -> None:
        """Forget the search."""
        self._typing.stop()
        self._news.stop()
        self._make = None
        if self._task is not None:
            self._task.cancel()
            self._task = None
        if self.search is not None:
            self.search = None
            self.changed.emit()
        self._moved.set()

    def state(self, seq: int | None) -> str:
        """Return how far the search is, in words; ``seq`` is the line where it stands."""
        search = self.search
        if search is None:
            return ""
        if search.error is not None:
            return self.tr("The stored log cannot be read now")
        if search.is_done and not search.count:
            return self.tr("No match")
        text = plural("{count:,} line", "{count:,} lines", search.count)
        if seq is not None and search.count:
            place = f"{search.position(seq):,}"
            text = plural(
                "{place} of {count:,} line", "{place} of {count:,} lines", search.count, place=place
            )
        if not search.is_done:
            text += self.tr(" · {share} % searched").format(share=int(search.progress * 100))
        return text

    async def step(self, seq: int, direction: int) -> int | None:
        """Return the next line found after (1) or before (-1) a number; waits for the first."""
        if self._typing.isActive():
            self._typing.stop()
            self._start()
        search = self.search
        while search is not None and search is self.search:
            found = search.next(seq, direction)
            if found is not None or search.is_done:
                return found
            self._moved.clear()
            await self._moved.wait()
        return None

    def _start(self) -> None:
        try:
            search = self._make() if self._make is not None else None
        except re.error:
            return
        if search is None:
            return
        self.search = search
        search.changed.connect(self._on_changed)
        self._task = self._tasks.spawn(search.run(), "console search", self)
        self._news.start()
        self._on_changed()

    def _look_at_news(self) -> None:
        search = self.search
        if search is None or not search.is_done or search.error is not None:
            return
        if (self._task is None or self._task.done()) and self._newest() > search.last:
            self._task = self._tasks.spawn(
                self._extend(search, self._newest()), "console search", self
            )

    async def _extend(self, search: LogSearch, last: int) -> None:
        from slate_desktop.errors import SlateError

        try:
            await search.extend(last)
        except SlateError as exc:
            search.error = exc
            self._on_changed()

    def _on_changed(self) -> None:
        self._moved.set()
        self.changed.emit()
