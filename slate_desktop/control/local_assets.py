"""Assets processed on this machine: no server, the same pipeline, and nothing twice.

::

    content → key → known?  yes → publish what is kept            (cached)
                            no  → child → keep → publish
                            failed before → the same failure      (cached, until something changes)
"""

from __future__ import annotations

import asyncio
import hashlib
import logging
import os
from collections.abc import AsyncIterator, Callable, Sequence
from pathlib import Path, PurePosixPath
from typing import Self, TypeAlias

from slate_desktop.control import asset_places
from slate_desktop.control.asset_batch import AssetTask
from slate_desktop.control.asset_cache.cache import AssetCache
from slate_desktop.control.asset_cache.results import Known
from slate_desktop.domain.assets import outcome
from slate_desktop.domain.assets.key import job_key
from slate_desktop.domain.assets.kinds import AssetKind
from slate_desktop.domain.assets.naming import named_for
from slate_desktop.domain.assets.options import AssetOptions
from slate_desktop.domain.assets.outcome import AssetFault, AssetJobResult
from slate_desktop.domain.assets.presets import AssetPreset
from slate_desktop.domain.assets.report import ProcessResult
from slate_desktop.errors import (
    AssetError,
    CommandError,
    EnvironmentFaultError,
    ErrorCode,
    Retry,
)
from slate_desktop.pipeline.opening import open_regular
from slate_desktop.pipeline.publish import publish
from slate_desktop.pipeline.sandbox.parent import Sandbox
from slate_desktop.pipeline.threads import processor_count
from slate_desktop.pipeline.tools import tool_versions
from slate_desktop.settings import paths

logger = logging.getLogger(__name__)

# Task, fraction done, a few words.
OnProgress: TypeAlias = Callable[[AssetTask, float, str], None]

_MAX_BYTES = 8 * 1024**3
_CHUNK_BYTES = 1024 * 1024
_REMEMBERED = frozenset({ErrorCode.ASSET_INVALID, ErrorCode.ASSET_LIMIT, ErrorCode.ASSET_CRASH})


