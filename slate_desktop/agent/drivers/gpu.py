"""Use of NVIDIA GPUs by processes, as ``nvidia-smi pmon`` tells it; nothing where it is absent.

One ``pmon`` for each agent writes a line for each process and second. It is started when somebody
first asks, and ends with the agent.

Source: ``nvidia-smi pmon -h`` (columns of ``-s um``: gpu pid type sm mem enc dec … fb … command)
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import shutil
import time
from collections.abc import Iterable

_log = logging.getLogger(__name__)
_MIB = 1024 * 1024
# A figure that is older tells nothing any more.
_FRESH_S = 5.0


class GpuMeter:
    """Share of a GPU's time and memory of the processes of a runtime."""

    def __init__(self, program: str = "nvidia-smi") -> None:
        self._program = shutil.which(program)
        self._task: asyncio.Task[None] | None = None
        self._columns: list[str] = []
        self._seen: dict[int, tuple[float, float, int]] = {}

    @property
    def is_there(self) -> bool:
        """Whether this host has the program."""
        return self._program is not None

    def use(self, pids: Iterable[int]) -> tuple[float, int] | None:
        """Return percent of one GPU and bytes of its memory; None where nobody can tell."""
        if self._program is None:
            return None
        if self._task is None:
            self._task = asyncio.create_task(self._run(self._program), name="gpu-meter")
        since = time.monotonic() - _FRESH_S
        found = [self._seen[pid] for pid in pids if pid in self._seen]
        fresh = [(percent, size) for at, percent, size in found if at >= since]
        return sum(percent for percent, _ in fresh), sum(size for _, size in fresh)

    async def aclose(self) -> None:
        """End the program."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
            self._task = None

    def read_line(self, line: str) -> None:
        """Take one line of the program's output."""
        words = line.split()
        if line.startswith("#"):
            if "pid" in words:
                self._columns = words[1:]
            return
        if len(words) < len(self._columns) or not self._columns:
            return
        row = dict(zip(self._columns, words, strict=False))
        try:
            pid = int(row.get("pid", ""))
        except ValueError:
            return
        size = int(_number(row.get("fb", "")) * _MIB)
        self._seen[pid] = (time.monotonic(), _number(row.get("sm", "")), size)

    async def _run(self, program: str) -> None:
        try:
            process = await asyncio.create_subprocess_exec(
                program,
                "pmon",
                "-s",
                "um",
                "-d",
                "1",
                stdin=asyncio.subprocess.DEVNULL,
                stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.DEVNULL,
            )
        except OSError as error:
            self._program = None
            _log.warning("no figures of the GPU", extra={"reason": str(error)})
            return
        try:
            assert process.stdout is not None  # noqa: S101 - asked for above
            async for line in process.stdout:
                self.read_line(line.decode("ascii", "replace"))
            # It ended by itself: the driver does not answer, and asking again would not help.
            self._program = None
            _log.warning("nvidia-smi ended", extra={"code": await process.wait()})
        finally:
            with contextlib.suppress(ProcessLookupError):
                process.kill()
            await process.wait()


def _number(text: str) -> float:
    """Return a figure; ``-`` means none."""
    try:
        return float(text)
    except ValueError:
        return 0.0
