"""Figures and times as people read them, and labels that cannot be tricked.

Everything that came from outside (names, messages, paths) reaches a label through
:func:`plain_label` or :class:`ElidedLabel`, never as rich text.
"""

from __future__ import annotations

import contextlib
import unicodedata
from collections.abc import Iterator
from datetime import UTC, datetime

from PySide6.QtCore import QSize, Qt
from PySide6.QtGui import QPainter, QPaintEvent, QResizeEvent
from PySide6.QtWidgets import (
    QAbstractButton,
    QFormLayout,
    QLabel,
    QSizePolicy,
    QSpinBox,
    QStyle,
    QStyleOption,
    QWidget,
)

from slate_desktop.domain.sizes import format_bytes

# Control characters but tab and newline, and the marks that turn the direction of text.
_UNSAFE = dict.fromkeys(
    [*range(0x20), 0x7F, *range(0x80, 0xA0), *range(0x202A, 0x202F), *range(0x2066, 0x206A)]
)
for _kept in (0x09, 0x0A):
    _UNSAFE.pop(_kept, None)

_LEFT_TO_RIGHT = "\u200e"


def clean(text: str) -> str:
    """Return ``text`` without control characters and direction marks."""
    return text.translate(_UNSAFE)


def format_rate(bytes_per_s: float) -> str:
    """Return ``12.3 KB/s`` and the like."""
    return f"{format_bytes(bytes_per_s)}/s"


def format_share(share: float) -> str:
    """Return ``12 %`` for 0.12."""
    return f"{100 * share:.0f} %"


def format_duration(seconds: float) -> str:
    """Return ``42 s``, ``3 min 05 s`` or ``2 h 07 min``."""
    whole = max(0, int(seconds))
    if whole < 60:
        return f"{whole} s"
    minutes, rest = divmod(whole, 60)
    if minutes < 60:
        return f"{minutes} min {rest:02d} s"
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes:02d} min"


def format_running(seconds: float) -> str:
    """Return ``42 s``, ``12 min`` or ``2 h 07 min``: no seconds that would count beside a name."""
    whole = max(0, int(seconds))
    return f"{whole // 60} min" if 60 <= whole < 3600 else format_duration(whole)


def format_age(moment: datetime) -> str:
    """Return how long ago a moment was: ``42 s``, ``12 min``, ``3 h`` or ``5 d``."""
    seconds = max(0, int((datetime.now(UTC) - moment).total_seconds()))
    for size, name in ((86_400, "d"), (3600, "h"), (60, "min")):
        if seconds >= size:
            return f"{seconds // size} {name}"
    return f"{seconds} s"


def format_time(moment: datetime) -> str:
    """Return a moment in the user's time zone: the time today, else with the date."""
    local = moment.astimezone()
    is_today = local.date() == datetime.now(UTC).astimezone().date()
    return local.strftime("%H:%M:%S" if is_today else "%Y-%m-%d %H:%M")


def plain_label(text: str = "", *, role: str = "", parent: QWidget | None = None) -> QLabel:
    """Return a label that shows its text literally; ``role`` is a text role of the style sheet."""
    label = QLabel(parent)
    label.setTextFormat(Qt.TextFormat.PlainText)
    label.setText(text)
    if role:
        label.setProperty("role", role)
    return label


def wrapped_label(text: str = "", *, role: str = "", parent: QWidget | None = None) -> QLabel:
    """Return a plain label that breaks its lines and lets its text be selected."""
    label = _WrappedLabel(parent)
    label.setTextFormat(Qt.TextFormat.PlainText)
    label.setText(text)
    if role:
        label.setProperty("role", role)
    label.setWordWrap(True)
    label.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
    return label


