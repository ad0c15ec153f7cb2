"""How runtimes end: waiting for it, asking for it, and clearing away what is left.

An engine that cannot be asked is unknown, never dead: every wait here goes on until it answers.
"""

from __future__ import annotations

import asyncio
import logging
from typing import Any

from slate_desktop.agent.drivers.base import Driver, Handle, Inspection, RuntimeState
from slate_desktop.errors import CommandError, ErrorCode

_log = logging.getLogger(__name__)
STOP_TRIES = 3
FIRST_RETRY_S = 0.5
MAX_RETRY_S = 10.0


class StopFailedError(CommandError):
    """The engine did not end a runtime after several tries."""


async def wait_for_end(driver: Driver, handle: Handle) -> Inspection:
    """Return the engine's last word once a runtime has ended or is gone."""
    delay = FIRST_RETRY_S
    while True:
        try:
            inspection = await driver.wait(handle)
        except CommandError as error:
            _log.warning(
                "waiting for an engine",
                extra={"session": handle.labels.session, "reason": error.message},
            )
        else:
            if inspection.state is not RuntimeState.RUNNING:
                return inspection
        await asyncio.sleep(delay)
        delay = min(delay * 2, MAX_RETRY_S)


async def end_runtime(driver: Driver, handle: Handle, grace_s: float) -> None:
    """Stop a runtime, killing it after the grace.

    Raises:
        StopFailedError: the engine answered, and refused every time.
    """
    tries = 0
    while True:
        try:
            await driver.stop(handle, grace_s)
        except CommandError as error:
            tries += error.code is not ErrorCode.DOCKER_UNAVAILABLE
            if tries >= STOP_TRIES:
                raise StopFailedError(
                    ErrorCode.DOCKER_ERROR, f"the runtime could not be ended: {error.message}"
                ) from error
            await asyncio.sleep(FIRST_RETRY_S)
        else:
            return


async def until_ended(
    waiting: asyncio.Task[Inspection],
    stopping: asyncio.Task[None],
    pumping: asyncio.Task[None],
) -> None:
    """Return when ``waiting`` is done; raise what a failed stop or a fenced log raised."""
    pending: set[asyncio.Task[Any]] = {waiting, stopping, pumping}
    while not waiting.done():
        # A broken-off log is done early; it is no reason to end the runtime.
        done, pending = await asyncio.wait(pending, return_when=asyncio.FIRST_COMPLETED)
        for task in done:
            task.result()


async def remove_runtime(driver: Driver, handle: Handle | None, name: str, agent_id: str) -> None:
    """Remove a runtime, found by its name without a handle; what fails, reconciliation repeats."""
    try:
        if handle is not None:
            await driver.remove(handle)
            return
        for found, _ in await driver.list_runtimes(agent_id):
            if found.name == name:
                await driver.remove(found)
    except CommandError as error:
        _log.warning(
            "a runtime is left for later", extra={"runtime": name, "reason": error.message}
        )
