"""``python -m tests.bench [name…] [--list]``: runs benchmarks one after the other."""

from __future__ import annotations

import argparse
import asyncio
import importlib
import inspect
import sys

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
    results: list[Result] = []
    for name in options.names or BENCHES:
        print(f"\n== {name}: {BENCHES[name]}", flush=True)
        results += _run(name)
    return report(results)


def _run(name: str) -> list[Result]:
    run = importlib.import_module(f"tests.bench.{name}").run
    return asyncio.run(run()) if inspect.iscoroutinefunction(run) else run()


if __name__ == "__main__":
    sys.exit(main())
