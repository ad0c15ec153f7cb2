"""A project's folder on this workstation against the newest tree: what differs, push and pull.

What both had last is kept beside the digests of the last look, in one file of this user. Nothing is
decided where both sides changed a file: it stays as it is on either side until a person says.

A window, a command and a script may work in one folder; one of them does at a time.
"""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import AsyncIterator, Collection, Mapping
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import TypeVar

import msgspec

from slate_desktop.bus.objects import ObjectStore
from slate_desktop.bus.tree_manifests import TreeManifests
from slate_desktop.bus.tree_objects import Progress, stage, upload
from slate_desktop.control.folder_look import FolderLook, Looker
from slate_desktop.control.placing import place_all
from slate_desktop.control.sync_values import Keep, SyncStatus
from slate_desktop.domain.project import Project
from slate_desktop.domain.trees.compare import Comparison, Difference, other_name
from slate_desktop.domain.trees.manifest import Entry
from slate_desktop.domain.trees.paths import OWN_FOLDER
from slate_desktop.domain.trees.place import Placer, synchronise
from slate_desktop.domain.trees.scan import Known, Scan
from slate_desktop.domain.trees.state import LeanState, StateFile, TreeState
from slate_desktop.domain.trees.steps import places_of, set_entry
from slate_desktop.domain.trees.stored import StoredTree
from slate_desktop.errors import CommandError, ErrorCode, StaleWriteError
from slate_desktop.settings import files
from slate_desktop.stack.locks import FileLock
from slate_desktop.store import Database

T = TypeVar("T")
_ATTEMPTS = 5
_STAGING = f"{OWN_FOLDER}/staging"
_LOCK_POLL_S = 0.05


