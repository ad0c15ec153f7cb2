"""Fair comparison of two ways of doing the same work: alternate, take the median, print a ratio."""

from __future__ import annotations

import json
import os
import platform
import statistics
import sys
from collections.abc import Awaitable, Callable
from dataclasses import asdict, dataclass, field
from pathlib import Path


@dataclass
class Result:
    """Outcome of one comparison. ``ratio`` is as the goal is stated; ``ok`` compares the two."""

    name: str
    peer: str
    unit: str
    peer_values: list[float] = field(default_factory=list)
    our_values: list[float] = field(default_factory=list)
    goal: float = 1.0
    higher_is_better: bool = True
    note: str = ""

    @property
    def ratio(self) -> float:
        """Ours over the peer's: a speed-up for rates, a share of the time for durations."""
        return statistics.median(self.our_values) / statistics.median(self.peer_values)

    @property
    def is_reached(self) -> bool:
        """Whether the goal holds in this run."""
        return self.ratio >= self.goal if self.higher_is_better else self.ratio <= self.goal

    def show(self) -> None:
        """Print one readable block."""
        sign = "≥" if self.higher_is_better else "≤"
        verdict = "reached" if self.is_reached else "NOT reached"
        print(f"{self.name}")
        print(f"  peer  {self.peer}: {statistics.median(self.peer_values):,.3f} {self.unit}")
        print(f"  SLATE {statistics.median(self.our_values):,.3f} {self.unit}")
        print(f"  ratio {self.ratio:.2f}x, goal {sign} {self.goal}x: {verdict}")
        if self.note:
            print(f"  {self.note}")
        sys.stdout.flush()


async def alternate(
    result: Result,
    peer: Callable[[], Awaitable[float]],
    ours: Callable[[], Awaitable[float]],
    rounds: int,
) -> Result:
    """Run peer, ours, peer, ours …, so that a busy moment of the machine hits both."""
    for _ in range(rounds):
        result.peer_values.append(await peer())
        result.our_values.append(await ours())
    return result


def report(results: list[Result]) -> int:
    """Print a summary, and JSON to the file that ``SLATE_BENCH_JSON`` names."""
    print(f"\n{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}")
    for result in results:
        mark = "ok  " if result.is_reached else "MISS"
        print(f"{mark} {result.ratio:9.2f}x (goal {result.goal}x)  {result.name}")
    if path := os.environ.get("SLATE_BENCH_JSON"):
        text = json.dumps([asdict(r) | {"ratio": r.ratio} for r in results], indent=1)
        Path(path).write_text(text, encoding="utf-8")
    return 0 if all(result.is_reached for result in results) else 1
