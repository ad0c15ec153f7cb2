"""The door of the sandbox: run a request in a child, with progress, limits and cancel.

::

    async with Sandbox() as sandbox:
        result = await sandbox.process(kind, source, work_dir, options)

A fork server that was lost takes its children with it, whatever they read. Such a file is read once
more, in a process that it shares with no other: there it harms nobody, and how that ends is known.

A child ends in time: at the wall clock's limit or on cancel it is asked (SIGTERM), after the grace
killed with everything it started, and then its channel is cut.
"""

from __future__ import annotations

import asyncio
import logging
import signal
import sys
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Self, TypeAlias

import msgspec

from slate_desktop.domain.assets.kinds import AssetKind
from slate_desktop.domain.assets.options import AssetOptions
from slate_desktop.domain.assets.report import ProcessResult, result_from_json
from slate_desktop.errors import AssetError, EnvironmentFaultError, Retry
from slate_desktop.pipeline.sandbox import request as requests
from slate_desktop.pipeline.sandbox.child import FAULT_FILE
from slate_desktop.pipeline.sandbox.folders import empty, work_folder
from slate_desktop.pipeline.sandbox.forked import ForkServer
from slate_desktop.pipeline.sandbox.handle import ChildHandle, SpawnedChild
from slate_desktop.pipeline.sandbox.limits import Limits, limits_of
from slate_desktop.pipeline.sandbox.outcome import Answer, Stop, conclude, read_answer
from slate_desktop.pipeline.sandbox.request import ChildRequest, Order, encode_line
from slate_desktop.pipeline.threads import processor_count

logger = logging.getLogger(__name__)

# Called on the loop's thread: fraction 0 to 1, a few words.
OnProgress: TypeAlias = Callable[[float, str], None]
_Launch: TypeAlias = Callable[[ChildRequest], ChildHandle]
# A child's last word and its exit status.
_Talk: TypeAlias = "asyncio.Future[tuple[Answer | None, int | None]]"

MAX_CHILDREN = 32
_PROGRESS_EVERY_S = 0.1
_CUT_AFTER_S = 2.0
_MAX_FAULT_BYTES = 4096


