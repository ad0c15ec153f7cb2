"""Worker processes that are killed, paused and cut off from the broker."""

from __future__ import annotations

import asyncio
import itertools
import json
import os
import random
import signal
import subprocess
import sys
from pathlib import Path

from tests.services.proxy import CutProxy

ROOT = Path(__file__).resolve().parents[2]


class Fleet:
    """Worker processes that can be hurt.

    Args:
        options: of each of them, beside their names and folders.
        directory: for their files and their log.
        proxy: their way to the broker.
        module: of ``tests.fault``, what they run.
    """

    def __init__(
        self,
        options: dict[str, str],
        directory: Path,
        proxy: CutProxy,
        module: str = "job_worker_main",
    ) -> None:
        self._options = options
        self._module = module
        self.proxy = proxy
        self._directory = directory
        self._numbers = itertools.count(1)
        self.processes: list[subprocess.Popen[bytes]] = []
        self.kills = self.pauses = self.cuts = 0

    def start(self) -> None:
        number = next(self._numbers)
        options = self._options | {
            "owner": f"worker{number}",
            "work": str(self._directory / f"work{number}"),
        }
        with (self._directory / "workers.log").open("ab") as log:
            self.processes.append(
                subprocess.Popen(
                    [sys.executable, "-m", f"tests.fault.{self._module}", json.dumps(options)],
                    stdout=log,
                    stderr=log,
                    cwd=ROOT,
                    env={**os.environ, "PYTHONPATH": str(ROOT)},
                )
            )

    def kill_one(self, chance: random.Random) -> None:
        victim = self.processes.pop(chance.randrange(len(self.processes)))
        victim.kill()
        victim.wait()
        self.kills += 1
        self.start()

    async def pause_one(self, chance: random.Random, seconds: float) -> None:
        victim = chance.choice(self.processes)
        victim.send_signal(signal.SIGSTOP)
        self.pauses += 1
        await asyncio.sleep(seconds)
        if victim.poll() is None:
            victim.send_signal(signal.SIGCONT)

    async def cut_off(self, seconds: float) -> None:
        """Take the broker away from every worker, while others still reach it."""
        self.cuts += 1
        await self.proxy.cut(seconds)

    def close(self) -> None:
        for process in self.processes:
            process.kill()
            process.wait()
