"""Notes when the window was first painted and when it could be used, for whoever measures it.

Off unless ``SLATE_STARTUP_MARK`` names a file; then one line is added to it for each moment: its
name, the system's monotonic clock and the processor time of this process, in nanoseconds.
"""

from __future__ import annotations

import os
import time
from pathlib import Path

MARK_ENV = "SLATE_STARTUP_MARK"


def is_measured() -> bool:
    """Tell whether somebody wants to know the moments."""
    return bool(os.environ.get(MARK_ENV))


def mark(moment: str) -> None:
    """Add a moment to the file that the environment names."""
    name = os.environ.get(MARK_ENV)
    if name:
        with Path(name).open("a", encoding="ascii") as file:
            file.write(f"{moment} {time.monotonic_ns()} {time.process_time_ns()}\n")