class Sandbox:
    """Runs requests in children, each in one of its own.

    Args:
        is_warm: fork children from a server that has the codecs loaded, where the system can
            (Linux); else every child is an interpreter of its own.
    """

    def __init__(self, *, is_warm: bool = True) -> None:
        self._server = ForkServer() if is_warm and sys.platform == "linux" else None
        self._running = 0
        self._threads = ThreadPoolExecutor(MAX_CHILDREN, thread_name_prefix="slate-sandbox")

    @property
    def server_pid(self) -> int | None:
        """The fork server's process, once it runs."""
        return None if self._server is None else self._server.pid

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.aclose()

    async def aclose(self) -> None:
        """End the fork server and what still runs in it."""
        if self._server is not None:
            await asyncio.to_thread(self._server.close)
        self._threads.shutdown(wait=False, cancel_futures=True)

    async def run(
        self,
        request: ChildRequest,
        *,
        limits: Limits | None = None,
        on_progress: OnProgress | None = None,
        cancel: asyncio.Event | None = None,
    ) -> object:
        """Run a request and return its result, JSON values.

        Raises:
            AssetError: the file is not sound, needs too much, or crashed its reader; ``later``
                where the reader was lost through no fault of its own.
            CommandError: ``cancelled``, ``disk_low``, or options that the pipeline refused.
            EnvironmentFaultError: no child can be started.
        """
        return await self._run(self._launch, request, limits, on_progress, cancel)

    async def _run_outliving(
        self,
        request: ChildRequest,
        *,
        limits: Limits | None = None,
        on_progress: OnProgress | None = None,
        cancel: asyncio.Event | None = None,
    ) -> object:
        """Run a request, and once more where the server of its child was lost.

        Raises:
            Like ``run``.
        """
        try:
            return await self._run(self._launch, request, limits, on_progress, cancel)
        except AssetError as exc:
            if exc.retry is not Retry.LATER:
                raise
            try:
                await asyncio.to_thread(empty, Path(request.work_dir))
            except OSError:
                raise exc from None
        logger.info("a reader was lost: it is tried once more", extra={"target": request.target})
        return await self._run(_launch_alone, request, limits, on_progress, cancel)

    def _shared(self, limits: Limits) -> Limits:
        """Return limits with a share of the processors; the children that run share them."""
        if limits.threads:
            return limits
        share = max(1, processor_count() // self._running)
        return msgspec.structs.replace(limits, threads=share)

    async def _run(
        self,
        launch: _Launch,
        request: ChildRequest,
        limits: Limits | None,
        on_progress: OnProgress | None,
        cancel: asyncio.Event | None,
    ) -> object:
        self._running += 1
        try:
            limits = self._shared(limits or limits_of(request.kind))
            job = _Job(launch, request, limits, on_progress, asyncio.get_running_loop())
            return await self._await(job, request, limits, cancel)
        finally:
            self._running -= 1

    async def _await(
        self, job: _Job, request: ChildRequest, limits: Limits, cancel: asyncio.Event | None
    ) -> object:
        talk = asyncio.get_running_loop().run_in_executor(self._threads, job.talk)
        try:
            stop = await _until_over(talk, limits.wall_s, cancel)
        except asyncio.CancelledError:
            await asyncio.shield(_end(job, talk, 0.0))
            raise
        if stop is not None:
            await asyncio.shield(_end(job, talk, limits.grace_s))
        answer, status = await talk
        try:
            return conclude(answer, status, stop, limits)
        except AssetError as exc:
            _log_fault(request, exc)
            raise

    async def process(
        self,
        kind: AssetKind,
        source: Path,
        work_dir: Path,
        options: AssetOptions,
        *,
        limits: Limits | None = None,
        on_progress: OnProgress | None = None,
        cancel: asyncio.Event | None = None,
    ) -> ProcessResult:
        """Make an asset's products in ``work_dir``, which exists and is empty.

        Raises:
            Like ``run``.
        """
        request = requests.process_request(kind, source, work_dir, options)
        result = await self._run_outliving(
            request, limits=limits, on_progress=on_progress, cancel=cancel
        )
        return result_from_json(result)

    async def inspect(
        self, kind: AssetKind, source: Path, *, cancel: asyncio.Event | None = None
    ) -> dict[str, object]:
        """Return facts about a file.

        Raises:
            Like ``run``.
        """
        with work_folder() as folder:
            result = await self._run_outliving(
                requests.inspect_request(kind, source, folder), cancel=cancel
            )
        if not isinstance(result, dict):
            raise AssetError.crash("The reader answered nonsense.")
        return {str(name): value for name, value in result.items()}

    async def references(
        self, kind: AssetKind, source: Path, *, cancel: asyncio.Event | None = None
    ) -> tuple[str, ...]:
        """Return the files that a file refers to, by names relative to its folder.

        Raises:
            Like ``run``.
        """
        with work_folder() as folder:
            result = await self._run_outliving(
                requests.references_request(kind, source, folder), cancel=cancel
            )
        if not isinstance(result, list):
            raise AssetError.crash("The reader answered nonsense.")
        return tuple(str(name) for name in result)

    def _launch(self, request: ChildRequest) -> ChildHandle:
        if self._server is None:
            return _launch_alone(request)
        try:
            return self._server.launch(request.kind, request.codec)
        except OSError as exc:
            raise _no_process(exc) from exc


async def run_in_child(
    request: ChildRequest,
    *,
    limits: Limits | None = None,
    on_progress: OnProgress | None = None,
    cancel: asyncio.Event | None = None,
) -> object:
    """Run one request in a child with an interpreter of its own; see ``Sandbox.run``."""
    async with Sandbox(is_warm=False) as sandbox:
        return await sandbox.run(request, limits=limits, on_progress=on_progress, cancel=cancel)


def _launch_alone(_: ChildRequest) -> ChildHandle:
    try:
        return SpawnedChild()
    except OSError as exc:
        raise _no_process(exc) from exc


def _no_process(exc: OSError) -> EnvironmentFaultError:
    return EnvironmentFaultError(f"No process can be started to read files: {exc.strerror or exc}.")


class _Job:
    """One request in its thread, and the way to stop it from the loop's thread."""

    def __init__(
        self,
        launch: _Launch,
        request: ChildRequest,
        limits: Limits,
        on_progress: OnProgress | None,
        loop: asyncio.AbstractEventLoop,
    ) -> None:
        self._launch = launch
        self._request = request
        self._limits = limits
        self._on_progress = on_progress
        self._loop = loop
        self._lock = threading.Lock()
        self._child: ChildHandle | None = None
        self._signal: int | None = None
        self._next_progress_s = 0.0

    def talk(self) -> tuple[Answer | None, int | None]:
        """Start the child, hear it to its end, and return its last word and exit status."""
        with self._lock:
            if self._signal is not None:
                return None, None
            child = self._child = self._launch(self._request)
        try:
            order = Order(limits=self._limits, request=self._request)
            last: Answer | None = None
            try:
                child.send(encode_line(order))
            except OSError:
                pass  # it ended already; its status says why
            else:
                last = self._hear(child)
            if last is None:
                child.cut()  # nothing it could still say counts: it is ending, or talks nonsense
            return last, child.wait()
        finally:
            child.close()

    def signal(self, number: int) -> None:
        """Signal the child, or keep it from starting."""
        with self._lock:
            self._signal = number
            if self._child is not None:
                self._child.signal(number)

    def cut(self) -> None:
        """Stop listening to the child."""
        with self._lock:
            if self._child is not None:
                self._child.cut()

    def _hear(self, child: ChildHandle) -> Answer | None:
        for line in child.lines():
            answer = read_answer(line)
            if answer is None:
                child.signal(signal.SIGTERM)
                return None
            if answer.is_last:
                return answer
            self._pass_on(answer)
        return None

    def _pass_on(self, answer: Answer) -> None:
        now = time.monotonic()
        if self._on_progress is None or answer.progress is None or now < self._next_progress_s:
            return
        self._next_progress_s = now + _PROGRESS_EVERY_S
        fraction = min(max(answer.progress, 0.0), 1.0)
        self._loop.call_soon_threadsafe(self._on_progress, fraction, answer.message[:200])


async def _until_over(
    talk: _Talk,
    wall_s: float,
    cancel: asyncio.Event | None,
) -> Stop | None:
    """Wait for the child's end, the limit or a cancel, whichever comes first."""
    if cancel is None:
        done, _ = await asyncio.wait({talk}, timeout=wall_s)
        return None if done else Stop.TIME
    wish = asyncio.create_task(cancel.wait(), name="sandbox-cancel")
    try:
        await asyncio.wait({talk, wish}, timeout=wall_s, return_when=asyncio.FIRST_COMPLETED)
        if talk.done():
            return None
        return Stop.CANCEL if wish.done() else Stop.TIME
    finally:
        wish.cancel()


async def _end(job: _Job, talk: _Talk, grace_s: float) -> None:
    """Ask, then kill, then stop listening."""
    job.signal(signal.SIGTERM)
    done, _ = await asyncio.wait({talk}, timeout=grace_s)
    if not done:
        job.signal(getattr(signal, "SIGKILL", signal.SIGTERM))
        done, _ = await asyncio.wait({talk}, timeout=_CUT_AFTER_S)
    if not done:
        job.cut()
        await asyncio.wait({talk})


def _log_fault(request: ChildRequest, error: AssetError) -> None:
    """Keep what a crash left for whoever looks into it."""
    fault = Path(request.work_dir) / FAULT_FILE
    try:
        with fault.open("rb") as file:
            trace = file.read(_MAX_FAULT_BYTES).decode("utf-8", "replace")
    except OSError:
        trace = ""
    trace = trace or str(error.details.get("trace", ""))
    if trace:
        logger.warning(
            "a parser's child ended badly",
            extra={"target": request.target, "code": error.code.value, "trace": trace},
        )


__all__ = ["Sandbox", "run_in_child"]
