"""An agent process for tests that kill it: options as JSON in the first argument.

``SLATE_TEST_CLOCK`` names a file with seconds that its clock is wrong by; a test may change it.
"""

from __future__ import annotations

import json
import logging
import os
import sys
import time
from pathlib import Path

import msgspec

from slate_desktop.agent.options import AgentOptions
from slate_desktop.agent.service import run_agent

CLOCK_VARIABLE = "SLATE_TEST_CLOCK"


def main() -> int:
    file = os.environ.get(CLOCK_VARIABLE)
    if file:
        _step_clock(Path(file))
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(name)s %(message)s")
    return run_agent(msgspec.convert(json.loads(sys.argv[1]), AgentOptions, dec_hook=_decode))


def _step_clock(file: Path) -> None:
    """Let the clock of this process be wrong. A library that lies to all of libc breaks sleeps."""
    right_ns = time.time_ns

    def time_ns() -> int:
        return right_ns() + int(file.read_text()) * 1_000_000_000

    time.time_ns = time_ns
    time.time = lambda: time_ns() / 1e9


def _decode(kind: type, value: object) -> object:
    return kind(value)


if __name__ == "__main__":
    sys.exit(main())
