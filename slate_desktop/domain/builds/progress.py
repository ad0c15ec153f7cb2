"""From the markers of an engine's output to one percentage that never goes back.

A recipe names phases with shares of the whole, and markers that tell how far one is. Whatever the
engine's own counts do (they start again, their totals grow and shrink), the whole only rises, stays
below 100 while the build runs, and is 100 exactly when ``finish`` was called.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

import msgspec

from slate_desktop.domain.builds.recipe import (
    BuildRecipe,
    MarkerKind,
    MarkerRecipe,
    PhaseRecipe,
    compiled,
)
from slate_desktop.domain.levels import strip_ansi

MAX_RUNNING_PERCENT = 99
_MAX_NUMBER_DIGITS = 9
_MAX_WHAT = 120
_CURRENT = "current"
_SPACES = re.compile(r"\s+")


class Progress(msgspec.Struct, frozen=True, kw_only=True):
    """How far a build is: whole percent, and what it does in words."""

    percent: int
    message: str


@dataclass
class _Count:
    """One phase's own count; ``base`` is what the counts before this one have earned."""

    base: float = 0.0
    fraction: float = 0.0
    done: int = 0
    total: int = 0


class ProgressTracker:
    """Reads lines and keeps one percentage.

    Args:
        recipe: whose phases and markers are meant.
    """

    def __init__(self, recipe: BuildRecipe) -> None:
        self._markers = [(compiled(marker.pattern), marker) for marker in recipe.markers]
        self._phases = {phase.id: phase for phase in recipe.phases}
        self._whole = sum(phase.share for phase in recipe.phases) or 1.0
        self._starts = _starts(recipe.phases, self._whole)
        self._counts: dict[str, _Count] = {}
        self._phase = recipe.phases[0].id if recipe.phases else ""
        self._now = Progress(percent=0, message="")

    @property
    def now(self) -> Progress:
        """The newest state."""
        return self._now

    def feed(self, line: str) -> Progress | None:
        """Read one line; returns the new state when it has changed."""
        text = strip_ansi(line.replace("\0", ""))
        for pattern, marker in self._markers:
            match = pattern.search(text)
            if match is not None:
                return self._apply(marker, match)
        return None

    def step(self, title: str) -> Progress | None:
        """Say that a program of the build has begun."""
        return self._set(self._now.percent, title)

    def finish(self, message: str) -> Progress:
        """Say that the build is done; the percentage is 100 from now on."""
        self._now = Progress(percent=100, message=message)
        return self._now

    def _apply(self, marker: MarkerRecipe, match: re.Match[str]) -> Progress | None:
        phase_id = self._phase if marker.phase == _CURRENT else marker.phase
        phase = self._phases.get(phase_id)
        if phase is None:
            return None
        if self._starts[phase_id] >= self._starts[self._phase]:
            self._phase = phase_id
        count = self._counts.setdefault(phase_id, _Count())
        groups = match.groupdict()
        _count(count, marker, groups)
        whole = self._starts[phase_id] + count.fraction * phase.share / self._whole
        words = _words(marker.kind, count, phase, groups.get("what"))
        return self._set(min(MAX_RUNNING_PERCENT, int(whole * 100 + 1e-9)), words)

    def _set(self, percent: int, message: str) -> Progress | None:
        if self._now.percent == 100:
            return None
        new = Progress(percent=max(self._now.percent, percent), message=message)
        if new == self._now:
            return None
        self._now = new
        return new


def _starts(phases: list[PhaseRecipe], whole: float) -> dict[str, float]:
    starts: dict[str, float] = {}
    at = 0.0
    for phase in phases:
        starts[phase.id] = at
        at += phase.share / whole
    return starts


def _count(count: _Count, marker: MarkerRecipe, groups: dict[str, str | None]) -> None:
    """Move a phase's count by one marker; its fraction only rises."""
    done, total = _number(groups.get("done")), _number(groups.get("total"))
    match marker.kind:
        case MarkerKind.RATIO:
            pass
        case MarkerKind.REMAIN:
            done = done or 0
            total = done + (_number(groups.get("remain")) or 0)
        case MarkerKind.PERCENT:
            done, total = _number(groups.get("percent")), 100
        case MarkerKind.TOTAL:
            count.total = total or 0
            return
        case MarkerKind.DONE:
            total = count.total
        case MarkerKind.BEGIN:
            return
    done, total = done or 0, total or 0
    if marker.restarts and count.total and done < count.done:
        # Another count begins, nobody knows how many follow: it gets half of what is left.
        count.base = count.fraction
    count.done, count.total = done, total
    if total <= 0:
        return
    fraction = min(1.0, done / total)
    if marker.restarts:
        fraction = count.base + (1.0 - count.base) * 0.5 * fraction
    count.fraction = max(count.fraction, fraction)


def _number(text: str | None) -> int | None:
    return int(text) if text and len(text) <= _MAX_NUMBER_DIGITS else None


def _words(kind: MarkerKind, count: _Count, phase: PhaseRecipe, what: str | None) -> str:
    what = _SPACES.sub(" ", what or "").strip()[:_MAX_WHAT]
    text = f"{phase.title}: {what}" if what and what.lower() != phase.title else phase.title
    if kind in (MarkerKind.RATIO, MarkerKind.REMAIN, MarkerKind.DONE) and count.total:
        return f"{count.done} of {count.total}: {text}"
    if kind is MarkerKind.PERCENT:
        return f"{min(count.done, 100)} %: {text}"
    return text
