"""The axes of the graphs: time before now or of the clock, and which of it is written."""

from __future__ import annotations

from datetime import UTC, datetime

from PySide6.QtCore import QCoreApplication

AXIS_WIDTH = 66
_STEPS_S = (
    1, 2, 5, 10, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 4 * 3600, 6 * 3600, 12 * 3600,
    86_400, 2 * 86_400, 7 * 86_400,
)  # fmt: skip
_PIXELS_PER_TICK = 64


def _tr(source: str) -> str:
    return QCoreApplication.translate("Graphs", source)


def time_ticks(span_s: float, end_ns: int | None, width: float) -> list[tuple[float, str]]:
    """Return the ticks of a time axis, each with its label.

    Args:
        span_s: seconds from the left edge to zero; a twentieth of them lies right of it.
        end_ns: the moment of zero (UTC nanoseconds), None for now.
        width: of the axis in pixels.

    Returns:
        Seconds before zero, as negative numbers of a round step before now or of the clock, with
        ``45 s``, ``3 min`` or ``now``, or the time of the clock.
    """
    room = max(2.0, width / _PIXELS_PER_TICK)
    step = next((s for s in _STEPS_S if span_s * 1.05 / s <= room), _STEPS_S[-1])
    if end_ns is None:
        ticks = [-float(step) * n for n in range(int(span_s // step) + 1)]
        return [(value, _ago(value)) for value in ticks]
    zone = datetime.fromtimestamp(end_ns / 1e9, UTC).astimezone().utcoffset()
    local = end_ns / 1e9 + (zone.total_seconds() if zone is not None else 0.0)
    first = -(local % step)
    ticks = [first - step * n for n in range(max(0, int((first + span_s) // step) + 1))]
    return [(value, _clock(end_ns / 1e9 + value, step)) for value in ticks]


def _clock(at_s: float, step_s: float) -> str:
    local = datetime.fromtimestamp(round(at_s), UTC).astimezone()
    if step_s >= 86_400:
        return f"{local:%d %b}"
    if step_s >= 4 * 3600 and local.hour == 0:
        return f"{local:%d %b}"
    return f"{local:%H:%M}" if step_s >= 60 else f"{local:%H:%M:%S}"


def _ago(value: float) -> str:
    seconds = round(-value)
    if seconds <= 0:
        return _tr("now")
    for size, name in ((86_400, "d"), (3600, "h"), (60, "min")):
        if seconds >= size and seconds % size == 0:
            return f"{seconds // size} {name}"
    return f"{seconds} s" if seconds < 120 else f"{seconds / 60:.0f} min"
