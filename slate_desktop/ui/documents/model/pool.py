"""Drawing processes that are ready: starting one and its first frame take a second."""

from __future__ import annotations

import asyncio
import importlib
import logging
from typing import TYPE_CHECKING

from slate_desktop.errors import SlateError

if TYPE_CHECKING:
    from slate_desktop.ui.documents.model.worker import ModelWorker

log = logging.getLogger(__name__)


class ModelPool:
    """Keeps at most one spare process. One per window."""

    def __init__(self) -> None:
        self._spare: ModelWorker | None = None
        self._warming: asyncio.Task[None] | None = None
        self._is_closed = False

    def warm(self) -> None:
        """Start a spare process, when a model is likely to be opened next."""
        if self._spare is None and self._warming is None and not self._is_closed:
            self._warming = asyncio.create_task(self._warm(), name="warm model process")

    async def take(self) -> ModelWorker:
        """Return a process that can draw.

        Raises:
            EnvironmentFaultError: this machine cannot draw.
        """
        if self._warming is not None:
            await asyncio.wait({self._warming})
        worker, self._spare = self._spare, None
        if worker is not None and worker.is_alive:
            return worker
        if worker is not None:
            await worker.aclose()
        worker = await _make()
        try:
            await worker.start()
        except BaseException:
            await worker.aclose()
            raise
        return worker

    async def give_back(self, worker: ModelWorker) -> None:
        """Take a process that is not needed any more: it becomes the spare, or ends."""
        try:
            if worker.is_alive:
                await worker.empty()
        except SlateError as error:
            log.info("a drawing process cannot be used again", extra={"reason": str(error)})
            await worker.aclose()
            return
        except asyncio.CancelledError:
            await worker.aclose()
            raise
        if self._spare is None and self._warming is None and not self._is_closed:
            self._spare = worker
        else:
            await worker.aclose()

    async def aclose(self) -> None:
        """End the spare process."""
        self._is_closed = True
        if self._warming is not None:
            self._warming.cancel()
            await asyncio.wait({self._warming})
        worker, self._spare = self._spare, None
        if worker is not None:
            await worker.aclose()

    async def _warm(self) -> None:
        worker = await _make()
        try:
            await worker.start()
            await worker.rehearse()
        except asyncio.CancelledError:
            await worker.aclose()
            raise
        except (SlateError, OSError) as error:
            # Whoever opens a model is told; nobody asked yet.
            log.info("no spare drawing process", extra={"reason": str(error)})
            await worker.aclose()
        else:
            self._spare = worker
        finally:
            self._warming = None


async def _make() -> ModelWorker:
    # Plain code: a thread reads it while the window answers.
    module = await asyncio.to_thread(
        importlib.import_module, "slate_desktop.ui.documents.model.worker"
    )
    return module.ModelWorker()
