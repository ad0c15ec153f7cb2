"""Runs the programs of a build, one after the other, each as one runtime of a driver."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Mapping

import msgspec

from slate_desktop.agent.builds.buildlog import BuildLog
from slate_desktop.agent.builds.debts import Debts
from slate_desktop.agent.builds.threads import outlast
from slate_desktop.agent.drivers.base import (
    Driver,
    Handle,
    Inspection,
    Labels,
    RuntimeSpec,
    RuntimeState,
)
from slate_desktop.domain.build import BuildLogLine
from slate_desktop.domain.builds.commands import BuildPlan, Step
from slate_desktop.domain.builds.judgement import StepExit
from slate_desktop.domain.container import ContainerConfig
from slate_desktop.domain.jobs import Lease
from slate_desktop.domain.logs import LogLevel
from slate_desktop.errors import CommandError, SlateError

_log = logging.getLogger(__name__)
STOP_GRACE_S = 5.0
# A licence that is not returned is lost for days: its step may take a while even after a cancel.
ALWAYS_TIMEOUT_S = 60.0
# What a runtime has written may be read a little after its end.
_LAST_READ_S = 30.0
_RETRIES = 5
LABEL_SUFFIX = ".builds"


class RunResult(msgspec.Struct, frozen=True, kw_only=True):
    """How the programs ended; ``was_oom`` is true when one was killed for its memory."""

    exits: tuple[StepExit, ...]
    was_oom: bool = False


class ProgramRunner:
    """Runs the steps of one plan.

    Args:
        driver: container or local process.
        lease: names the runtimes.
        agent_id: whose they are.
        config: limits, image and variables of each of them.
        root: the folder that they may see.
        secrets: values for ``{env:NAME}``.
        log: takes their output.
        on_line: hears every line.
        on_step: hears every step.
        debts: remembers what must always run, should this process be killed.
        image_bytes: what the image takes on disk, where that is known.
    """

    def __init__(
        self,
        driver: Driver,
        lease: Lease,
        agent_id: str,
        config: ContainerConfig,
        root: str,
        secrets: Mapping[str, str],
        log: BuildLog,
        on_line: Callable[[str, BuildLogLine], None],
        on_step: Callable[[Step], None],
        debts: Debts,
        *,
        image_bytes: int = 0,
    ) -> None:
        self._driver = driver
        self._lease = lease
        self._agent_id = agent_id
        self._config = config
        self._root = root
        self._secrets = secrets
        self._log = log
        self._on_line = on_line
        self._on_step = on_step
        self._debts = debts
        self._image_bytes = image_bytes

    async def run(self, plan: BuildPlan, cancel: asyncio.Event) -> RunResult:
        """Run the steps until one fails; what must always run does, also after a cancellation."""
        exits: list[StepExit] = []
        was_oom = False
        steps = [step for step in plan.steps if self._has_env(step)]
        rest = [step for step in steps if step.always]
        if rest:
            self._debts.add(
                self._lease,
                driver=self._driver.name,
                config=self._config,
                root=self._root,
                steps=rest,
                secrets=self._secrets,
            )
        try:
            for step in steps:
                if step.always or cancel.is_set():
                    continue
                found = await self._run_step(step, cancel)
                was_oom = was_oom or found.oom_killed
                exits.append(
                    StepExit(step=step.id, code=found.exit_code, is_evidence=step.is_evidence)
                )
                if found.exit_code != 0 and step.is_evidence:
                    break
        finally:
            # Also when this coroutine is cancelled: nobody else returns a licence.
            if rest:
                await outlast(self.run_always(rest))
        return RunResult(exits=tuple(exits), was_oom=was_oom)

    async def run_always(self, steps: list[Step]) -> None:
        """Run steps that are owed; what cannot be run stays owed."""
        never = asyncio.Event()
        is_paid = True
        for step in steps:
            try:
                async with asyncio.timeout(ALWAYS_TIMEOUT_S):
                    await self._run_step(step, never)
            except (SlateError, TimeoutError) as error:
                self._log.say(step.id, f"{step.title} failed: {error}", LogLevel.ERROR)
                is_paid = False
        if is_paid:
            self._debts.remove(self._lease)

    async def _run_step(self, step: Step, cancel: asyncio.Event) -> Inspection:
        self._on_step(step)
        self._log.say(step.id, f"{step.title}: {' '.join(step.argv)}")
        spec = self._spec(step)
        await self._driver.check(spec)
        handle = await self._driver.create(
            spec, on_progress=lambda text: self._log.say(step.id, text)
        )
        try:
            await self._driver.start(handle)
            found = await self._follow(handle, step, cancel)
        finally:
            await outlast(self._remove(handle))
        how = "was killed for its memory" if found.oom_killed else f"exit code {found.exit_code}"
        self._log.say(step.id, f"{step.title} ended: {how}")
        return found

    async def _follow(self, handle: Handle, step: Step, cancel: asyncio.Event) -> Inspection:
        reading = asyncio.create_task(self._read(handle, step), name=f"build-log-{handle.name}")
        waiting = asyncio.create_task(self._driver.wait(handle), name=f"build-{handle.name}")
        cancelling = asyncio.create_task(cancel.wait(), name=f"build-cancel-{handle.name}")
        try:
            await asyncio.wait({waiting, cancelling}, return_when=asyncio.FIRST_COMPLETED)
            if not waiting.done():
                await self._driver.stop(handle, STOP_GRACE_S)
            found = await waiting
            await asyncio.wait({reading}, timeout=_LAST_READ_S)
            if reading.done():
                reading.result()
            return found
        finally:
            tasks = (reading, waiting, cancelling)
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def _read(self, handle: Handle, step: Step) -> None:
        """Read until the runtime has ended and all of its output was read."""
        newest_ns, seen = 0, set[tuple[str, int, int]]()
        for _ in range(_RETRIES):
            try:
                frames_of = self._driver.logs(handle, since_ns=newest_ns, follow=True)
                async for frames in frames_of:
                    fresh = [f for f in frames if (f.stream, f.ts_ns, f.ord) not in seen]
                    if fresh and fresh[-1].ts_ns > newest_ns:
                        newest_ns = fresh[-1].ts_ns
                        # Streams overtake each other by a little: half a second is kept in mind.
                        seen = {key for key in seen if key[1] > newest_ns - 500_000_000}
                    seen |= {(f.stream, f.ts_ns, f.ord) for f in fresh}
                    for line in self._log.read(step.id, fresh):
                        self._on_line(step.id, line)
                    await self._log.has_room()
                if (await self._driver.inspect(handle)).state is not RuntimeState.RUNNING:
                    return
            except CommandError as error:
                _log.warning("reading a build's output again", extra={"reason": error.message})
            newest_ns = max(0, newest_ns - 500_000_000)
            await asyncio.sleep(0.5)

    async def _remove(self, handle: Handle) -> None:
        for attempt in range(_RETRIES):
            try:
                await self._driver.remove(handle)
            except CommandError as error:
                _log.warning(
                    "a build's runtime is not removed yet",
                    extra={"runtime": handle.name, "reason": error.message},
                )
                await asyncio.sleep(0.2 * 2**attempt)
            else:
                return

    def _spec(self, step: Step) -> RuntimeSpec:
        job = self._lease.job
        words = [self._with_secrets(word) for word in step.argv]
        return RuntimeSpec(
            name=f"slate-build-{job.id}-{self._lease.attempt}-{step.id}",
            labels=Labels(
                agent=self._agent_id + LABEL_SUFFIX,
                session=job.id,
                project=job.project_id,
                attempt=self._lease.attempt,
                epoch=0,
            ),
            config=self._config,
            project_root=self._root,
            argv=words,
            image_bytes=self._image_bytes,
        )

    def _with_secrets(self, word: str) -> str:
        if "{env:" not in word:
            return word
        for name, value in self._secrets.items():
            if word == f"{{env:{name}}}":
                return value
        return word

    def _has_env(self, step: Step) -> bool:
        return all(name in self._secrets for name in step.needs_env)
