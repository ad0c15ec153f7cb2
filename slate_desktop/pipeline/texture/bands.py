"""Work on bands of rows in several threads; codecs and numpy release the interpreter lock."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from functools import lru_cache
from typing import TypeVar

from slate_desktop.pipeline import threads

# More threads than this gain little and cost address space, which the parser's child has not.
MAX_THREADS = 8
# Small enough that what is in between stays in the cache, and that memory hardly grows; of a small
# picture an eighth, so that no thread waits long for the last band. How many threads there are does
# not count: the same picture gives the same bytes on every machine.
BAND_PIXELS = 1 << 18
_LEAST_BAND_PIXELS = 1 << 14
_BANDS = 8
_THREAD_NAME = "texture"
_In = TypeVar("_In")
_Out = TypeVar("_Out")


def thread_count() -> int:
    """Return how many threads are worth having here."""
    return threads.thread_count(MAX_THREADS)


def row_bands(height: int, width: int, multiple: int) -> list[tuple[int, int]]:
    """Split rows into bands, each start a multiple of ``multiple``."""
    pixels = min(BAND_PIXELS, max(_LEAST_BAND_PIXELS, height * width // _BANDS))
    step = max(multiple, pixels // width // multiple * multiple)
    return [(top, min(height, top + step)) for top in range(0, height, step)]


def map_threads(
    work: Callable[[_In], _Out],
    items: Iterable[_In],
    on_done: Callable[[int], None] = lambda _: None,
    most: int = MAX_THREADS,
) -> list[_Out]:
    """Return what ``work`` makes of each item, in their order.

    Where no thread may be started (a limit of processes), all is done in this one.

    Args:
        work: for one item.
        items: begun in their order.
        on_done: called in this thread with the number of each item that is done.
        most: threads to use.
    """
    jobs = list(items)
    count = min(thread_count(), most, len(jobs))
    results: list[_Out] = []
    # Threads that wait for their own pool would wait for ever.
    is_inside = threading.current_thread().name.startswith(_THREAD_NAME)
    if count >= 2 and not is_inside:
        pool = _pool(os.getpid(), thread_count())
        try:
            pending = [pool.submit(work, item) for item in jobs]
        except RuntimeError:
            _pool.cache_clear()
            pool.shutdown(cancel_futures=True)
        else:
            try:
                for number, future in enumerate(pending):
                    results.append(future.result())
                    on_done(number)
            finally:
                for future in pending:
                    future.cancel()
            return results
    for number, item in enumerate(jobs):
        results.append(work(item))
        on_done(number)
    return results


@lru_cache(maxsize=1)
def _pool(_process: int, count: int) -> ThreadPoolExecutor:
    """Return this process's threads: starting them anew for each level takes longer than it."""
    return ThreadPoolExecutor(count, thread_name_prefix=_THREAD_NAME)
