"""How many threads a job may have: its share of the processors, while other jobs run beside it."""

from __future__ import annotations

import os

_share: int | None = None


def take_share(threads: int) -> None:
    """Keep this process to a number of threads; 0 is all processors."""
    global _share
    _share = threads or None


def thread_count(most: int) -> int:
    """Return how many threads are worth having here, ``most`` at the most."""
    count = processor_count() if _share is None else _share
    return max(1, min(most, count))


def processor_count() -> int:
    """Return how many processors this process may use."""
    affinity = getattr(os, "sched_getaffinity", None)
    return len(affinity(0)) if affinity is not None else os.cpu_count() or 1
