"""``python -m tests.bench [name…] [--list]``: runs benchmarks one after the other."""

from __future__ import annotations

import argparse
import asyncio
import importlib
import inspect
import json
import os
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

from tests.bench.harness import Result, report

BENCHES = {
    "paint": "first paint and usable of the window against a bare QLabel window",
    "logview": "the console against QPlainTextEdit: rate, stalls, memory",
    "tree": "50,000 files in one folder against QFileSystemModel",
    "transport": "log batches against one NATS message per line",
    "objects": "download from the object store against ObjectStore.get of nats-py",
    "ingest": "log lines into PostgreSQL against executemany, a page of history",
    "start": "a container's start against the Docker SDK's create and start",
    "live": "a container's live log against docker logs -f",
    "flood": "100,000 lines/s from a container to the window: loss, turns, memory",
    "stats": "a container's statistics against docker stats --no-stream",
    "history": "a month of one session's figures as 600 points against fetching the minutes",
    "texture": "textures to BC7 with all mips against Pillow with etcpak: time and PSNR",
    "model": "a GLB and three levels of detail against trimesh and against gltfpack",
    "audio": "sounds against ffmpeg: a plain encode, loudnorm; memory of 30 minutes",
    "builds": "500 queued builds on two workers: none lost, none twice, the list smooth",
    "assets": "1,000 mixed assets: two workers against one, and the same again",
    "preview": "first pixels of a texture, a model and a sound against plain readers",
    "previewloop": "100 previews opened and closed: turns of the loop, and memory afterwards",
    "browser": "50,000 assets in the browser: scrolled while their pictures come in",
    "sync": "20,000 files, none changed, against a walk; one saved file on its way to a host",
    "panels": "every dock, dialog and the palette, from the command until it is painted",
    "studio": "a simulated studio: latencies, and what broker and database spend",
    "soak": "twenty minutes of faults: memory, files, tasks, and every line and job once",
    "idle": "what window and agent take of a core while nothing happens",
}


def main() -> int:
    """Run the named benchmarks, or all; returns 1 when a goal is missed."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="name", help=f"of {', '.join(BENCHES)}")
    parser.add_argument("--list", action="store_true", help="name the benchmarks and end")
    options = parser.parse_args()
    if unknown := set(options.names) - set(BENCHES):
        parser.error(f"there is no benchmark {', '.join(sorted(unknown))}")
    if options.list:
        for name, words in BENCHES.items():
            print(f"{name:10} {words}")
        return 0
    names = options.names or list(BENCHES)
    if len(names) == 1:
        print(f"\n== {names[0]}: {BENCHES[names[0]]}", flush=True)
        return report(_run(names[0]))
    # A process for each: what one left in memory or in Qt is not measured with the next.
    results: list[Result] = []
    is_sound = True
    with TemporaryDirectory() as folder:
        for name in names:
            found = _run_alone(name, Path(folder) / f"{name}.json")
            is_sound = is_sound and found is not None
            results += found or []
    return max(report(results), 0 if is_sound else 1)


def _run_alone(name: str, file: Path) -> list[Result] | None:
    """Run a benchmark in a process of its own; None where it ended without a result."""
    environment = os.environ | {"SLATE_BENCH_JSON": str(file)}
    subprocess.run([sys.executable, "-m", "tests.bench", name], env=environment, check=False)
    if not file.is_file():
        print(f"{name} ended without a result", flush=True)
        return None
    rows = json.loads(file.read_text(encoding="utf-8"))
    return [Result(**{key: row[key] for key in row if key != "ratio"}) for row in rows]


def _run(name: str) -> list[Result]:
    run = importlib.import_module(f"tests.bench.{name}").run
    return asyncio.run(run()) if inspect.iscoroutinefunction(run) else run()


if __name__ == "__main__":
    sys.exit(main())