class _WrappedLabel(QLabel):
    """Wants as many lines as its text has at a usual width; Qt asks for a square."""

    _WIDTH = 420

    def sizeHint(self) -> QSize:
        lines = self.text().split("\n")
        longest = max(self.fontMetrics().horizontalAdvance(line) for line in lines)
        margins = self.contentsMargins()
        width = min(longest + margins.left() + margins.right() + 2 * self.margin() + 2, self._WIDTH)
        return QSize(width, max(self.heightForWidth(width), self.fontMetrics().height()))


def align_labels(*forms: QFormLayout) -> None:
    """Let the fields of forms that stand below each other begin at one edge."""
    items = [
        form.itemAt(row, QFormLayout.ItemRole.LabelRole)
        for form in forms
        for row in range(form.rowCount())
    ]
    labels = [label for item in items if item is not None and (label := item.widget()) is not None]
    widest = max((label.sizeHint().width() for label in labels), default=0)
    for label in labels:
        label.setMinimumWidth(widest)


def set_role(widget: QWidget, role: str) -> None:
    """Change a widget's text role and repaint it with the new one."""
    if widget.property("role") != role:
        widget.setProperty("role", role)
        widget.style().unpolish(widget)
        widget.style().polish(widget)


def spin_box() -> QSpinBox:
    """Return a field for a number, whose text begins where that of other fields begins.

    The style sheet's padding does not reach the text of spin boxes.
    """
    box = QSpinBox()
    box.lineEdit().setTextMargins(5, 0, 0, 0)
    return box


def set_primary(button: QAbstractButton) -> None:
    """Make a button the one that is most likely wanted.

    A button box has its buttons styled when they are added, before anything can be said of them.
    """
    button.setProperty("primary", True)
    button.style().unpolish(button)
    button.style().polish(button)


def set_danger(button: QAbstractButton) -> None:
    """Make a button look like what it does: it destroys something."""
    button.setProperty("danger", True)
    button.style().unpolish(button)
    button.style().polish(button)


@contextlib.contextmanager
def _without_layout(widget: QWidget) -> Iterator[None]:
    """Change a widget's text without having what is around it laid out anew.

    WORKAROUND(Qt 6.11): labels and buttons have every layout up to the window's done again for each
    text, also where they need no other room, and some texts change every second. One that says it
    is hidden does not. May go when their `setText` looks at the hints before and after:
    https://code.qt.io/cgit/qt/qtbase.git/tree/src/widgets/widgets/qlabel.cpp (qabstractbutton.cpp)
    """
    hidden, was_hidden = Qt.WidgetAttribute.WA_WState_Hidden, widget.isHidden()
    widget.setAttribute(hidden, True)
    try:
        yield
    finally:
        widget.setAttribute(hidden, was_hidden)


def set_counting_text(button: QAbstractButton, text: str) -> None:
    """Change the text of a button that counts; what is around it moves with its digits alone.

    Digits differ in width by a pixel or two, for which nothing is laid out anew.
    """
    if button.text() == text:
        return
    if not button.isVisible():
        button.setText(text)
        return
    with _without_layout(button):
        button.setText(text)
    digit = button.fontMetrics().horizontalAdvance("0")
    if not 0 <= button.width() - button.sizeHint().width() < digit:
        button.updateGeometry()


