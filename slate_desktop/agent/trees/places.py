"""Where this host finds a project's files: in the folder itself, or in a tree of its own.

The folder is taken where its origin proves that somebody works in it. An agent of a server takes no
other: a project's row names its folder, and whoever writes the row could name anybody's.
"""

from __future__ import annotations

import asyncio
import contextlib
import weakref
from collections import OrderedDict
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from slate_desktop.agent.jobs.asset_files import any_root
from slate_desktop.agent.trees.tree import Applied, HostTree
from slate_desktop.bus.objects import ObjectStore
from slate_desktop.domain.ids import check_id
from slate_desktop.domain.project import Project
from slate_desktop.domain.trees.stored import is_origin
from slate_desktop.errors import CommandError, ErrorCode, StaleWriteError

if TYPE_CHECKING:
    from slate_desktop.store import Database

_ATTEMPTS = 5
# A tree keeps its newest manifest in memory.
_TREES_IN_MEMORY = 16


class Standing(msgspec.Struct, frozen=True, kw_only=True):
    """How this host stands to a project's files.

    Attributes:
        shared: it sees the project's own folder.
        version: of the tree that is here; 0 for none.
        whole: false while another one is being put in its place.
    """

    shared: bool
    version: int = 0
    whole: bool = True


class Collected(msgspec.Struct, frozen=True, kw_only=True):
    """What runtimes had written.

    Attributes:
        version: of the tree that holds it, the newest one.
        changed: how many files were brought.
        kept_twice: files under other names, because the workstation had changed them too.
    """

    version: int
    changed: int = 0
    kept_twice: tuple[str, ...] = ()


class ProjectPlaces:
    """The files of all projects, as this host sees them.

    Args:
        db: for trees and origins.
        objects: where contents are.
        directory: for trees of this host's own.
        agent_id: this agent.
        takes_any_root: whether a folder is taken that nobody has proved to work in.
    """

    def __init__(
        self,
        db: Database,
        objects: ObjectStore,
        directory: Path,
        *,
        agent_id: str,
        takes_any_root: bool = True,
    ) -> None:
        self._db = db
        self._objects = objects
        self._directory = directory
        self._agent_id = agent_id
        self._takes_any_root = takes_any_root
        self._trees: OrderedDict[str, HostTree] = OrderedDict()
        self._locks: weakref.WeakValueDictionary[str, asyncio.Lock] = weakref.WeakValueDictionary()

    async def standing(self, project: Project) -> Standing:
        """Tell how this host stands to a project's files; brings nothing."""
        if await self._is_shared(project):
            return Standing(shared=True)
        state = await asyncio.to_thread(self._tree(project).state)
        return Standing(shared=False, version=state.version, whole=state.is_whole)

    @contextlib.asynccontextmanager
    async def using(
        self, project: Project, on_progress: Callable[[int, int], None] | None = None
    ) -> AsyncIterator[Project]:
        """Give a project with the folder that this host sees, which does not change meanwhile.

        Raises:
            CommandError: ``bad_request`` where its files are not here and nobody brought them, and
                as ``HostTree.apply``.
        """
        if await self._is_shared(project):
            yield project
            return
        async with self._lock(project.id):
            tree = self._tree(project)
            await self._apply(project, tree, on_progress)
            yield msgspec.structs.replace(project, root=str(tree.root))

    async def bring(
        self, project: Project, on_progress: Callable[[int, int], None] | None = None
    ) -> Project:
        """Return a project with the folder that this host sees, brought up to date.

        Raises:
            CommandError: as ``using``.
        """
        async with self.using(project, on_progress) as found:
            return found

    async def own_root(self, project: Project) -> Path | None:
        """Return the project's own folder, where this host sees it."""
        return await any_root(project) if await self._is_shared(project) else None

    async def place(self, project: Project) -> Project:
        """Return a project with the folder that this host sees, as it is."""
        tree = self._tree(project)
        if not tree.root.is_dir() or await self._is_shared(project):
            return project
        return msgspec.structs.replace(project, root=str(tree.root))

    async def apply(self, project: Project) -> Applied:
        """Bring this host's tree up to date; nothing is done where the folder itself is seen.

        Raises:
            CommandError: as ``using``.
        """
        if await self._is_shared(project):
            return Applied(version=0)
        async with self._lock(project.id):
            return await self._apply(project, self._tree(project), None)

    async def collect(self, project: Project, user_id: str) -> Collected:
        """Make what runtimes wrote here a part of the newest tree.

        Raises:
            CommandError: as ``using``; ``artifact_quota``.
            StaleWriteError: others bring files too quickly.
        """
        if await self._is_shared(project):
            return Collected(version=0)
        async with self._lock(project.id):
            tree = self._tree(project)
            state = await asyncio.to_thread(tree.state)
            if not state.version:
                return Collected(version=0)
            await self._objects.ensure()
            if not state.is_whole:
                await self._apply(project, tree, None)
            for attempt in range(_ATTEMPTS):
                try:
                    return await self._collect(project, tree, user_id)
                except StaleWriteError:
                    if attempt == _ATTEMPTS - 1:
                        raise
            raise AssertionError("unreachable")

    async def _collect(self, project: Project, tree: HostTree, user_id: str) -> Collected:
        row = await self._db.trees.get(project.id)
        if row is None:
            raise _nobody_brought(project)
        made = await tree.bring_changes(project.engine, await tree.read(row.ref))
        if made is None:
            applied = await tree.apply(row)
            return Collected(version=row.version, kept_twice=applied.kept_twice)
        entries, ref, compared, state = made
        stored = await self._db.trees.put(
            project.id,
            ref,
            version=row.version,
            files=len(entries),
            size_bytes=sum(entry.size for entry in entries.values()),
            user_id=user_id,
            agent_id=self._agent_id,
        )
        await tree.keep(state)
        applied = await tree.apply(stored)
        aside = [p for p, e in entries.items() if e.conflict_of is not None and p in state.base]
        return Collected(
            version=stored.version,
            changed=len(compared.push),
            kept_twice=(*sorted(aside), *applied.kept_twice),
        )

    async def _apply(
        self,
        project: Project,
        tree: HostTree,
        on_progress: Callable[[int, int], None] | None,
    ) -> Applied:
        row = await self._db.trees.get(project.id)
        if row is None:
            raise _nobody_brought(project)
        return await tree.apply(row, on_progress)

    async def _is_shared(self, project: Project) -> bool:
        origins = await self._db.trees.origins(project.id)
        if origins or not self._takes_any_root:
            root = Path(project.root)
            return await asyncio.to_thread(is_origin, root, project.id, origins)
        return await self._db.trees.get(project.id) is None

    def _tree(self, project: Project) -> HostTree:
        tree = self._trees.pop(project.id, None)
        if tree is None:
            folder = self._directory / check_id(project.id, "project_id")
            tree = HostTree(folder, self._objects, self._agent_id)
        self._trees[project.id] = tree
        while len(self._trees) > _TREES_IN_MEMORY:
            self._trees.popitem(last=False)
        return tree

    def _lock(self, project_id: str) -> asyncio.Lock:
        lock = self._locks.get(project_id)
        if lock is None:
            lock = self._locks[project_id] = asyncio.Lock()
        return lock


def _nobody_brought(project: Project) -> CommandError:
    return CommandError(
        ErrorCode.BAD_REQUEST,
        f"The files of {project.name!r} are not on this host, and nobody has brought them yet.",
        field="project_id",
        hint="On the workstation that has them: slate sync push PROJECT",
    )
