"""A font: a sheet with a text of one's own in several sizes, and the alphabet."""

from __future__ import annotations

import asyncio
from pathlib import Path

from PySide6.QtCore import Qt, QTimer
from PySide6.QtGui import QImage, QPainter, QPixmap
from PySide6.QtWidgets import QHBoxLayout, QLabel, QLineEdit, QScrollArea, QVBoxLayout, QWidget

from slate_desktop.errors import SlateError
from slate_desktop.translation import sentence
from slate_desktop.ui.documents.document import Document, DocumentContext
from slate_desktop.ui.documents.reader import Reading
from slate_desktop.ui.text import ElidedLabel, plain_label, set_invalid

_TEXT = "The quick brown fox jumps over the lazy dog"
_DELAY_MS = 250
_WIDTH = 1600


class FontDocument(Document):
    """One font."""

    icon = "type"

    def __init__(self, path: Path, context: DocumentContext) -> None:
        super().__init__(path, context)
        self.field = QLineEdit(_TEXT)
        self.field.setAccessibleName(self.tr("Sample text"))
        self.field.setMaxLength(200)
        self.name = ElidedLabel(role="muted")
        self.sheet = plain_label()
        self.sheet.setAlignment(Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignTop)
        self._mask: QImage | None = None
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.setInterval(_DELAY_MS)
        self._timer.timeout.connect(
            lambda: context.tasks.spawn(self._draw_again(), "draw font", self)
        )
        self.field.textChanged.connect(lambda _text: self._timer.start())
        self.theme.changed.connect(self._tint)
        self._page = self.new_page()
        self._lay_out()

    async def load(self) -> None:
        """Let a child draw the sheet."""
        await self._draw()
        self.show_content(self._page)

    async def _draw_again(self) -> None:
        try:
            await self._draw()
        except SlateError as error:
            set_invalid(self.field, sentence(str(error)))

    async def _draw(self) -> None:
        ratio = self.devicePixelRatioF()
        reading: Reading = await self.context.reader.read(
            "font:sample_sheet",
            self.path,
            text=self.field.text() or _TEXT,
            width=round(_WIDTH * ratio),
            scale=ratio,
        )
        pixels = reading.plane(reading.result["plane"])
        height, width = pixels.shape
        image = QImage(pixels.tobytes(), width, height, width, QImage.Format.Format_Alpha8)
        self._mask = image.copy()
        self._mask.setDevicePixelRatio(ratio)
        await asyncio.to_thread(reading.close)
        set_invalid(self.field, "")
        self.name.setText(f"{reading.result['family']} {reading.result['style']}")
        self._tint()

    def _tint(self) -> None:
        """Put the sheet into the text's colour."""
        if self._mask is None:
            return
        pixmap = QPixmap(self._mask.size())
        pixmap.fill(Qt.GlobalColor.transparent)
        painter = QPainter(pixmap)
        painter.fillRect(pixmap.rect(), self.theme.tokens.color("text.normal"))
        painter.setCompositionMode(QPainter.CompositionMode.CompositionMode_DestinationIn)
        mask = QImage(self._mask)
        mask.setDevicePixelRatio(1.0)
        painter.drawImage(0, 0, mask)
        painter.end()
        pixmap.setDevicePixelRatio(self._mask.devicePixelRatio())
        self.sheet.setPixmap(pixmap)

    def _lay_out(self) -> None:
        page = self._page
        bar = QWidget(page)
        bar.setObjectName("paneBar")
        bar.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
        row = QHBoxLayout(bar)
        row.setContentsMargins(12, 6, 12, 6)
        row.addWidget(self.field, 2)
        row.addWidget(self.name, 1)
        area = QScrollArea()
        area.setWidget(_top_left(self.sheet))
        area.setWidgetResizable(True)
        column = QVBoxLayout(page)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        column.addWidget(bar)
        column.addWidget(area, 1)
        page.setFocusProxy(self.field)


def _top_left(label: QLabel) -> QWidget:
    holder = QWidget()
    holder.setObjectName("page")
    holder.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
    column = QVBoxLayout(holder)
    column.setContentsMargins(0, 0, 0, 0)
    column.addWidget(label)
    return holder
