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


_MODEL = """
import os, resource
from slate_desktop.domain.assets.kinds import AssetKind
from slate_desktop.pipeline import run
from slate_desktop.pipeline.model import wasm

run.load(AssetKind.MODEL)
before = wasm.Instance("simplifier", is_still=True).size
run.take_memory(AssetKind.MODEL)
run.take_memory(AssetKind.TEXTURE)
with wasm.instance("simplifier", 0) as instance:
    print(instance.size - before)
    faults = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    begin = instance.room(4 * 2**20)
    instance._view(begin, 4 * 2**20)[::4096] = 1
    print(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - faults)
"""


def test_spare_for_models_has_what_a_simplifier_fills() -> None:
    answer = subprocess.run(
        [sys.executable, "-c", _MODEL], capture_output=True, timeout=60, check=False
    )
    assert answer.returncode == 0, answer.stderr.decode()
    grown, faults = map(int, answer.stdout.split())
    assert grown >= 8 * 2**20
    assert faults < 200  # of 1,024 pages
