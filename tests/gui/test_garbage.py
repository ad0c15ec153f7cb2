"""Collection stays on the window's thread."""

from __future__ import annotations

import gc
import threading
import weakref

from slate_desktop.ui.garbage import Collector


class Knot:
    """Refers to itself, so that only a collection ends it."""

    def __init__(self) -> None:
        self.me = self


def test_cycles_are_not_collected_in_a_worker(qapp: object) -> None:
    collector = Collector()
    knot = weakref.ref(Knot())
    worker = threading.Thread(target=lambda: [[] for _ in range(300_000)])
    worker.start()
    worker.join()
    assert knot() is not None
    old = gc.get_threshold()
    gc.set_threshold(1, 1, 1)
    try:
        for _ in range(8):
            _fresh = [[] for _ in range(100)]
            collector.look()
    finally:
        gc.set_threshold(*old)
        collector.stop()
        collector.deleteLater()
    assert knot() is None
