"""One worker of the benchmark of assets, in a process of its own that keeps to one core.

Takes where assets, products, cache and the common counter are, and a core. Says ``ready``, begins
at a line on its standard input, takes one asset after the other until none is left, and prints how
many it made and the processor time of itself and its children, seconds.
"""

from __future__ import annotations

import asyncio
import fcntl
import json
import os
import resource
import sys
from pathlib import Path

from slate_desktop.control.asset_batch import AssetTask, tasks_of_batch
from slate_desktop.control.local_assets import LocalAssets
from slate_desktop.domain.assets.kinds import AssetJobStatus


def main() -> None:
    """Work as told on the command line."""
    folder, out, cache, counter = (Path(text) for text in sys.argv[1:5])
    os.sched_setaffinity(0, {int(sys.argv[5])})
    tasks = tasks_of_batch(str(folder))
    print("ready", flush=True)
    sys.stdin.readline()
    before = _processor_s()
    made = asyncio.run(_work(tasks, out, cache, counter))
    print(json.dumps({"made": made, "processor_s": _processor_s() - before}), flush=True)


async def _work(tasks: list[AssetTask], out: Path, cache: Path, counter: Path) -> int:
    made = 0
    # The children are counted once the sandbox has ended.
    async with LocalAssets(out, cache_dir=cache, workers=1) as assets:
        while (number := _next(counter)) < len(tasks):
            async for task, result in assets.process([tasks[number]]):
                assert result.state is AssetJobStatus.COMPLETED, (task.name, result.error)
                made += 1
    return made


def _next(counter: Path) -> int:
    """Take the next number that no worker has."""
    with counter.open("r+") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        number = int(file.read())
        file.seek(0)
        file.write(str(number + 1))
    return number


def _processor_s() -> float:
    both = (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)
    found = [resource.getrusage(which) for which in both]
    return sum(usage.ru_utime + usage.ru_stime for usage in found)


if __name__ == "__main__":
    main()
