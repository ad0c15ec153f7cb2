"""Manifests of trees in the object store: a full one now and then, small changes on it in between.

The full manifest that is in use is kept in a folder of this machine, so that the next change is
read by what it changes.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Mapping
from pathlib import Path

from slate_desktop.bus.objects import ObjectStore, digest_of
from slate_desktop.domain.trees import manifest
from slate_desktop.domain.trees.manifest import Entry, Manifest, TreeRef, wants_full
from slate_desktop.errors import CommandError, ErrorCode

Tree = Mapping[str, Entry]
_SUFFIX = ".manifest"
_KEPT_FOR_S = 3600.0


class TreeManifests:
    """Reads and writes the manifests of one project's trees.

    Args:
        objects: the store.
        folder: of this machine, for the full manifest; made when it is needed.
    """

    def __init__(self, objects: ObjectStore, folder: Path) -> None:
        self._objects = objects
        self._folder = folder
        self._last: tuple[TreeRef, Tree] | None = None
        self._full: tuple[TreeRef, Tree] | None = None
        # The full one, and when the store was last told that it is wanted.
        self._kept: tuple[TreeRef, float] | None = None

    async def read(self, ref: TreeRef) -> Tree:
        """Return the whole tree that a manifest is of.

        Raises:
            CommandError: ``not_found``, ``artifact_corrupt``; ``bad_request`` and ``too_large`` for
                one that is not sound. NotConnectedError: the broker is away.
        """
        if self._last is not None and self._last[0] == ref:
            return self._last[1]
        if self._full is not None and self._full[0] == ref:
            self._last = self._full
            return self._full[1]
        kept = await asyncio.to_thread(self._read_kept, ref)
        found = kept or await self._fetch(ref)
        if found.of is None:
            full = await asyncio.to_thread(found.on, {})
            await self._use(ref, full)
            tree: Tree = full
        else:
            below = await self._full_of(found.of)
            tree = await asyncio.to_thread(found.on, below)
        self._last = (ref, tree)
        return tree

    async def write(self, tree: Tree) -> TreeRef:
        """Put a tree's manifest into the store, as a change where that is small.

        Raises:
            CommandError: ``artifact_quota``; ``bad_request`` for names that cannot be together.
            NotConnectedError: the broker is away.
        """
        await asyncio.to_thread(manifest.check_tree, tree)
        changed: list[Entry] = []
        removed: list[str] = []
        if self._full is not None:
            full_ref, full = self._full
            changed = [entry for path, entry in tree.items() if full.get(path) != entry]
            removed = [path for path in full if path not in tree]
            is_small = not wants_full(len(changed) + len(removed), len(tree))
            if is_small and await self._keeps_full(full_ref):
                ref = await self._put(manifest.write_change(full_ref, changed, removed))
                self._last = (ref, tree)
                return ref
        data = await asyncio.to_thread(manifest.write_full, tree.values())
        ref = await self._put(data)
        await self._use(ref, tree, data)
        self._last = (ref, tree)
        return ref

    async def _keeps_full(self, ref: TreeRef) -> bool:
        """Tell whether a change may stand on the full manifest: it is there, and stays."""
        now_s = time.monotonic()
        if self._kept is not None and self._kept[0] == ref and now_s - self._kept[1] < _KEPT_FOR_S:
            return True
        data = await asyncio.to_thread(self._kept_data, ref)
        if data is None:
            return False
        await self._objects.put(data, sha256=ref.sha256)
        self._kept = (ref, now_s)
        return True

    async def _full_of(self, ref: TreeRef) -> Tree:
        if self._full is not None and self._full[0] == ref:
            return self._full[1]
        kept = await asyncio.to_thread(self._read_kept, ref)
        found = kept or await self._fetch(ref)
        if found.of is not None:
            raise CommandError(
                ErrorCode.BAD_REQUEST, "A manifest stands on another change.", field="manifest"
            )
        full = await asyncio.to_thread(found.on, {})
        await self._use(ref, full)
        return full

    async def _use(self, ref: TreeRef, full: Tree, data: bytes | None = None) -> None:
        """Remember a full manifest; what was kept of others goes."""
        self._full = (ref, full)
        await asyncio.to_thread(self._keep, ref, data)

    async def _put(self, data: bytes) -> TreeRef:
        info = await self._objects.put(data)
        return TreeRef(info.sha256, info.size)

    async def _fetch(self, ref: TreeRef) -> Manifest:
        if ref.size > manifest.MAX_MANIFEST_BYTES:
            raise CommandError(ErrorCode.TOO_LARGE, "The manifest of the files is too large.")
        await asyncio.to_thread(self._folder.mkdir, parents=True, exist_ok=True)
        target = self._folder / (ref.sha256 + _SUFFIX)
        await self._objects.get(ref.sha256, ref.size, target)
        data = await asyncio.to_thread(target.read_bytes)
        found = await asyncio.to_thread(manifest.read, data)
        if found.of is not None:
            target.unlink(missing_ok=True)
        return found

    def _read_kept(self, ref: TreeRef) -> Manifest | None:
        data = self._kept_data(ref)
        return None if data is None else manifest.read(data)

    def _kept_data(self, ref: TreeRef) -> bytes | None:
        path = self._folder / (ref.sha256 + _SUFFIX)
        try:
            data = path.read_bytes()
        except OSError:
            return None
        # It may have been cut short.
        if digest_of(data).sha256 != ref.sha256:
            path.unlink(missing_ok=True)
            return None
        return data

    def _keep(self, ref: TreeRef, data: bytes | None) -> None:
        self._folder.mkdir(parents=True, exist_ok=True)
        name = ref.sha256 + _SUFFIX
        if data is not None:
            (self._folder / name).write_bytes(data)
        for path in self._folder.glob(f"*{_SUFFIX}"):
            if path.name != name:
                with contextlib.suppress(OSError):
                    path.unlink()
