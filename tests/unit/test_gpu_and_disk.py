"""Figures of disks from cgroup files, and of GPUs from ``nvidia-smi``."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

import pytest

from slate_desktop.agent.drivers.docker import cgroups
from slate_desktop.agent.drivers.gpu import GpuMeter
from slate_desktop.agent.openfiles import allow_open_files

PMON = """\
# gpu         pid   type     sm    mem    enc    dec    jpg    ofa     fb   ccpm    command
# Idx           #    C/G      %      %      %      %      %      %     MB     MB    name
    0       4711     C     37      5      -      -      -      -    1024      0    Game
    0       4712     G      -      -      -      -      -      -      16      0    Xorg
    0          -     -      -      -      -      -      -      -       -      -    -
"""


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("8:0 Read 100\n8:0 Write 20\n8:0 Sync 5\n8:16 Read 1\nTotal 121\n", (101, 20)),
        ("8:0 rbytes=100 wbytes=20 rios=1 wios=1\n8:16 rbytes=1 wbytes=2 dios=0\n", (101, 22)),
        ("", (0, 0)),
    ],
)
def test_disk_is_read_from_both_versions_of_cgroups(text: str, expected: tuple[int, int]) -> None:
    assert cgroups._disk(text.encode()) == expected


@pytest.mark.skipif(sys.platform == "win32", reason="no such limit")
def test_an_agent_may_open_as_many_files_as_the_system_allows() -> None:
    import resource

    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    try:
        resource.setrlimit(resource.RLIMIT_NOFILE, (256, before[1]))
        allowed = allow_open_files()
        assert resource.getrlimit(resource.RLIMIT_NOFILE) == (allowed, before[1])
        assert allowed >= min(before[0], 65_536)
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, before)


def _open_files() -> int:
    return sum(1 for _ in Path("/proc/self/fd").iterdir())


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux has control groups")
def test_files_of_a_cgroup_stay_open_and_say_what_is_so_now(tmp_path: Path) -> None:
    before = _open_files()
    files = cgroups._OpenFiles()
    path, long = tmp_path / "usage", tmp_path / "stat"
    path.write_text("1")
    long.write_text("some_word 12345\n" * 5000)
    assert (files.read(path), files.read(long)) == (b"1", long.read_bytes())
    path.write_text("23")
    assert files.read(path) == b"23"
    assert _open_files() == before + 2
    files.close()
    assert _open_files() == before
    with pytest.raises(FileNotFoundError):
        files.read(tmp_path / "gone")


async def test_gpu_use_is_that_of_the_runtimes_processes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if sys.platform == "win32":
        pytest.skip("shell scripts: not on this platform")
    program = tmp_path / "nvidia-smi"
    program.write_text(f"#!/bin/sh\ncat <<'END'\n{PMON}END\nexec sleep 60\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    meter = GpuMeter()
    async with asyncio.timeout(20):
        while meter.use([4711, 4712, 9]) != (37.0, 1040 * 1024**2):  # noqa: ASYNC110 - a process
            await asyncio.sleep(0.02)
    assert meter.use([9]) == (0.0, 0)
    await meter.aclose()


async def test_gpu_of_a_host_without_one_is_not_told() -> None:
    meter = GpuMeter("no-such-nvidia-smi")
    assert not meter.is_there
    assert meter.use([1]) is None
    await meter.aclose()
