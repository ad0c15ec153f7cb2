"""One look at a project's folder on this workstation and at the newest tree."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Collection, Mapping
from pathlib import Path

import msgspec

from slate_desktop.bus.tree_manifests import TreeManifests
from slate_desktop.domain.project import Project
from slate_desktop.domain.trees.compare import Comparison, compare
from slate_desktop.domain.trees.manifest import Entry
from slate_desktop.domain.trees.scan import Known, Scan, read_rules, scan
from slate_desktop.domain.trees.state import LeanState, StateFile, TreeState
from slate_desktop.domain.trees.steps import entries_of, look_at_some
from slate_desktop.domain.trees.stored import StoredTree
from slate_desktop.errors import CommandError, ErrorCode
from slate_desktop.store import Database


class FolderLook(msgspec.Struct, frozen=True, kw_only=True):
    """The folder, the newest tree, and what differs."""

    state: TreeState
    scan: Scan
    mine: dict[str, Entry]
    row: StoredTree | None
    theirs: Mapping[str, Entry]
    found: Comparison


class Looker:
    """Looks at one folder, and changes nothing.

    Args:
        db: for the newest tree.
        project: whose folder it is.
        root: the folder on this machine.
        state: what is remembered of it.
        manifests: what is in trees.
    """

    def __init__(
        self,
        db: Database,
        project: Project,
        root: Path,
        state: StateFile,
        manifests: TreeManifests,
    ) -> None:
        self._db = db
        self._project = project
        self._root = root
        self._state = state
        self._manifests = manifests

    async def look(
        self, paths: Collection[str] | None, seen: tuple[LeanState, Scan] | None = None
    ) -> FolderLook:
        """Look at the folder, unless that was just done, and at the newest tree."""
        if seen is None:
            lean = await asyncio.to_thread(self._state.read_lean, str(self._root))
            found = await self.scan(lean.known, paths)
        else:
            lean, found = seen
        try:
            state = await asyncio.to_thread(lean.whole)
        except msgspec.MsgspecError:
            state = TreeState(root=lean.root)
        row = await self._db.trees.get(self._project.id)
        theirs = {} if row is None else await self._manifests.read(row.ref)
        mine = entries_of(found.files, state.base)
        return FolderLook(
            state=state,
            scan=found,
            mine=mine,
            row=row,
            theirs=theirs,
            found=compare(state.base, mine, theirs),
        )

    async def scan(self, known: Mapping[str, Known], paths: Collection[str] | None) -> Scan:
        """Look at the folder alone.

        Raises:
            CommandError: ``bad_request`` where there is no folder.
        """
        stop = threading.Event()
        if not self._root.is_dir():
            raise CommandError(
                ErrorCode.BAD_REQUEST,
                f"There is no folder {self._root} on this machine.",
                field="project",
                hint="Bring the project's files to a folder: slate sync pull PROJECT --into DIR",
            )

        def read() -> Scan:
            rules = read_rules(self._root, self._project.engine)
            if paths is not None:
                partial = look_at_some(self._root, rules.covers, known, paths)
                if partial is not None:
                    return partial
            return scan(self._root, rules, known, stop=stop)

        try:
            return await asyncio.to_thread(read)
        finally:
            stop.set()
