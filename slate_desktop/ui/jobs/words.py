"""Words, icons and lines of text for asset jobs."""

from __future__ import annotations

from typing import Any

from PySide6.QtCore import QCoreApplication

from slate_desktop.domain.assets.job import AssetJob
from slate_desktop.domain.assets.kinds import AssetJobStatus
from slate_desktop.domain.assets.report import result_from_json, result_to_json
from slate_desktop.domain.sizes import format_bytes
from slate_desktop.errors import CommandError

_S = AssetJobStatus
_LOOKS = {
    _S.QUEUED: ("clock", "state.idle"),
    _S.PROCESSING: ("circle-dashed", "state.busy"),
    _S.COMPLETED: ("circle-check", "state.ok"),
    _S.FAILED: ("circle-x", "state.error"),
    _S.CANCELLED: ("minus", "state.idle"),
}
_HIDDEN = frozenset({"kind", "tools", "warnings", "input_size", "duration_ms"})


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
    return {
        _S.QUEUED: _tr("waiting"),
        _S.PROCESSING: _tr("processing"),
        _S.COMPLETED: _tr("done"),
        _S.FAILED: _tr("failed"),
        _S.CANCELLED: _tr("cancelled"),
    }[job.status]


def detail(job: AssetJob, waits_for: str | None, message: str) -> str:
    """Return why a job is as it is: what it waits for, what it does, what went wrong."""
    if waits_for is not None:
        return waits_for
    if job.status is _S.PROCESSING:
        return message or job.progress_message or ""
    if job.status is _S.FAILED:
        return job.error_message or job.error_code or ""
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
    return f"{format_bytes(before)} → {format_bytes(after)} ({after / before:.0%})"


def report_lines(job: AssetJob) -> list[str]:
    """Return a job's report, line by line."""
    lines = [f"{job.path}  —  {state_words(job)}"]
    if job.error_message:
        lines.append(job.error_message)
    if job.lease_owner and not job.cached:
        lines.append(_tr("Worker {name}, attempt {n}").format(name=job.lease_owner, n=job.attempt))
    result = _ordered(job.result or {})
    report = result.get("report") or {}
    lines += [f"! {text}" for text in report.get("warnings", ())]
    if result.get("products"):
        lines += ["", _tr("Files")]
        for product in result["products"]:
            size = format_bytes(int(product["size"]))
            lines.append(f"  {product['path']}  {product['role']}  {product['format']}  {size}")
    facts = {name: value for name, value in report.items() if name not in _HIDDEN}
    if facts:
        lines += ["", _tr("Report")]
        for name, value in facts.items():
            lines += _fact(name.replace("_", " "), value, 1)
    if report:
        lines += ["", _tr("Made in {s} s with").format(s=f"{report['duration_ms'] / 1000:.2f}")]
        lines += [f"  {name} {version}" for name, version in report.get("tools", {}).items()]
    if job.options:
        lines += ["", _tr("Options")]
    lines += [f"  {name} = {_plain(value)}" for name, value in job.options.items()]
    return lines


def badge(state: str) -> str:
    """Return what stands beside a file of the tree, by ``asset_states.AssetState``."""
    return {
        "processed": _tr("processed"),
        "stale": _tr("stale"),
        "failed": _tr("failed"),
    }.get(state, "")


def _ordered(result: dict[str, Any]) -> dict[str, Any]:
    """Return a result in its own order, which the database does not keep."""
    try:
        return result_to_json(result_from_json(result))
    except CommandError:
        return result


def _fact(name: str, value: Any, depth: int) -> list[str]:
    indent = "  " * depth
    if value is None or value in ([], (), {}):
        return []
    if isinstance(value, dict):
        lines = [f"{indent}{name}"]
        for key, item in value.items():
            lines += _fact(str(key).replace("_", " "), item, depth + 1)
        return lines
    if isinstance(value, list | tuple) and value and isinstance(value[0], dict):
        lines = [f"{indent}{name}"]
        for number, item in enumerate(value[:16], 1):
            lines.append(f"{indent}  {item.get('path', number)}")
            for key, each in item.items():
                if key != "path":
                    lines += _fact(str(key).replace("_", " "), each, depth + 2)
        return lines
    return [f"{indent}{name}: {_plain(value)}"]


def _plain(value: Any) -> str:
    if isinstance(value, bool):
        return _tr("yes") if value else _tr("no")
    if isinstance(value, float):
        return f"{value:.4g}"
    if isinstance(value, list | tuple):
        return ", ".join(map(_plain, value))
    return "–" if value is None else str(value)
