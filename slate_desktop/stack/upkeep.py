"""What a process that keeps servers up does for each of them: own its task, start it again."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Coroutine
from typing import Any, Protocol

from slate_desktop.errors import SlateError, StackError
from slate_desktop.stack.restarts import RestartPolicy

logger = logging.getLogger(__name__)
_CANCEL_TIMEOUT_S = 5.0


class Service(Protocol):
    """A server that is kept up."""

    @property
    def process(self) -> asyncio.subprocess.Process | None:
        """The process, once started."""
        ...

    async def start(self) -> None:
        """Start it and wait until it answers."""
        ...

    async def stop(self) -> None:
        """End it, bounded in time."""
        ...


class Upkeep:
    """Owns the tasks of a process that keeps servers up.

    Args:
        on_failure: told why a task failed; without it the process cannot go on.
    """

    def __init__(self, on_failure: Callable[[SlateError], None]) -> None:
        self._on_failure = on_failure
        self._tasks: set[asyncio.Task[None]] = set()

    def own(self, coro: Coroutine[Any, Any, None], name: str) -> None:
        """Run ``coro`` until it ends or ``aclose`` cancels it."""

        def on_done(task: asyncio.Task[None]) -> None:
            self._tasks.discard(task)
            if not task.cancelled() and (exc := task.exception()) is not None:
                logger.error("task failed", exc_info=exc, extra={"task": name})
                is_ours = isinstance(exc, SlateError)
                self._on_failure(exc if is_ours else StackError(f"{name}: {exc!r}"))

        task = asyncio.create_task(coro, name=name)
        self._tasks.add(task)
        task.add_done_callback(on_done)

    def keep(self, name: str, service: Service, on_back: Callable[[], None] | None = None) -> None:
        """Start a running server again whenever it ends; one that dies too often is a failure.

        Args:
            name: of the server, for people and the log.
            service: the server.
            on_back: called each time it was started again.
        """
        self.own(self._keep(name, service, on_back), f"keep-{name}")

    async def aclose(self) -> None:
        """Cancel every task; returns once they have ended, bounded in time."""
        tasks = set(self._tasks)
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait(tasks, timeout=_CANCEL_TIMEOUT_S)

    async def _keep(self, name: str, service: Service, on_back: Callable[[], None] | None) -> None:
        policy = RestartPolicy()
        while True:
            code = await exit_of(service)
            logger.error("server ended", extra={"role": name, "code": code})
            await self._restart(name, service, policy)
            if on_back is not None:
                on_back()

    async def _restart(self, name: str, service: Service, policy: RestartPolicy) -> None:
        while True:
            delay_s = policy.next_delay_s()
            if delay_s is None:
                raise StackError(f"The {name} server died too often; see its log.")
            await asyncio.sleep(delay_s)
            try:
                await service.start()
            except StackError:
                logger.exception("server cannot be started", extra={"role": name})
                continue
            logger.info("server is back", extra={"role": name})
            return


async def exit_of(service: Service) -> int:
    """Return a server's exit code once it has ended; -1 for one that was never started."""
    return -1 if service.process is None else await service.process.wait()
