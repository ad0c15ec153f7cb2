"""A program in the agent's place: registers as it does, notes its arguments, and waits.

Arguments: a file to append its arguments to, and what to do (``stay``, ``die`` or ``superseded``).
``superseded`` gives way once, and stays when it is started again.
"""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

from slate_desktop.stack import client
from slate_desktop.stack.agent_process import EXIT_SUPERSEDED
from slate_desktop.store import Database


async def main(note: Path, mode: str, rest: list[str]) -> int:
    endpoint = client.agent_endpoint()
    assert endpoint is not None
    with note.open("a") as file:
        file.write(f"{mode} {' '.join(rest)}\n")
    if mode == "die":
        return 1
    if mode == "superseded" and len(note.read_text().splitlines()) == 1:  # noqa: ASYNC240
        return EXIT_SUPERSEDED
    async with await Database.connect(endpoint.database_url, min_size=0) as database:
        await database.agents.register(endpoint.agent_id, name="fake", pubkey=None, capabilities={})
    await asyncio.Event().wait()
    return 0


if __name__ == "__main__":
    sys.exit(asyncio.run(main(Path(sys.argv[1]), sys.argv[2], sys.argv[3:])))
