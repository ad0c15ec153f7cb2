"""Any file that has no view of its own: what can be said of it, and its bytes."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator

from PySide6.QtWidgets import QVBoxLayout

from slate_desktop.ui.documents.document import Document
from slate_desktop.ui.documents.facts import FactsRow
from slate_desktop.ui.documents.hex_view import HexView, facts_of


class HexDocument(Document):
    """Metadata above, bytes below."""

    def make(self) -> Iterator[None]:
        """Make the table of facts and the view."""
        page = self._page = self.new_page()
        layout = QVBoxLayout(page)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(0)
        self.facts = FactsRow(page)
        layout.addWidget(self.facts)
        yield
        self.view = HexView(self.theme, page)
        layout.addWidget(self.view, 1)
        page.setFocusProxy(self.view)

    async def load(self) -> None:
        """Read the facts; bytes are read as they are looked at."""
        facts = await asyncio.to_thread(facts_of, self.path)
        self.facts.set_facts(facts)
        await self.view.open(self.path)
        self.show_content(self._page)
