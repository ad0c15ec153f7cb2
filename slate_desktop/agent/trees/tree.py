"""One project's files on this host: brought up to date, and what runtimes wrote in them.

::

    <projects>/<project>/
        tree/       what runtimes and builds see
        staging/    contents on their way, checked before the first of them is moved
        state       the tree that is there, and the files as they were put there

A kill while contents come leaves the old tree. A kill while they are moved leaves a tree that says
so: nobody is given it before the rest was moved too.
"""

from __future__ import annotations

import asyncio
import os
import shutil
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path

import msgspec

from slate_desktop.agent import failpoints
from slate_desktop.agent.disk import RESERVE_BYTES, check_disk
from slate_desktop.bus.objects import ObjectStore
from slate_desktop.bus.tree_manifests import TreeManifests
from slate_desktop.bus.tree_objects import Progress, stage, upload
from slate_desktop.domain.engine import Engine
from slate_desktop.domain.trees.compare import Comparison, compare, is_same, other_name
from slate_desktop.domain.trees.folders import NotAFolderError
from slate_desktop.domain.trees.manifest import Entry, TreeRef
from slate_desktop.domain.trees.place import Placer, synchronise
from slate_desktop.domain.trees.scan import Known, Scan, read_rules, scan
from slate_desktop.domain.trees.state import StateFile, TreeState
from slate_desktop.domain.trees.steps import entries_of, places_of, set_entry
from slate_desktop.domain.trees.stored import StoredTree

# Runtimes of root's agent run as nobody.
_NOBODY = (65534, 65534)


class Applied(msgspec.Struct, frozen=True, kw_only=True):
    """What bringing a tree up to date did.

    Attributes:
        version: of the tree that is there now.
        written, removed: how many files.
        kept_twice: files of runtimes that were kept under other names.
    """

    version: int
    written: int = 0
    removed: int = 0
    kept_twice: tuple[str, ...] = ()


class HostTree:
    """The files of one project on this host; one task at a time uses it.

    Args:
        folder: of the project, below the agent's own.
        objects: where contents are.
        agent_id: names versions of files that are kept beside others.
    """

    def __init__(self, folder: Path, objects: ObjectStore, agent_id: str) -> None:
        self.root = folder / "tree"
        self._folder = folder
        self._objects = objects
        self._agent_id = agent_id
        self._states = StateFile(folder)
        self._manifests = TreeManifests(objects, folder)
        self._owner = _NOBODY if os.name == "posix" and os.geteuid() == 0 else None
        self._placer = Placer(self.root, self._owner)

    def state(self) -> TreeState:
        """Return what is there; blocks."""
        return self._states.read(str(self.root))

    async def apply(self, row: StoredTree, on_progress: Progress | None = None) -> Applied:
        """Bring the tree to a version.

        What a runtime changed meanwhile is not lost: where both changed a file, the runtime's goes
        under another name beside it.

        Raises:
            CommandError: ``disk_low``; ``not_found``, ``artifact_corrupt`` and ``bad_request`` for
                a tree that cannot be brought or is not sound.
            NotConnectedError: the broker is away.
        """
        state = await asyncio.to_thread(self.state)
        if state.is_whole and state.version == row.version and self.root.is_dir():
            return Applied(version=row.version)
        new = await self._manifests.read(row.ref)
        changed = [p for p in {*state.base, *new} if not is_same(state.base.get(p), new.get(p))]
        await asyncio.to_thread(self._prepare)
        staging = self._folder / "staging"
        try:
            entries = [entry for path in changed if (entry := new.get(path)) is not None]
            needed = sum(entry.size for entry in entries)
            await asyncio.to_thread(
                check_disk, self._folder, RESERVE_BYTES + 2 * needed, "This project"
            )
            staged = await stage(self._objects, entries, staging, on_progress)
            failpoints.hit("tree_staged")
            moving = _Moving(self._placer, self._states, state, new, staged, self._agent_id)
            await asyncio.to_thread(moving.run, changed, row.version)
        finally:
            await asyncio.to_thread(shutil.rmtree, staging, ignore_errors=True)
        return moving.done

    def look(self, engine: Engine) -> tuple[TreeState, Scan, dict[str, Entry]]:
        """Look at what runtimes wrote: the state, the files, and the files as entries; blocks."""
        state = self.state()
        found = scan(self.root, read_rules(self.root, engine), state.known)
        return state, found, entries_of(found.files, state.base)

    async def read(self, ref: TreeRef) -> Mapping[str, Entry]:
        """Return the tree of a manifest."""
        return await self._manifests.read(ref)

    async def bring_changes(
        self, engine: Engine, theirs: Mapping[str, Entry]
    ) -> tuple[dict[str, Entry], TreeRef, Comparison, TreeState] | None:
        """Put what runtimes changed into the store, on top of the newest tree.

        Args:
            engine: whose caches stay here.
            theirs: the newest tree.

        Returns:
            The new tree, its manifest, what differed, and the state to keep once it is the newest;
            None where runtimes changed nothing.
        """
        state, found, mine = await asyncio.to_thread(self.look, engine)
        compared = compare(state.base, mine, theirs)
        wanted = {one.path: found.files[one.path] for one in compared.push if one.mine is not None}
        beside: dict[str, tuple[str, Entry]] = {}
        when = datetime.now(UTC)
        for one in compared.conflicts:
            if one.mine is not None:
                name = other_name(one.path, self._agent_id, when, {**mine, **theirs})
                beside[name] = (one.path, one.mine)
        if not compared.push and not beside:
            return None
        files = {**wanted, **{old: found.files[old] for old, _ in beside.values()}}
        sent = await upload(self._objects, self.root, files, places_of(theirs))
        tree, base = dict(theirs), dict(state.base)
        known = dict(found.remember)
        for one in compared.push:
            entry = None if one.mine is None else sent.entries.get(one.path)
            if entry is not None or one.mine is None:
                set_entry(tree, one.path, entry)
                set_entry(base, one.path, entry)
        for name, (old, _) in beside.items():
            entry = sent.entries.get(old)
            if entry is None:
                continue
            await asyncio.to_thread(self._placer.rename, old, name)
            self._placer.close()
            kept = msgspec.structs.replace(entry, path=name, conflict_of=old)
            set_entry(tree, name, kept)
            set_entry(base, name, kept)
            known[name] = known.pop(old, found.files[old])
            # The next apply puts theirs in its place.
            base.pop(old, None)
        ref = await self._manifests.write(tree)
        kept_state = msgspec.structs.replace(state, base=base, known=known)
        return tree, ref, compared, kept_state

    async def keep(self, state: TreeState) -> None:
        """Remember a state."""
        await asyncio.to_thread(self._states.write, state)

    def _prepare(self) -> None:
        staging = self._folder / "staging"
        shutil.rmtree(staging, ignore_errors=True)
        self._folder.mkdir(parents=True, exist_ok=True)
        staging.mkdir(mode=0o700)
        if not self.root.is_dir():
            self.root.mkdir(mode=0o755)
            if self._owner is not None:
                os.chown(self.root, *self._owner)