class WorkingCopy:
    """A project's folder on this workstation.

    Args:
        db: for the newest tree.
        objects: where contents are.
        user_id: who works in the folder.
        project: whose folder it is.
        root: the folder on this machine.
        folder: for what is remembered of it.
    """

    def __init__(
        self,
        db: Database,
        objects: ObjectStore,
        user_id: str,
        project: Project,
        root: Path,
        folder: Path,
    ) -> None:
        self.root = root
        self.project = project
        self._db = db
        self._objects = objects
        self._user_id = user_id
        self._folder = folder
        self._state = StateFile(folder)
        self._manifests = TreeManifests(objects, folder)
        self._looker = Looker(db, project, root, self._state, self._manifests)
        self._lock = asyncio.Lock()

    async def status(self) -> SyncStatus:
        """Look at the folder and at the newest tree; nothing is changed."""
        async with self._alone():
            lean = await asyncio.to_thread(self._state.read_lean, str(self.root))
            found = await self._looker.scan(lean.known, None)
            row = await self._db.trees.get(self.project.id)
            if _is_in_step(lean, found, row):
                return self._status(row, found, Comparison(), lean.kept_twice)
            look = await self._looker.look(None, (lean, found))
            base = dict(look.state.base)
            for one in look.found.agreed:
                set_entry(base, one.path, one.theirs)
            await self._remember(look, base, look.row, look.found)
            return self._status(look.row, look.scan, look.found, _kept_twice(look.theirs))

    async def push(
        self, paths: Collection[str] | None = None, *, on_progress: Progress | None = None
    ) -> SyncStatus:
        """Bring what changed here; files that changed on both sides stay as they are.

        Args:
            paths: what changed, where that is known; None looks through the whole folder.
            on_progress: told how many bytes of how many are there.

        Raises:
            CommandError: ``artifact_quota``, or ``bad_request`` for a folder that cannot be read.
            NotConnectedError: the broker is away.
            DatabaseError: the database is away, or does not let this person bring files.
        """
        async with self._alone():
            for attempt in range(_ATTEMPTS):
                look = await self._looker.look(paths)
                try:
                    return await self._push(look, on_progress)
                except StaleWriteError:
                    if attempt == _ATTEMPTS - 1:
                        raise
            raise AssertionError("unreachable")

    async def pull(self, *, on_progress: Progress | None = None) -> SyncStatus:
        """Bring what changed there into the folder; files that changed on both sides stay.

        Raises:
            CommandError: ``not_found`` and ``artifact_corrupt`` for a content that is lost;
                ``bad_request`` for a file that cannot be written.
        """
        async with self._alone():
            look = await self._looker.look(None)
            return await self._pull(look, look.found.pull, on_progress)

    async def resolve(self, paths: Collection[str], keep: Keep) -> SyncStatus:
        """Decide about files that changed on both sides; nothing but these is touched.

        Args:
            paths: files in conflict.
            keep: which version has the name from now on; with ``both`` the other one lies beside.

        Raises:
            CommandError: ``not_found`` for a file that is in no conflict.
        """
        async with self._alone():
            look = await self._looker.look(None)
            wanted = frozenset(paths)
            chosen = {one.path: one for one in look.found.conflicts if one.path in wanted}
            for path in paths:
                if path not in chosen:
                    raise CommandError(
                        ErrorCode.NOT_FOUND,
                        f"{path} is in no conflict.",
                        field="path",
                        hint="`slate sync status` shows those that are.",
                    )
            base = dict(look.state.base)
            pull: list[Difference] = []
            for path, one in chosen.items():
                if keep is Keep.BOTH and one.theirs is not None:
                    name = other_name(path, self._whose(look.row), datetime.now(UTC), look.mine)
                    beside = msgspec.structs.replace(one.theirs, path=name, conflict_of=path)
                    pull.append(Difference(name, None, None, beside))
                if keep is Keep.THEIRS:
                    set_entry(base, path, one.mine)
                    pull.append(Difference(path, one.mine, one.mine, one.theirs))
                else:
                    set_entry(base, path, one.theirs)
            await self._remember(look, base, None, look.found)
            look = msgspec.structs.replace(
                look, state=msgspec.structs.replace(look.state, base=base)
            )
            if pull:
                await self._pull(look, tuple(pull), None, is_base_theirs=keep is Keep.THEIRS)
            look = await self._looker.look(None)
            return self._status(look.row, look.scan, look.found, _kept_twice(look.theirs))

    async def other_version(self, path: str, target: Path) -> None:
        """Write their version of a file that is in conflict to a new file, to compare them.

        Raises:
            CommandError: ``not_found`` where they have none.
        """
        async with self._alone():
            look = await self._looker.look(None)
            entry = look.theirs.get(path)
            if entry is None:
                raise CommandError(
                    ErrorCode.NOT_FOUND, f"The other side has no {path}.", field="path"
                )
            folder = self._staging()
            try:
                staged = await stage(self._objects, [entry], folder)
                await asyncio.to_thread(shutil.copyfile, staged[path], target)
            finally:
                await asyncio.to_thread(shutil.rmtree, folder, ignore_errors=True)

    @asynccontextmanager
    async def _alone(self) -> AsyncIterator[None]:
        """Keep others off the folder and what is remembered of it, in other processes too."""
        async with self._lock:
            await asyncio.to_thread(files.ensure_private_dir, self._folder)
            while (lock := FileLock.acquire(self._folder / "lock")) is None:  # noqa: ASYNC110
                await asyncio.sleep(_LOCK_POLL_S)
            try:
                yield
            finally:
                lock.release()

    # -- pushing -----------------------------------------------------------------------------------

    async def _push(self, look: FolderLook, on_progress: Progress | None) -> SyncStatus:
        wanted = {
            one.path: look.scan.files[one.path] for one in look.found.push if one.mine is not None
        }
        places = places_of(look.theirs)
        sent = await upload(self._objects, self.root, wanted, places, on_progress)
        base = dict(look.state.base)
        for one in look.found.agreed:
            set_entry(base, one.path, one.theirs)
        tree = dict(look.theirs)
        pushed: list[str] = []
        for one in look.found.push:
            entry = None if one.mine is None else sent.entries.get(one.path)
            if entry is None and one.mine is not None:
                continue  # it changed meanwhile
            set_entry(tree, one.path, entry)
            set_entry(base, one.path, entry)
            pushed.append(one.path)
        row = look.row
        if pushed:
            row = await self._store(tree, row)
        done = frozenset(pushed)
        rest = tuple(one for one in look.found.push if one.path not in done)
        left = msgspec.structs.replace(look.found, push=rest, agreed=())
        await self._remember(look, base, row, left)
        return self._status(row, look.scan, left, _kept_twice(tree), sent.sent_bytes)

    async def _store(self, tree: dict[str, Entry], row: StoredTree | None) -> StoredTree:
        ref = await self._manifests.write(tree)
        return await self._db.trees.put(
            self.project.id,
            ref,
            version=None if row is None else row.version,
            files=len(tree),
            size_bytes=sum(entry.size for entry in tree.values()),
            user_id=self._user_id,
        )

    # -- pulling -----------------------------------------------------------------------------------

    async def _pull(
        self,
        look: FolderLook,
        wanted: tuple[Difference, ...],
        on_progress: Progress | None,
        *,
        is_base_theirs: bool = True,
    ) -> SyncStatus:
        base = dict(look.state.base)
        for one in look.found.agreed:
            set_entry(base, one.path, one.theirs)
        known = dict(look.scan.remember)
        done: set[str] = set()
        folder = self._staging()
        try:
            entries = [one.theirs for one in wanted if one.theirs is not None]
            staged = await stage(self._objects, entries, folder, on_progress)
            await asyncio.to_thread(synchronise, list(staged.values()))
            placed = await asyncio.to_thread(
                place_all, Placer(self.root), wanted, look.scan.files, staged
            )
            for one, seen in placed:
                done.add(one.path)
                if is_base_theirs:
                    set_entry(base, one.path, one.theirs)
                if seen is not None:
                    known[one.path] = seen
                else:
                    known.pop(one.path, None)
        finally:
            await asyncio.to_thread(shutil.rmtree, folder, ignore_errors=True)
            left = msgspec.structs.replace(
                look.found, pull=tuple(one for one in look.found.pull if one.path not in done)
            )
            row = look.row if is_base_theirs else None
            state = self._state_of(base, known, row, left, look.theirs)
            await asyncio.to_thread(self._state.write, state)
        return self._status(look.row, look.scan, left, _kept_twice(look.theirs))

    def _staging(self) -> Path:
        folder = self.root / _STAGING
        shutil.rmtree(folder, ignore_errors=True)
        try:
            folder.mkdir(parents=True)
        except OSError as exc:
            raise CommandError(
                ErrorCode.BAD_REQUEST,
                f"The folder {self.root} cannot be written: {exc.strerror}.",
                field="project",
            ) from exc
        return folder

    # -- what is said and remembered ---------------------------------------------------------------

    async def _remember(
        self, look: FolderLook, base: dict[str, Entry], row: StoredTree | None, left: Comparison
    ) -> None:
        """Keep what was seen, unless it is what was known already."""
        known = look.scan.remember
        state = self._state_of(base, known, row, left, look.theirs)
        if (state.version, known, base) != (look.state.version, look.state.known, look.state.base):
            await asyncio.to_thread(self._state.write, state)

    def _state_of(
        self,
        base: dict[str, Entry],
        known: dict[str, Known],
        row: StoredTree | None,
        left: Comparison,
        tree: Mapping[str, Entry],
    ) -> TreeState:
        """Return a state; it names the tree's version where nothing differs from it."""
        is_in_step = row is not None and left.is_same
        return TreeState(
            root=str(self.root),
            base=base,
            known=known,
            version=row.version if row is not None and is_in_step else 0,
            kept_twice=_kept_twice(tree) if is_in_step else (),
        )

    def _status(
        self,
        row: StoredTree | None,
        seen: Scan,
        found: Comparison,
        kept_twice: tuple[str, ...],
        sent_bytes: int = 0,
    ) -> SyncStatus:
        return SyncStatus(
            project_id=self.project.id,
            root=str(self.root),
            version=0 if row is None else row.version,
            push=tuple(one.path for one in found.push),
            pull=tuple(one.path for one in found.pull),
            conflicts=found.conflicts,
            kept_twice=kept_twice,
            skipped=tuple((one.path, one.reason) for one in seen.skipped),
            problems=seen.problems,
            files=len(seen.files),
            size_bytes=sum(known.size for known in seen.files.values()),
            sent_bytes=sent_bytes,
        )

    def _whose(self, row: StoredTree | None) -> str:
        return row.agent_id if row is not None and row.agent_id is not None else "theirs"


def _is_in_step(state: LeanState, seen: Scan, row: StoredTree | None) -> bool:
    """Tell whether nothing has changed since nothing differed from the newest tree."""
    return (
        row is not None
        and row.version == state.version
        and not seen.read
        and len(seen.files) == len(state.known)
    )


def _kept_twice(tree: Mapping[str, Entry]) -> tuple[str, ...]:
    return tuple(path for path, entry in tree.items() if entry.conflict_of is not None)
