"""What the window and the agent take of a core while nothing happens."""

from __future__ import annotations

import time
from pathlib import Path

import psutil

from slate_desktop.stack.state import StackFiles
from tests.bench.display import virtual_display
from tests.bench.harness import Result
from tests.bench.program import own_stack, window

SETTLE_S = 10.0
WATCH_S = 20.0


def _used_s(process: psutil.Process) -> float:
    times = process.cpu_times()
    return times.user + times.system


def run() -> list[Result]:
    """Watch both for twenty seconds, with the window connected and no session running."""
    names = {"window": "Idle, window", "agent": "Idle, agent"}
    with virtual_display(), own_stack() as environment:
        agent = StackFiles(Path(environment["SLATE_DATA_DIR"])).read_children().processes["agent"]
        with window(environment) as (process, marks):
            marks.wait_ms("usable")
            time.sleep(SETTLE_S)
            programs = {"window": psutil.Process(process.pid), "agent": psutil.Process(agent.pid)}
            before = {name: _used_s(program) for name, program in programs.items()}
            time.sleep(WATCH_S)
            shares = {
                name: (_used_s(program) - before[name]) / WATCH_S * 100
                for name, program in programs.items()
            }
    results = []
    for name, title in names.items():
        result = Result(
            title, "limit", "% of a core", [1.0], [shares[name]], higher_is_better=False
        )
        result.show()
        results.append(result)
    return results


if __name__ == "__main__":
    run()
