"""A video: its first frame where ffmpeg is installed, else its facts and the reason."""

from __future__ import annotations

import asyncio

from PySide6.QtGui import QImage
from PySide6.QtWidgets import QVBoxLayout

from slate_desktop.errors import SlateError
from slate_desktop.ui.documents.audio.ruler import clock
from slate_desktop.ui.documents.document import Document
from slate_desktop.ui.documents.facts import FactsRow
from slate_desktop.ui.documents.hex_view import facts_of
from slate_desktop.ui.documents.picture import PictureView
from slate_desktop.ui.text import wrapped_label


class VideoDocument(Document):
    """One video."""

    icon = "film"

    async def load(self) -> None:
        """Read facts and first frame."""
        facts = await asyncio.to_thread(facts_of, self.path)
        page = self.new_page()
        self.facts = FactsRow(page)
        self.reason = wrapped_label(role="muted")
        self.reason.setContentsMargins(14, 10, 14, 10)
        self.view = PictureView(self.theme, self.tr("First frame"))
        try:
            reading = await self.context.reader.read("video:first_frame", self.path)
        except SlateError as error:
            self.reason.setText(self.tr("No picture: {why}").format(why=error))
            self.view.hide()
        else:
            result = reading.result
            pixels = reading.plane(result["plane"])
            height, width = pixels.shape[:2]
            image = QImage(
                pixels.tobytes(), width, height, width * 4, QImage.Format.Format_RGBA8888
            )
            self.view.set_image(image.copy())
            await asyncio.to_thread(reading.close)
            size = f"{result['width']} × {result['height']}"
            facts[:1] = [
                (self.tr("Video"), f"{result['codec']}, {size}, {result['rate']:g} fps"),
                (self.tr("Length"), clock(float(result["seconds"]), 0.1)),
            ]
            self.reason.setText(
                self.tr("This is the first frame. Open the file in another program to see it play.")
            )
        self.facts.set_facts(facts)
        column = QVBoxLayout(page)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        column.addWidget(self.facts)
        column.addWidget(self.reason)
        column.addWidget(self.view, 1)
        if not self.view.isVisibleTo(page):
            column.addStretch(1)
        self.show_content(page)
