"""Builds in words and marks; never colour alone."""

from __future__ import annotations

from PySide6.QtCore import QCoreApplication

from slate_desktop.domain.build import BuildJob, BuildStatus
from slate_desktop.domain.builds.matrix import PLATFORM_TITLES
from slate_desktop.domain.builds.order import Place
from slate_desktop.translation import sentence
from slate_desktop.ui.text import format_duration, format_time

# Tabs of the console that hold the log of a build have keys that begin so.
LOG_PREFIX = "build:"


def _tr(source: str) -> str:
    return QCoreApplication.translate("Builds", source)


def look(build: BuildJob) -> tuple[str, str]:
    """Return icon and colour role of a build's state."""
    if build.status is BuildStatus.QUEUED:
        return "clock", "text.muted"
    if build.status is BuildStatus.BUILDING:
        return "loader", "state.busy"
    if build.status is BuildStatus.CANCELLED:
        return "circle-dashed", "text.muted"
    if build.verdict == "suspect":
        return "triangle-alert", "state.warn"
    if build.status is BuildStatus.COMPLETED:
        return "circle-check", "state.ok"
    return "circle-x", "state.error"


def state_words(build: BuildJob) -> str:
    """Return a build's state as one word, with its verdict where there is one."""
    if build.status is BuildStatus.BUILDING:
        return _tr("building {percent} %").format(percent=build.progress)
    if build.status is BuildStatus.COMPLETED and build.verdict:
        return _verdicts().get(build.verdict, build.verdict)
    return _states().get(build.status, build.status.value)


def longest_states() -> list[str]:
    """Return the words of states that a list needs room for."""
    building = _tr("building {percent} %").format(percent=100)
    return [building, *_verdicts().values(), *_states().values()]


def _verdicts() -> dict[str, str]:
    return {"passed": _tr("passed"), "suspect": _tr("suspect")}


def _states() -> dict[BuildStatus, str]:
    return {
        BuildStatus.QUEUED: _tr("queued"),
        BuildStatus.COMPLETED: _tr("completed"),
        BuildStatus.FAILED: _tr("failed"),
        BuildStatus.CANCELLED: _tr("cancelled"),
    }


def why_words(build: BuildJob) -> str:
    """Return what a build does, or why it ended so."""
    if not build.is_final:
        return build.progress_message or ""
    return sentence(build.verdict_reason or build.error_message or "")


def place_words(place: Place) -> str:
    """Return a waiting build's place."""
    if place.position == 1:
        return _tr("next in the queue")
    return _tr("{position} of {of} in the queue").format(position=place.position, of=place.of)


def platform_words(build: BuildJob) -> str:
    """Return the platform's name."""
    return PLATFORM_TITLES[build.target_platform]


def duration_words(build: BuildJob) -> str:
    """Return how long a build took."""
    return "" if build.duration_s is None else format_duration(build.duration_s)


def title(build: BuildJob, project: str) -> str:
    """Return a build's name for a tab or a notice."""
    return f"{project} · {platform_words(build)} · {build.id[:8]}"


def when_words(build: BuildJob) -> str:
    """Return when a build was made."""
    return format_time(build.created_at)