class LocalAssets:
    """Processes assets on this machine; an asynchronous context manager.

    Args:
        out_dir: where products go.
        presets: that tasks may name.
        cache_dir: results and products that are kept; None for the user's cache.
        workers: assets at the same time; None for one on each processor.
        is_forced: process what is known, too.
        retries_failed: process what failed before, too.
    """

    def __init__(
        self,
        out_dir: Path,
        *,
        presets: Sequence[AssetPreset] = (),
        cache_dir: Path | None = None,
        workers: int | None = None,
        is_forced: bool = False,
        retries_failed: bool = False,
    ) -> None:
        self._out_dir = out_dir
        self._presets = presets
        self._workers = workers or processor_count()
        self._is_forced = is_forced
        self._retries_failed = retries_failed
        self._cache = AssetCache(cache_dir or paths.cache_dir() / "assets")
        self._sandbox = Sandbox()
        self._busy: dict[str, asyncio.Lock] = {}

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        try:
            await self._sandbox.aclose()
        finally:
            self._cache.prune()
            self._cache.__exit__()

    async def process(
        self, tasks: Sequence[AssetTask], *, on_progress: OnProgress | None = None
    ) -> AsyncIterator[tuple[AssetTask, AssetJobResult]]:
        """Process assets, several at a time, and yield each as it ends.

        No asset's failure ends the others. What has ended is kept: asking again goes on from there.
        """
        twins = asset_places.twins(tasks)
        waiting = iter(tasks)
        ended: asyncio.Queue[tuple[AssetTask, AssetJobResult]] = asyncio.Queue()

        async def work() -> None:
            for task in waiting:
                ended.put_nowait((task, await self._process(task, twins, on_progress)))

        count = min(self._workers, len(tasks))
        workers = [asyncio.create_task(work(), name=f"asset-worker-{n}") for n in range(count)]
        try:
            for _ in tasks:
                yield await _next(ended, workers)
        finally:
            for worker in workers:
                worker.cancel()
            await asyncio.gather(*workers, return_exceptions=True)

    async def _process(
        self, task: AssetTask, twins: dict[int, AssetTask], on_progress: OnProgress | None
    ) -> AssetJobResult:
        try:
            kind, options = task.resolve(self._presets)
            asset_places.check_no_twin(twins.get(id(task)))
            key = await self._key(task.source, kind, options)
            async with self._busy.setdefault(key, asyncio.Lock()):
                if (there := self._still_there(task, key)) is not None:
                    return there
                # Within the process first: a lock of files is waited for by looking again.
                async with self._cache.locks.alone_with(key):
                    return await self._known_or_made(task, kind, options, key, on_progress)
        except CommandError as error:
            return outcome.failed(task.name, outcome.fault_of(error))
        except EnvironmentFaultError as error:
            fault = AssetFault(code="environment", message=error.told)
            return outcome.failed(task.name, fault)

    def _still_there(self, task: AssetTask, key: str) -> AssetJobResult | None:
        """Return the result of an asset whose products lie where they belong; nothing is copied."""
        known = None if self._is_forced else self._cache.results.find(key)
        if not isinstance(known, Known) or (ours := self._places(task, known)) is None:
            return None
        result, places = ours
        if not self._are_published(result, places):
            return None
        source = task.source.absolute()
        if any(self._cache.files.origin_of(place) != source for place in places):
            return None
        return outcome.completed(task.name, result, _as_text(places), cached=True)

    async def _known_or_made(
        self,
        task: AssetTask,
        kind: AssetKind,
        options: AssetOptions,
        key: str,
        on_progress: OnProgress | None,
    ) -> AssetJobResult:
        known = None if self._is_forced else self._cache.results.find(key)
        if isinstance(known, AssetFault) and not self._retries_failed:
            return outcome.failed(task.name, known, cached=True)
        if isinstance(known, Known):
            published = await self._publish(task, key, known)
            if published is not None:
                return outcome.completed(task.name, *published, cached=True)
        known, key = await self._make(task, kind, options, key, on_progress)
        published = await self._publish(task, key, known)
        if published is None:
            raise AssetError.crash("The products changed while they were kept.")
        return outcome.completed(task.name, *published, cached=False)

    async def _make(
        self,
        task: AssetTask,
        kind: AssetKind,
        options: AssetOptions,
        key: str,
        on_progress: OnProgress | None,
    ) -> tuple[Known, str]:
        """Process an asset; once more, under its new key, where it changed meanwhile."""
        for _ in range(2):
            with self._cache.work_folder() as folder:
                try:
                    result = await self._sandbox.process(
                        kind,
                        task.source,
                        folder,
                        options,
                        on_progress=on_progress and _for(task, on_progress),
                    )
                except AssetError as error:
                    if error.code in _REMEMBERED and error.retry is not Retry.LATER:
                        self._cache.results.keep_fault(key, outcome.fault_of(error))
                    raise
                except CommandError as error:
                    if error.code is ErrorCode.DISK_LOW:
                        raise _without_room(self._cache.folder) from error
                    raise
                after = await self._key(task.source, kind, options)
                if after == key:
                    known = Known(name=task.source.name, result=result)
                    await asyncio.to_thread(self._cache.results.keep_result, key, known, folder)
                    return known, key
                key = after
        raise AssetError.invalid("The file keeps changing while it is read.")

    async def _publish(
        self, task: AssetTask, key: str, known: Known
    ) -> tuple[ProcessResult, tuple[str, ...]] | None:
        """Put the products where they belong, under the source's name.

        Returns:
            The result with these names, and the places; None when what was kept is damaged, or has
            another name that lies in the products themselves.
        """
        if (ours := self._places(task, known)) is None:
            return None
        result, places = ours
        for place in places:
            asset_places.check_no_neighbour(task.source, place, self._cache.files.origin_of(place))
        if not self._are_published(result, places):
            asset_places.check_no_input(task.source, places)
            names = [product.path for product in result.products]
            target = self._out_dir / PurePosixPath(task.folder)
            if not await asyncio.to_thread(self._copy, key, known.result, names, target):
                self._cache.results.forget(key)
                return None
            for place, product in zip(places, result.products, strict=True):
                self._cache.files.keep_published(place, product.sha256)
        for place in places:
            self._cache.files.keep_origin(place, task.source)
        return result, _as_text(places)

    def _places(self, task: AssetTask, known: Known) -> tuple[ProcessResult, list[Path]] | None:
        """Return the result under the source's name, and where its products belong."""
        result = named_for(task.source, known.result)
        if result is None:
            return None
        target = self._out_dir / PurePosixPath(task.folder)
        names = [PurePosixPath(product.path).parts for product in result.products]
        return result, [target.joinpath(*parts) for parts in names]

    def _are_published(self, result: ProcessResult, places: Sequence[Path]) -> bool:
        products = zip(places, result.products, strict=True)
        return all(
            self._cache.files.is_published(place, product.sha256) for place, product in products
        )

    def _copy(self, key: str, result: ProcessResult, names: Sequence[str], target: Path) -> bool:
        folder = self._cache.results.products(key)
        files = [folder / product.path for product in result.products]
        try:
            digests = [_sha256(file) for file in files]
        except AssetError:
            return False
        if digests != [product.sha256 for product in result.products]:
            return False
        publish(dict(zip(names, files, strict=True)), target)
        return True

    async def _key(self, source: Path, kind: AssetKind, options: AssetOptions) -> str:
        contents = {"": await self._digest(source)}
        if kind is AssetKind.MODEL:
            for name in await self._links(source, contents[""]):
                other = source.parent.joinpath(*PurePosixPath(name).parts)
                contents[name] = await self._digest(other, missing=(source.name, name))
        return job_key(kind, contents, options, tool_versions(kind, options))

    async def _links(self, source: Path, sha256: str) -> tuple[str, ...]:
        names = self._cache.files.links_of(sha256)
        if names is None:
            names = await self._sandbox.references(AssetKind.MODEL, source)
            self._cache.files.keep_links(sha256, names)
        return names

    async def _digest(self, path: Path, *, missing: tuple[str, str] | None = None) -> str:
        facts = _check_there(path, missing=missing)
        known = self._cache.files.digest_of(path, facts)
        if known is None:
            known = await asyncio.to_thread(_sha256, path)
            self._cache.files.keep_digest(path, facts, known)
        return known


