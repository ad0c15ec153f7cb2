"""Any file that has no view of its own: what can be said of it, and its bytes."""

from __future__ import annotations

import asyncio

from PySide6.QtWidgets import QVBoxLayout, QWidget

from slate_desktop.ui.documents.document import Document
from slate_desktop.ui.documents.facts import FactsRow
from slate_desktop.ui.documents.hex_view import HexView, facts_of


class HexDocument(Document):
    """Metadata above, bytes below."""

    async def load(self) -> None:
        """Read the facts; bytes are read as they are looked at."""
        facts = await asyncio.to_thread(facts_of, self.path)
        page = QWidget()
        layout = QVBoxLayout(page)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(0)
        self.facts = FactsRow()
        self.facts.set_facts(facts)
        self.view = HexView(self.theme)
        await self.view.open(self.path)
        layout.addWidget(self.facts)
        layout.addWidget(self.view, 1)
        page.setFocusProxy(self.view)
        self.show_content(page)
