"""The place of the asset browser: it is made when somebody first sees it, not at the start."""

from __future__ import annotations

import asyncio
import importlib
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import Signal
from PySide6.QtGui import QPaintEvent
from PySide6.QtWidgets import QStackedLayout, QWidget

from slate_desktop.ui.documents.document import DocumentContext
from slate_desktop.ui.empty import EmptyState

if TYPE_CHECKING:
    from slate_desktop.ui.assets.browser import AssetBrowser

# Slow to read, and plain code: a thread reads it while the window answers.
_PLAIN = (
    "slate_desktop.control.asset_index",
    "slate_desktop.control.asset_choices",
    "slate_desktop.pipeline.preview.model_worker",
)


class AssetPane(QWidget):
    """Shows the browser of the chosen project's folder, or what to do first.

    ``process_wanted`` carries the paths of the selected assets, ``bar_made`` the browser's tools.

    Args:
        kept: what the browser's tools said the last time.
    """

    open_wanted = Signal(object)
    failed = Signal(object, str)
    process_wanted = Signal(object)
    bar_made = Signal(object)
    scanned = Signal()

    def __init__(self, context: DocumentContext, empty: EmptyState, *, kept: object = None) -> None:
        super().__init__()
        self._context, self._kept = context, kept
        self.browser: AssetBrowser | None = None
        self.root: Path | None = None
        self._is_making = self._is_seen = False
        self._states: Mapping[str, str] = {}
        self._can_process = False
        self._stack = QStackedLayout(self)
        self._stack.addWidget(empty)
        self.empty = empty

    def set_root(self, root: Path | None) -> None:
        """Show the assets below a folder."""
        self.root = root
        if self.browser is not None:
            self.browser.set_root(root)
            self._stack.setCurrentWidget(self.empty if root is None else self.browser)
            self.browser.bar.setVisible(root is not None)
        else:
            self._make_soon()

    def set_states(self, states: Mapping[str, str]) -> None:
        """Show which assets are processed, stale or failed, by path."""
        self._states = states
        if self.browser is not None:
            self.browser.set_states(states)

    def set_can_process(self, can_process: bool) -> None:
        """Say whether assets can be submitted: that needs a project and a connection."""
        self._can_process = can_process
        if self.browser is not None:
            self.browser.set_can_process(can_process)

    def paintEvent(self, event: QPaintEvent) -> None:
        """Make the browser: only painting tells that it is seen, not behind another tab."""
        super().paintEvent(event)
        self._is_seen = True
        self._make_soon()

    def remember(self, tables: dict[str, Any]) -> None:
        """Write what the tools say; as long as nobody saw them, what was kept stays."""
        if self.browser is not None:
            tables["assets"] = self.browser.bar.to_json()

    async def aclose(self) -> None:
        """End what makes pictures."""
        if self.browser is not None:
            await self.browser.aclose()

    def _make_soon(self) -> None:
        if self._is_seen and self.root is not None and not self._is_making:
            self._is_making = True
            self._context.tasks.spawn(self._make(), "make asset browser", self)

    async def _make(self) -> None:
        await asyncio.to_thread(lambda: [importlib.import_module(name) for name in _PLAIN])
        from slate_desktop.ui.assets.browser import AssetBrowser

        browser = self.browser = AssetBrowser(self._context)
        browser.bar.restore(self._kept)
        browser.open_wanted.connect(self.open_wanted)
        browser.failed.connect(self.failed)
        browser.process_wanted.connect(self.process_wanted)
        browser.counted.connect(lambda _count: self.scanned.emit())
        browser.chosen.connect(self.scanned)
        browser.set_states(self._states)
        browser.set_can_process(self._can_process)
        self.bar_made.emit(browser.bar)
        self._stack.addWidget(browser)
        self.set_root(self.root)
