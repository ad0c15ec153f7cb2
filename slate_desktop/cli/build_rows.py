"""Builds as plain data, with the names that scripts rely on, and as words."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from slate_desktop.cli.rows import iso

if TYPE_CHECKING:
    from pathlib import Path

    from slate_desktop.domain.build import BuildArtifact, BuildJob, BuildStatistics
    from slate_desktop.domain.builds.waiting import Waiting


def build_row(build: BuildJob) -> dict[str, Any]:
    """Return a build for ``--json``."""
    from slate_desktop.domain.builds.options import masked

    error = None
    if build.error_code or build.error_message:
        error = {"code": build.error_code, "message": build.error_message}
    return {
        "id": build.id,
        "project_id": build.project_id,
        "status": build.status.value,
        "progress": build.progress,
        "progress_message": build.progress_message,
        "verdict": build.verdict,
        "witness": build.witness,
        "verdict_reason": build.verdict_reason,
        "errors": build.errors,
        "warnings": build.warnings,
        "error_count": build.error_count,
        "warning_count": build.warning_count,
        "error": error,
        "build_type": build.build_type.value,
        "target_platform": build.target_platform.value,
        "engine": build.engine,
        "engine_version": build.engine_version,
        "driver": build.driver,
        "options": masked(build.options),
        "source_commit": build.source_commit,
        "source": build.source,
        "commands": build.commands,
        "notes": build.notes,
        "artifacts": build.artifacts,
        "output_path": build.output_path,
        "priority": build.priority,
        "attempt": build.attempt,
        "agent_id": build.agent_id,
        "cancel_requested": build.cancel_requested,
        "duration_s": build.duration_s,
        "created_at": iso(build.created_at),
        "started_at": iso(build.started_at),
        "completed_at": iso(build.completed_at),
    }


def artifact_row(artifact: BuildArtifact, local: Path | None) -> dict[str, Any]:
    """Return an artifact for ``--json``; ``path`` is the local file where it was downloaded."""
    return {
        "name": artifact.name,
        "path": str(local) if local is not None else artifact.path,
        "size": artifact.size,
        "sha256": artifact.sha256,
        "object": artifact.object,
        "is_main": artifact.is_main,
        "is_executable": artifact.is_executable,
    }


def statistics_row(figures: BuildStatistics) -> dict[str, Any]:
    """Return figures for ``--json``."""
    import msgspec

    return msgspec.to_builtins(figures)


def build_words(build: BuildJob, waiting: Waiting | None = None) -> str:
    """Return a build's state in words: one line, and its errors."""
    line = f"{build.id}  {build.status.value}"
    if not build.is_final:
        line += f" {build.progress} %"
        if build.progress_message:
            line += f", {build.progress_message}"
    if waiting is not None:
        line += f", {waiting.position} of {waiting.of}: {waiting.reason}"
    if build.verdict:
        line += f", {build.verdict}: {build.verdict_reason}"
    elif build.error_message:
        line += f": {build.error_message}"
    lines = [line]
    for error in build.errors[:20]:
        where = f"{error['file']}:{error.get('line', '')}: " if error.get("file") else ""
        lines.append(f"  {where}{error['message']}")
    return "\n".join(lines)
