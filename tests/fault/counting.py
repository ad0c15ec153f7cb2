"""A runtime that numbers its lines, and the check that each of them is stored once and in order."""

from __future__ import annotations

from collections import Counter

from slate_desktop.store import Database

_PROGRAM = """
import os, sys, time
n = 0
while not os.path.exists("enough"):
    for _ in range({burst}):
        (sys.stderr if n % 10 == 9 else sys.stdout).write(f"{{n}}\\n")
        n += 1
    sys.stdout.flush()
    time.sleep({pause_s})
print(f"total {{n}}", flush=True)
"""
_PAGE = 5000


def counting_program(burst: int, pause_s: float) -> str:
    """Return a Python program that writes ``burst`` numbers at once, then pauses.

    Each tenth goes to the standard error stream. Once there is a file ``enough`` in its directory
    it writes how many there were, and ends.
    """
    return _PROGRAM.format(burst=burst, pause_s=pause_s)


async def check_counted(db: Database, session_id: str) -> int:
    """Check that every line of an ended runtime is stored once; returns how many numbers."""
    seqs: list[int] = []
    numbers: list[int] = []
    total, after = -1, 0
    while page := (await db.logs.page(session_id, after_seq=after, limit=_PAGE)).lines:
        for line in page:
            seqs.append(line.seq)
            if line.message.startswith("total "):
                total = int(line.message.split()[1])
            else:
                numbers.append(int(line.message))
        after = page[-1].seq
    assert seqs == list(range(1, len(seqs) + 1)), "the numbers of the lines have holes"
    repeated = [number for number, times in Counter(numbers).items() if times > 1]
    assert not repeated, f"stored twice: {repeated[:20]}"
    missing = sorted(set(range(total)) - set(numbers))
    assert not missing, f"{len(missing)} of {total} lines are missing: {missing[:20]}"
    assert len(numbers) == total, f"{len(numbers)} lines, and the runtime counted {total}"
    return total
