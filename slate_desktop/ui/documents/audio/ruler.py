"""The times above a sound: how far apart they stand, what they say, and how they are drawn."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import NamedTuple

from PySide6.QtCore import QLineF, QPointF, QRectF
from PySide6.QtGui import QFontMetrics, QPainter

from slate_desktop.ui.theme import Theme

# Seconds: decimal below a minute, then what clocks have.
_STEPS = (
    *(0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 15, 30),
    *(60, 120, 300, 600, 900, 1800, 3600, 7200, 18_000, 36_000),
)
# In pixels: beside a time, between one time and the next tick, between ticks without a time.
_INDENT, _GAP, _LEAST_TICK = 4, 10, 7
_PAD = 3


class Steps(NamedTuple):
    """How far apart times stand, and ticks without one, seconds."""

    time: float
    tick: float


def steps(start: float, span: float, width: int, advance: Callable[[str], int]) -> Steps:
    """Return the smallest steps at which no time touches the next.

    Args:
        start: the first second in sight.
        span: how many are, above 0.
        width: of what is in sight, pixels.
        advance: tells how wide a text is, pixels.
    """
    scale = max(1, width) / span

    def fits(step: float) -> bool:
        # The last one has the most digits.
        return step * scale >= _INDENT + advance(clock(start + span, step)) + _GAP

    time = next((step for step in _STEPS if fits(step)), _STEPS[-1])
    while not fits(time):  # a header may claim any length
        time *= 10
    parts = (each for each in _STEPS if each < time and _divides(each, time))
    return Steps(time, next((each for each in parts if each * scale >= _LEAST_TICK), time))


def height(metrics: QFontMetrics) -> int:
    """Return the height of a ruler in a font, pixels."""
    return metrics.height() + 2 * _PAD


def paint(painter: QPainter, theme: Theme, start: float, span: float, width: int) -> None:
    """Draw the ruler at the top of what ``painter`` paints, in its font."""
    tokens, metrics = theme.tokens, painter.fontMetrics()
    bottom = height(metrics)
    painter.fillRect(QRectF(0, 0, width, bottom), tokens.color("surface.panel"))
    found = steps(start, span, width, metrics.horizontalAdvance)

    def place(number: int, step: float) -> float:
        return (number * step - start) / span * width

    painter.setPen(tokens.color("surface.border_strong"))
    painter.drawLine(QLineF(0, bottom - 0.5, width, bottom - 0.5))
    ticks = (place(number, found.tick) for number in _numbers(start, span, found.tick))
    painter.drawLines([QLineF(x, bottom - 4, x, bottom) for x in ticks])
    times = [(place(n, found.time), n) for n in _numbers(start, span, found.time)]
    painter.setPen(tokens.color("text.faint"))
    painter.drawLines([QLineF(x, bottom - 9, x, bottom) for x, _ in times])
    painter.setPen(tokens.color("text.muted"))
    for x, number in times:
        words = clock(number * found.time, found.time)
        # Half of a time is another time.
        if x + _INDENT + metrics.horizontalAdvance(words) <= width:
            painter.drawText(QPointF(x + _INDENT, _PAD + metrics.ascent()), words)


def clock(seconds: float, step: float = 0.01) -> str:
    """Return ``1:23.45``, or ``1:01:23`` from an hour on, with as many places as ``step`` needs."""
    places = 0 if step >= 1 else 1 if step >= 0.1 else 2 if step >= 0.01 else 3
    # Rounded first: 59.999 is no 60 seconds of the same minute.
    minutes, rest = divmod(round(seconds, places), 60)
    hours, minutes = divmod(int(minutes), 60)
    words = f"{rest:0{3 + places if places else 2}.{places}f}"
    return f"{hours}:{minutes:02}:{words}" if hours else f"{minutes}:{words}"


def _numbers(start: float, span: float, step: float) -> range:
    """Return which multiples of a step are in sight."""
    return range(math.ceil(start / step - 1e-9), math.floor((start + span) / step + 1e-9) + 1)


def _divides(part: float, whole: float) -> bool:
    ratio = whole / part
    return abs(ratio - round(ratio)) < 1e-6
