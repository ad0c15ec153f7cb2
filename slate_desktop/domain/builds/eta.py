"""When a build will be done, learned from the project's own builds of the same target and type."""

from __future__ import annotations

from collections.abc import Sequence

# The newest builds say most; older ones were of another project.
HISTORY = 20
_MIN_PERCENT = 3
_LATE_SHARE = 0.05


def remaining_s(history_s: Sequence[float], elapsed_s: float, percent: int) -> float | None:
    """Return the seconds that are left, or None when nothing is known yet.

    Early on the history decides, later the pace of this build: the two are mixed by how far it is.

    Args:
        history_s: durations of earlier builds that passed, newest first.
        elapsed_s: since this build started.
        percent: how far it is, 0 to 100.
    """
    if percent >= 100:
        return 0.0
    by_pace = elapsed_s * (100 - percent) / percent if percent >= _MIN_PERCENT else None
    known = [seconds for seconds in history_s[:HISTORY] if seconds > 0]
    if not known:
        return by_pace
    from statistics import median  # not at the top: clients that connect need no figures

    usual = median(known)
    # Longer than usual already: a little is left, nobody knows how much.
    by_history = max(usual - elapsed_s, usual * _LATE_SHARE)
    if by_pace is None:
        return by_history
    weight = percent / 100
    return (1 - weight) * by_history + weight * by_pace


def about(seconds: float) -> str:
    """Return a duration in words, rounded as an estimate should be."""
    if seconds < 50:
        return f"about {max(5, round(seconds / 5) * 5)} s"
    minutes = round(seconds / 60)
    if minutes < 90:
        return f"about {max(1, minutes)} min"
    return f"about {seconds / 3600:.1f} h"