class ElidedLabel(QLabel):
    """One line that is shortened with an ellipsis where it does not fit; the tooltip has all.

    Args:
        least: with less room than so many pixels a text that does not fit is not shown at all.
    """

    def __init__(
        self,
        text: str = "",
        parent: QWidget | None = None,
        *,
        mode: Qt.TextElideMode = Qt.TextElideMode.ElideRight,
        role: str = "",
        least: int = 0,
    ) -> None:
        super().__init__(parent)
        self._mode, self._least = mode, least
        # What the tooltip was last made for: measuring a text takes longer than showing most.
        self._tip_of = ("", 0)
        self.setTextFormat(Qt.TextFormat.PlainText)
        self.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Preferred)
        if role:
            self.setProperty("role", role)
        self.setText(text)

    def setText(self, text: str) -> None:
        """Show ``text``, cleaned of control characters."""
        line = clean(text).replace("\n", " ")
        if line != self.text():
            self._change(line)
        if self._tip_of != (line, self.width()):
            self._update_tip()

    def minimumSizeHint(self) -> QSize:
        """Allow any width."""
        return QSize(24, super().minimumSizeHint().height())

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Offer the whole text as tooltip only where it is cut."""
        super().resizeEvent(event)
        self._update_tip()

    def paintEvent(self, event: QPaintEvent) -> None:
        """Paint the shortened text."""
        painter = QPainter(self)
        option = QStyleOption()
        option.initFrom(self)
        rect = self.contentsRect()
        text = self.shown(rect.width())
        self.style().drawItemText(
            painter,
            rect,
            int(self.alignment() | Qt.AlignmentFlag.AlignVCenter),
            option.palette,
            bool(option.state & QStyle.StateFlag.State_Enabled),
            text,
            self.foregroundRole(),
        )

    def shown(self, width: int) -> str:
        """Return what stands in so many pixels."""
        is_cut = self.fontMetrics().horizontalAdvance(self.text()) > width
        if is_cut and width < self._least:
            return ""
        return self.fontMetrics().elidedText(self.text(), self._mode, width)

    def _change(self, line: str) -> None:
        parent, policy = self.parentWidget(), self.sizePolicy().horizontalPolicy()
        is_place_kept = policy is QSizePolicy.Policy.Ignored and bool(line) == bool(self.text())
        if is_place_kept and parent is not None and parent.layout() is not None:
            with _without_layout(self):
                super().setText(line)
        else:
            super().setText(line)

    def _update_tip(self) -> None:
        self._tip_of = self.text(), self.width()
        is_cut = self.fontMetrics().horizontalAdvance(self.text()) > self.contentsRect().width()
        # Zero-width space first: Qt guesses rich text from a leading tag.
        tip = f"\u200b{self.text()}" if is_cut else ""
        if tip != self.toolTip():
            self.setToolTip(tip)


class PartsLabel(ElidedLabel):
    """One line of parts, of which it shows as many as fit; the tooltip has all."""

    SEPARATOR = "   ·   "

    def shown(self, width: int) -> str:
        """Return the parts that stand in so many pixels, or the beginning of the first."""
        parts = self.text().split(self.SEPARATOR)
        while len(parts) > 1 and self._advance(self.SEPARATOR.join(parts)) > width:
            parts.pop()
        return self.fontMetrics().elidedText(self.SEPARATOR.join(parts), self._mode, width)

    def _advance(self, text: str) -> int:
        return self.fontMetrics().horizontalAdvance(text)


def beside(name: str, mark: str) -> str:
    """Return a name with what tells it from others, such as the beginning of an id.

    A name that ends from right to left would draw the digits of the mark into itself.
    """
    is_turned = any(unicodedata.bidirectional(letter) in ("R", "AL") for letter in name)
    return f"{name}{_LEFT_TO_RIGHT if is_turned else ''} · {mark}"


def explain(widget: QWidget, words: str) -> None:
    """Say what a control is for: to the pointer that rests on it, and in “What is this?”."""
    widget.setProperty("explained", words)
    widget.setToolTip(_tip(words))
    widget.setWhatsThis(_tip(words))


def set_invalid(field: QWidget, reason: str) -> None:
    """Mark a field as wrong with the reason in its tooltip; an empty reason clears the mark."""
    is_invalid = bool(reason)
    if bool(field.property("invalid")) != is_invalid:
        field.setProperty("invalid", is_invalid)
        field.style().unpolish(field)
        field.style().polish(field)
    field.setToolTip(_tip(reason or field.property("explained") or ""))


def _tip(words: str) -> str:
    # Qt takes a text that begins like HTML for HTML.
    return f"\u200b{words}" if words else ""
