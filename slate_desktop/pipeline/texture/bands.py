"""Work on bands of rows in several threads; codecs and numpy release the interpreter lock."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from slate_desktop.pipeline import threads

# More threads than this gain little and cost address space, which the parser's child has not.
_MAX_THREADS = 8
# Small enough that what is in between stays in the cache, and that memory hardly grows.
BAND_PIXELS = 1 << 18
_In = TypeVar("_In")
_Out = TypeVar("_Out")


def thread_count() -> int:
    """Return how many threads are worth having here."""
    return threads.thread_count(_MAX_THREADS)


def row_bands(height: int, width: int, multiple: int) -> list[tuple[int, int]]:
    """Split rows into bands of about ``BAND_PIXELS``, each start a multiple of ``multiple``."""
    step = max(multiple, BAND_PIXELS // width // multiple * multiple)
    return [(top, min(height, top + step)) for top in range(0, height, step)]


def map_threads(work: Callable[[_In], _Out], items: Iterable[_In]) -> list[_Out]:
    """Return what ``work`` makes of each item, in their order.

    Where no thread may be started (a limit of processes), all is done in this one.
    """
    jobs = list(items)
    count = min(thread_count(), len(jobs))
    if count < 2:
        return [work(item) for item in jobs]
    with ThreadPoolExecutor(count, thread_name_prefix="texture") as pool:
        try:
            pending = [pool.submit(work, item) for item in jobs]
        except RuntimeError:
            pool.shutdown(cancel_futures=True)
            return [work(item) for item in jobs]
        return [future.result() for future in pending]