async def inspect_asset(task: AssetTask) -> dict[str, object]:
    """Return facts about a file.

    Raises:
        AssetError: it is not sound.
        CommandError: ``bad_request``: it is no asset; ``not_found``.
    """
    kind, _ = task.resolve(())
    _check_there(task.source)
    async with Sandbox(is_warm=False) as sandbox:
        return await sandbox.inspect(kind, task.source)


async def _next(
    ended: asyncio.Queue[tuple[AssetTask, AssetJobResult]], workers: Sequence[asyncio.Task[None]]
) -> tuple[AssetTask, AssetJobResult]:
    """Return what ends next, or raise what ended a worker."""
    getting = asyncio.ensure_future(ended.get())
    try:
        while not getting.done():
            running = [worker for worker in workers if not worker.done()]
            await asyncio.wait({getting, *running}, return_when=asyncio.FIRST_COMPLETED)
            for worker in workers:
                if worker.done() and worker.exception() is not None:
                    worker.result()
        return getting.result()
    finally:
        getting.cancel()


def _check_there(path: Path, *, missing: tuple[str, str] | None = None) -> os.stat_result:
    """Return a file's facts; ``missing`` is what refers to it, and by which name."""
    try:
        return path.lstat()
    except (OSError, ValueError) as exc:
        if missing is not None:
            raise AssetError.invalid(
                f"{missing[0]} refers to {missing[1]}, which is missing.", missing=missing[1]
            ) from exc
        raise CommandError(
            ErrorCode.NOT_FOUND, f"There is no file {path.name}.", field="path"
        ) from exc


def _without_room(folder: Path) -> CommandError:
    return CommandError(
        ErrorCode.DISK_LOW,
        f"There is too little space for the result in {folder}.",
        hint="Make room there, or point SLATE_CACHE_DIR to another folder.",
    )


def _as_text(places: Sequence[Path]) -> tuple[str, ...]:
    return tuple(str(place) for place in places)


def _for(task: AssetTask, on_progress: OnProgress) -> Callable[[float, str], None]:
    return lambda fraction, words: on_progress(task, fraction, words)


def _sha256(path: Path) -> str:
    digest = hashlib.sha256()
    with open_regular(path, max_bytes=_MAX_BYTES) as file:
        while chunk := file.read(_CHUNK_BYTES):
            digest.update(chunk)
    return digest.hexdigest()
