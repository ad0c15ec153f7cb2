"""Python's garbage collector, set so that it does not stall the window.

A full collection looks at every object of the program: some 60 ms here, and making 50,000 nodes of
the project tree brings one about. What is loaded at the start stays, so it is left out.
"""

from __future__ import annotations

import gc

# New objects before the young are looked at; young rounds before the middle-aged; rounds of those
# before all: cycles die young here, and what grows old is freed by its references.
_THRESHOLDS = (10_000, 10, 50)


def calm_collector() -> None:
    """Leave out what is loaded now, and collect in larger, rarer steps."""
    gc.freeze()
    gc.set_threshold(*_THRESHOLDS)
