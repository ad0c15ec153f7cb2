"""Ending a server of asyncio so that nothing is left of what it had just accepted."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable


async def stop_listening(
    server: asyncio.Server, serving: Iterable[asyncio.Task[None]] = ()
) -> None:
    """Accept nobody any more, close the server and wait until its connections are served.

    Python 3.11 makes the transport of a connection some turns after it was accepted, and fails to
    where the server was closed meanwhile: the socket is then nobody's, and its peer hangs. So the
    reader is taken away first and whoever is inside gets a transport.

    Args:
        server: What ``asyncio.start_server`` gave.
        serving: The tasks that serve its connections, a set that they leave when they end.
            Whoever calls sees to it that they end.
    """
    loop = asyncio.get_running_loop()
    for sock in server.sockets:
        loop.remove_reader(sock.fileno())
    await some_turns()
    server.close()
    if tasks := list(serving):
        await asyncio.wait(tasks, timeout=10)
    await some_turns()


async def some_turns() -> None:
    """Let the loop make what it has begun: a transport, or the end of one that was aborted."""
    for _ in range(5):
        await asyncio.sleep(0)
