"""The axes of the graphs: time before now or of the clock, and values in units that people read."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, datetime

import pyqtgraph as pg
from PySide6.QtCore import QCoreApplication

AXIS_WIDTH = 66
_STEPS_S = (
    1, 2, 5, 10, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 4 * 3600, 6 * 3600, 12 * 3600,
    86_400, 2 * 86_400, 7 * 86_400,
)  # fmt: skip
_PIXELS_PER_TICK = 64


def _tr(source: str) -> str:
    return QCoreApplication.translate("Graphs", source)


class TimeAxis(pg.AxisItem):
    """Seconds before the right edge: ``45 s``, ``3 min``, ``now``; of the clock where it stands.

    ``end_ns`` is the moment of zero where the graph stands still, None where it is now.
    """

    end_ns: int | None = None

    def tickStrings(self, values: Sequence[float], scale: float, spacing: float) -> list[str]:
        """Return the labels of the ticks."""
        if self.end_ns is None:
            return [_ago(value) for value in values]
        return [self._clock(self.end_ns / 1e9 + value, spacing) for value in values]

    def tickValues(
        self, minVal: float, maxVal: float, size: float
    ) -> list[tuple[float, list[float]]]:
        """Return ticks of a round step: before now, or of the clock."""
        room = max(2.0, size / _PIXELS_PER_TICK)
        step = next((s for s in _STEPS_S if (maxVal - minVal) / s <= room), _STEPS_S[-1])
        if self.end_ns is None:
            return [(step, [-float(step) * n for n in range(int(-minVal // step) + 1)])]
        zone = datetime.fromtimestamp(self.end_ns / 1e9, UTC).astimezone().utcoffset()
        local = self.end_ns / 1e9 + (zone.total_seconds() if zone is not None else 0.0)
        first = -(local % step)
        count = int((first - minVal) // step) + 1
        return [(step, [first - step * n for n in range(max(0, count))])]

    @staticmethod
    def _clock(at_s: float, spacing: float) -> str:
        local = datetime.fromtimestamp(round(at_s), UTC).astimezone()
        if spacing >= 86_400:
            return f"{local:%d %b}"
        if spacing >= 4 * 3600 and local.hour == 0:
            return f"{local:%d %b}"
        return f"{local:%H:%M}" if spacing >= 60 else f"{local:%H:%M:%S}"


def _ago(value: float) -> str:
    seconds = round(-value)
    if seconds <= 0:
        return _tr("now")
    for size, name in ((86_400, "d"), (3600, "h"), (60, "min")):
        if seconds >= size and seconds % size == 0:
            return f"{seconds // size} {name}"
    return f"{seconds} s" if seconds < 120 else f"{seconds / 60:.0f} min"


class ValueAxis(pg.AxisItem):
    """Values at zero, half and full height, written with a formatter, in a fixed width."""

    top_value = 1.0

    def __init__(self, format_value: Callable[[float], str]) -> None:
        super().__init__("left")
        self._format = format_value
        self.setWidth(AXIS_WIDTH)

    def tickValues(
        self, minVal: float, maxVal: float, size: float
    ) -> list[tuple[float, list[float]]]:
        """Return three ticks that never move while the range stays."""
        top = self.top_value
        return [(top / 2, [0.0, top / 2, top])]

    def tickStrings(self, values: Sequence[float], scale: float, spacing: float) -> list[str]:
        """Return the labels of the ticks."""
        return [self._format(value) for value in values]
