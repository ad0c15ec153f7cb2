"""The fork server's spare child: it owns its memory, and never becomes a second server."""

from __future__ import annotations

import subprocess
import sys

import pytest

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="not on this platform: fork server")

_OWNER = """
import os
from slate_desktop.pipeline.sandbox import spare

def own():
    with open("/proc/self/smaps_rollup") as lines:
        return sum(int(line.split()[1]) for line in lines if line.startswith("Private_Dirty"))

kept = [bytes([number % 256]) * 4000 for number in range(10_000)]  # 40 MB

def look():
    before = own()
    spare.take_memory()
    print(own() - before, flush=True)

os.waitpid(spare.fork(look), 0)
"""


def test_spare_takes_what_it_shares() -> None:
    answer = subprocess.run(
        [sys.executable, "-c", _OWNER], capture_output=True, timeout=60, check=False
    )
    assert answer.returncode == 0, answer.stderr.decode()
    assert int(answer.stdout) > 30_000  # of 40,000 KiB


_TASKS = """
import os
from slate_desktop.pipeline.sandbox.spare import fork

def fail():
    raise ValueError("on purpose")

print([os.waitstatus_to_exitcode(os.waitpid(fork(task), 0)[1]) for task in (fail, int)])
"""


def test_task_that_fails_ends_its_process() -> None:
    answer = subprocess.run(
        [sys.executable, "-c", _TASKS], capture_output=True, timeout=60, check=False
    )
    assert answer.stdout.decode() == "[1, 0]\n", answer.stderr.decode()
