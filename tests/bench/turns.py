"""What a slow turn of the loop did: stacks of its thread, taken by another thread meanwhile.

Set ``SLATE_BENCH_STACKS=<ms>`` and :class:`tests.bench.qt.Heart` prints them for each turn that
takes more processor time. Taking stacks costs time itself, so figures of such a run do not count.
"""

from __future__ import annotations

import os
import sys
import threading
import time
from collections import Counter
from types import FrameType

LIMIT_MS = float(os.environ.get("SLATE_BENCH_STACKS", "0"))
_PERIOD_S = 0.0005
_DEPTH = 14
_SHOWN = 6


class StackWatch:
    """Takes the stack of the thread that made it, until it is stopped."""

    def __init__(self) -> None:
        self._ident = threading.get_ident()
        self._stacks: list[tuple[str, ...]] = []
        self._is_over = threading.Event()
        self._interval = sys.getswitchinterval()
        sys.setswitchinterval(_PERIOD_S)
        self._thread = threading.Thread(target=self._watch, name="stacks", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Take no more stacks."""
        self._is_over.set()
        self._thread.join()
        sys.setswitchinterval(self._interval)

    def turn_ended(self, cpu_ms: float) -> None:
        """Print what was seen since the last call when that turn was a slow one."""
        stacks, self._stacks = self._stacks, []
        if cpu_ms < LIMIT_MS:
            return
        sys.stderr.write(f"-- a turn of {cpu_ms:.1f} ms, {len(stacks)} stacks\n")
        for stack, count in Counter(stacks).most_common(_SHOWN):
            sys.stderr.write(f"   {count:3} {' < '.join(stack)}\n")

    def _watch(self) -> None:
        while not self._is_over.is_set():
            # No frame is kept: it would keep its painter, which must end with its paint event.
            self._stacks.append(tuple(_names(sys._current_frames().get(self._ident))))
            time.sleep(_PERIOD_S)


def _names(frame: FrameType | None) -> list[str]:
    names: list[str] = []
    while frame is not None and len(names) < _DEPTH:
        code = frame.f_code
        file = code.co_filename.rsplit("/", 1)[-1].removesuffix(".py")
        names.append(f"{file}:{frame.f_lineno} {code.co_name}")
        frame = frame.f_back
    return names
