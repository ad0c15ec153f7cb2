"""A picture of the window in German, which needs no engine."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

Take = Callable[[Any, str], Awaitable[None]]
Until = Callable[..., Awaitable[None]]


async def german_pictures(window: Any, session_of: Any, take: Take, until: Until) -> None:
    """Run a sample and show it."""
    await until(lambda: window.is_built, "the window")
    window.resize(1520, 920)
    await until(lambda: window.workspace.answered.is_set(), "the connection")
    await until(lambda: "online" in window.status_row.lamps.buttons["agent"].text(), "an agent")
    session_id = await session_of(window, "hello-runtime", "process")
    await until(lambda: window.performance.graphs is not None, "the graphs")
    await asyncio.sleep(20.0)  # log and graphs fill
    window.toasts.clear()
    await take(window, "window-german")
    window.registry["session.stop"].trigger()
    await until(lambda: window.workspace.find_session(session_id).is_final, "the stop")
