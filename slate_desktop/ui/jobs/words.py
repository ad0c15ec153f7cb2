"""Words and icons for asset jobs."""

from __future__ import annotations

from PySide6.QtCore import QCoreApplication

from slate_desktop.domain.assets.job import AssetJob
from slate_desktop.domain.assets.kinds import AssetJobStatus, AssetKind
from slate_desktop.domain.sizes import format_bytes
from slate_desktop.translation import sentence
from slate_desktop.ui.text import format_share

_S = AssetJobStatus
_LOOKS = {
    _S.QUEUED: ("clock", "state.idle"),
    _S.PROCESSING: ("circle-dashed", "state.busy"),
    _S.COMPLETED: ("circle-check", "state.ok"),
    _S.FAILED: ("circle-x", "state.error"),
    _S.CANCELLED: ("minus", "state.idle"),
}


def _tr(source: str) -> str:
    return QCoreApplication.translate("Jobs", source)


def look(status: AssetJobStatus) -> tuple[str, str]:
    """Return icon and colour of a state."""
    return _LOOKS[status]


def state_words(job: AssetJob) -> str:
    """Return a job's state in words."""
    if job.status is _S.COMPLETED and job.cached:
        return _tr("done before")
    if job.status is _S.PROCESSING and job.cancel_requested:
        return _tr("cancelling")
    return _names()[job.status]


def all_states() -> list[str]:
    """Return the words of every state."""
    return [_tr("done before"), _tr("cancelling"), *_names().values()]


def name_of(status: AssetJobStatus) -> str:
    """Return the word of a state."""
    return _names()[status]


def kind_words(kind: AssetKind) -> str:
    """Return the word of a kind of asset."""
    return {
        AssetKind.TEXTURE: _tr("texture"),
        AssetKind.MODEL: _tr("model"),
        AssetKind.AUDIO: _tr("audio"),
    }[kind]


def _names() -> dict[AssetJobStatus, str]:
    return {
        _S.QUEUED: _tr("waiting"),
        _S.PROCESSING: _tr("processing"),
        _S.COMPLETED: _tr("done"),
        _S.FAILED: _tr("failed"),
        _S.CANCELLED: _tr("cancelled"),
    }


def detail(job: AssetJob, waits_for: str | None, message: str) -> str:
    """Return why a job is as it is: what it waits for, what it does, what went wrong."""
    if waits_for is not None:
        return sentence(waits_for)
    if job.status is _S.PROCESSING:
        return message or job.progress_message or ""
    if job.status is _S.FAILED:
        return sentence(job.error_message or job.error_code or "")
    if job.status is _S.COMPLETED and job.result:
        return size_words(job)
    return ""


def size_words(job: AssetJob) -> str:
    """Return what a result takes beside its input."""
    result = job.result or {}
    before = (result.get("report") or {}).get("input_size") or 0
    primary = [p for p in result.get("products", []) if p.get("role") == "primary"]
    after = sum(int(p.get("size", 0)) for p in primary)
    if not before or not after:
        return ""
    return f"{format_bytes(before)} → {format_bytes(after)} ({format_share(after / before)})"


def badge(state: str) -> str:
    """Return what stands beside a file of the tree, by ``asset_states.AssetState``."""
    return {
        "processed": _tr("processed"),
        "stale": _tr("stale"),
        "failed": _tr("failed"),
    }.get(state, "")
