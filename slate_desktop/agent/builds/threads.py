"""Work that must come to its end before anything else goes on."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

T = TypeVar("T")


async def in_thread(work: Callable[[threading.Event], T], cancel: asyncio.Event) -> T:
    """Run blocking work in a thread, and never leave the thread behind.

    Args:
        work: gets an event that is set once it is to end early.
        cancel: the user's wish to end it.

    Returns:
        What the work returns; a cancelled caller goes on only after the thread has ended.
    """
    stop = threading.Event()
    thread = asyncio.create_task(asyncio.to_thread(work, stop), name="build-thread")
    wish = asyncio.create_task(cancel.wait(), name="build-thread-cancel")
    try:
        await asyncio.wait({thread, wish}, return_when=asyncio.FIRST_COMPLETED)
    finally:
        wish.cancel()
        stop.set()
        await outlast(_settle(thread))
    return thread.result()


async def _settle(thread: asyncio.Task[Any]) -> None:
    await asyncio.wait({thread})
    with contextlib.suppress(asyncio.CancelledError):
        # Looked at here, so that an error is no surprise to the loop when nobody else asks.
        thread.exception()


async def outlast(work: Coroutine[Any, Any, None]) -> None:
    """Finish ``work`` even when the caller is cancelled meanwhile; the cancellation follows."""
    task = asyncio.create_task(work, name="build-cleanup")
    was_cancelled = False
    while not task.done():
        try:
            await asyncio.wait({task})
        except asyncio.CancelledError:
            was_cancelled = True
    task.result()
    if was_cancelled:
        raise asyncio.CancelledError
