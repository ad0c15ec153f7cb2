"""Runs tasks, shows their progress, and prints what became of them."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec

from slate_desktop.cli.asset_bars import progress_bars
from slate_desktop.cli.asset_words import words_of
from slate_desktop.cli.exits import EXIT_FAILED, EXIT_OK
from slate_desktop.cli.output import Output
from slate_desktop.control.asset_batch import AssetTask
from slate_desktop.control.local_assets import LocalAssets
from slate_desktop.control.preset_files import PresetFiles, find_preset_root
from slate_desktop.domain.assets.kinds import AssetJobStatus
from slate_desktop.domain.assets.outcome import AssetJobResult
from slate_desktop.domain.assets.presets import AssetPreset, merge_presets, shipped_presets
from slate_desktop.domain.sizes import format_bytes


async def run_local(
    output: Output,
    tasks: Sequence[AssetTask],
    out: Path,
    *,
    force: bool = False,
    workers: int | None = None,
    retries_failed: bool = False,
) -> int:
    """Process tasks on this machine, print the outcome, and return the exit status."""
    began = time.monotonic()
    found: dict[int, AssetJobResult] = {}
    async with LocalAssets(
        out,
        presets=await asyncio.to_thread(_presets_beside, tasks),
        workers=workers,
        is_forced=force,
        retries_failed=retries_failed,
    ) as assets:
        with progress_bars(output, len(tasks)) as bars:
            async for task, result in assets.process(tasks, on_progress=bars.on_progress):
                found[id(task)] = result
                bars.end(task, result)
    return show_results(
        output, [found[id(task)] for task in tasks], seconds=time.monotonic() - began
    )


def show_results(output: Output, results: Sequence[AssetJobResult], *, seconds: float) -> int:
    """Print results in their order and a summary, and return the exit status."""
    summary = _summary(results, seconds)
    if output.as_json:
        jobs = [msgspec.to_builtins(result) for result in results]
        output.result({"jobs": jobs, "summary": summary})
    else:
        for result in results:
            output.say(words_of(result))
        output.say(_summary_words(summary))
    is_good = all(result.state is AssetJobStatus.COMPLETED for result in results)
    return EXIT_OK if is_good else EXIT_FAILED


def _presets_beside(tasks: Sequence[AssetTask]) -> tuple[AssetPreset, ...]:
    """Return the shipped presets and those of the folder that the first asset lies in; blocks."""
    root = find_preset_root(tasks[0].source.parent) if tasks else None
    return merge_presets(shipped_presets(), () if root is None else PresetFiles(root).read())


def _summary(results: Sequence[AssetJobResult], seconds: float) -> dict[str, Any]:
    ended = [result for result in results if result.state is AssetJobStatus.COMPLETED]
    return {
        "total": len(results),
        "completed": len(ended),
        "failed": sum(result.state is AssetJobStatus.FAILED for result in results),
        "cancelled": sum(result.state is AssetJobStatus.CANCELLED for result in results),
        "cached": sum(result.cached for result in results),
        "input_size": sum(r.report.input_size for r in ended if r.report is not None),
        "output_size": sum(output.size for r in ended for output in r.outputs),
        "duration_s": round(seconds, 3),
    }


def _summary_words(summary: Mapping[str, Any]) -> str:
    words = f"{summary['completed']} of {summary['total']} completed"
    if summary["failed"]:
        words += f", {summary['failed']} failed"
    if summary["cancelled"]:
        words += f", {summary['cancelled']} cancelled"
    if summary["cached"]:
        words += f"; of {summary['cached']} the outcome was known"
    if summary["completed"]:
        before, after = (format_bytes(summary[name]) for name in ("input_size", "output_size"))
        words += f"; {before} → {after}"
    return f"{words}; {summary['duration_s']:.1f} s"