class _Moving:
    """Moves staged files to their places; blocks."""

    def __init__(
        self,
        placer: Placer,
        states: StateFile,
        state: TreeState,
        new: Mapping[str, Entry],
        staged: Mapping[str, Path],
        agent_id: str,
    ) -> None:
        self.done = Applied(version=state.version)
        self._placer = placer
        self._states = states
        self._state = state
        self._new = new
        self._staged = staged
        self._agent_id = agent_id
        self._known = dict(state.known)
        self._kept: list[str] = []

    def run(self, changed: list[str], version: int) -> None:
        synchronise(list(self._staged.values()))
        self._states.write(msgspec.structs.replace(self._state, is_whole=False))
        try:
            written, removed = self._move_all(changed)
        finally:
            self._placer.close()
        state = msgspec.structs.replace(
            self._state, base=dict(self._new), known=self._known, version=version, is_whole=True
        )
        self._states.write(state)
        self.done = Applied(
            version=version, written=written, removed=removed, kept_twice=tuple(self._kept)
        )

    def _move_all(self, changed: list[str]) -> tuple[int, int]:
        """Move every file; returns how many were written, and removed."""
        written = removed = 0
        # Those that go first: a folder may come in the place of a file.
        for path in sorted(changed, key=lambda path: (path in self._new, path)):
            entry = self._new.get(path)
            if entry is None:
                removed += self._remove(path)
            else:
                self._put(entry)
                written += 1
            failpoints.hit("tree_moving")
        return written, removed

    def _remove(self, path: str) -> bool:
        """Remove a file unless a runtime changed it: then it stays, and is a new one of theirs."""
        if not self._is_ours(path):
            return False
        self._placer.remove(path)
        self._known.pop(path, None)
        return True

    def _put(self, entry: Entry) -> None:
        path = entry.path
        try:
            if self._placer.stat(path) is None:
                self._known[path] = self._placer.put(entry, self._staged.get(path))
                return
        except NotAFolderError:
            blocking = self._placer.clear_way(path)
            if blocking is not None:
                self._set_aside(blocking)
        found = self._placer.known(path)
        if found is not None and found.entry(path).is_same(entry):
            self._known[path] = found
            return
        if not self._is_ours(path, found):
            self._set_aside(path)
        staged = self._staged.get(path)
        try:
            self._known[path] = self._placer.put(entry, staged)
        except NotAFolderError:
            raise
        except OSError:
            # A runtime made a folder of this name, with files in it.
            self._set_aside(path)
            self._known[path] = self._placer.put(entry, staged)

    def _is_ours(self, path: str, found: Known | None = None) -> bool:
        """Tell whether a file is as it was put here, or gone."""
        try:
            info = self._placer.stat(path)
        except NotAFolderError:
            info = None
        known = self._state.known.get(path)
        if info is None:
            return True
        if known is not None and known.is_at(info):
            return True
        found = found or self._placer.known(path)
        base = self._state.base.get(path)
        return base is not None and found is not None and found.entry(path).is_same(base)

    def _set_aside(self, path: str) -> None:
        name = other_name(path, self._agent_id, datetime.now(UTC), {**self._new, **self._known})
        self._placer.rename(path, name)
        self._kept.append(name)
        self._known.pop(path, None)
