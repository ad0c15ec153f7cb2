"""Runs tasks, shows their progress, and prints what became of them."""

from __future__ import annotations

import asyncio
import contextlib
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec

from slate_desktop.cli.exits import EXIT_FAILED, EXIT_OK
from slate_desktop.cli.output import Output
from slate_desktop.control.asset_batch import AssetTask
from slate_desktop.control.local_assets import LocalAssets, OnProgress
from slate_desktop.control.preset_files import PresetFiles, find_preset_root
from slate_desktop.domain.assets.kinds import AssetJobStatus
from slate_desktop.domain.assets.outcome import AssetJobResult
from slate_desktop.domain.assets.presets import AssetPreset, merge_presets, shipped_presets
from slate_desktop.domain.sizes import format_bytes

_MAX_WORDS = 60


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
        with _bars(output, len(tasks)) as (on_progress, on_end):
            async for task, result in assets.process(tasks, on_progress=on_progress):
                found[id(task)] = result
                on_end(task, result)
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
            output.say(_words(result))
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
        "cached": sum(result.cached for result in results),
        "input_size": sum(r.report.input_size for r in ended if r.report is not None),
        "output_size": sum(output.size for r in ended for output in r.outputs),
        "duration_s": round(seconds, 3),
    }


def _words(result: AssetJobResult) -> str:
    name = _plain(result.input)
    if result.error is not None:
        again = " (failed before; --force tries again)" if result.cached else ""
        return f"failed     {name}: {result.error.message}{again}"
    size = format_bytes(sum(output.size for output in result.outputs))
    places = ", ".join(_plain(output.path) for output in result.outputs)
    known = "known      " if result.cached else "completed  "
    lines = [f"{known}{name} → {places} ({size})"]
    if result.report is not None and not result.cached:
        lines += [f"           {_plain(warning)}" for warning in result.report.warnings]
    return "\n".join(lines)


def _summary_words(summary: Mapping[str, Any]) -> str:
    words = f"{summary['completed']} completed"
    if summary["cached"]:
        words += f", {summary['cached']} of all known before"
    if summary["failed"]:
        words += f", {summary['failed']} failed"
    sizes = f"{format_bytes(summary['input_size'])} → {format_bytes(summary['output_size'])}"
    return f"{words}; {sizes}; {summary['duration_s']:.1f} s"


def _plain(text: str) -> str:
    """Return a name that a terminal shows as it is, whatever its bytes."""
    shown = text.encode("utf-8", "backslashreplace").decode("utf-8")
    return "".join(letter if letter.isprintable() else f"\\u{ord(letter):04x}" for letter in shown)


@contextlib.contextmanager
def _bars(
    output: Output, total: int
) -> Iterator[tuple[OnProgress | None, Callable[[AssetTask, AssetJobResult], None]]]:
    """Show progress on a terminal; elsewhere nothing."""
    if output.as_json or not sys.stderr.isatty():
        yield None, lambda *_: None
        return
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

    with Progress(
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        TextColumn("{task.percentage:>3.0f} %"),
        TimeElapsedColumn(),
        console=Console(stderr=True),
        transient=True,
    ) as progress:
        whole = progress.add_task(f"{total} assets", total=total)
        rows: dict[int, Any] = {}

        def on_progress(task: AssetTask, fraction: float, words: str) -> None:
            name = _plain(task.source.name)[:_MAX_WORDS]
            if id(task) not in rows:
                rows[id(task)] = progress.add_task(name, total=1.0)
            progress.update(rows[id(task)], completed=fraction, description=f"{name} {words}")

        def on_end(task: AssetTask, result: AssetJobResult) -> None:
            progress.advance(whole)
            if id(task) in rows:
                progress.remove_task(rows.pop(id(task)))
            if result.error is not None:
                progress.console.print(_words(result), markup=False, highlight=False)

        yield on_progress, on_end
