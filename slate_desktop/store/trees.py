"""Rows of projects' trees: the newest one of each, and where projects' folders are."""

from __future__ import annotations

from typing import Any

import msgspec

from slate_desktop.domain.trees.manifest import TreeRef
from slate_desktop.domain.trees.stored import Origin, StoredTree
from slate_desktop.errors import StaleWriteError
from slate_desktop.store.port import Runner


class Trees:
    """Rows of ``slate_project_trees`` and ``slate_project_origins``."""

    def __init__(self, runner: Runner) -> None:
        self._run = runner

    async def get(self, project_id: str) -> StoredTree | None:
        """Return a project's newest tree, None where nobody has brought one."""
        row = await self._run.one("get_project_tree", project_id=project_id)
        return None if row is None else msgspec.convert(dict(row), StoredTree)

    async def put(
        self,
        project_id: str,
        ref: TreeRef,
        *,
        version: int | None,
        files: int,
        size_bytes: int,
        user_id: str,
        agent_id: str | None = None,
    ) -> StoredTree:
        """Make a tree the newest one.

        Args:
            project_id: whose files they are.
            ref: the tree's manifest.
            version: the newest one as it was read, on which this one stands; None for none.
            files: how many files it has.
            size_bytes: how much they hold.
            user_id: who brings it, or in whose name an agent does.
            agent_id: the agent that brings what a runtime wrote.

        Raises:
            StaleWriteError: somebody else has brought one meanwhile.
        """
        values: dict[str, Any] = {
            "project_id": project_id,
            "sha256": ref.sha256,
            "size": ref.size,
            "files": files,
            "size_bytes": size_bytes,
            "user_id": user_id,
        }
        if version is None:
            row = await self._run.one("add_project_tree", **values)
        else:
            row = await self._run.one(
                "change_project_tree", version=version, agent_id=agent_id, **values
            )
        if row is None:
            raise StaleWriteError("Somebody else has just brought files of this project.")
        return msgspec.convert(dict(row), StoredTree)

    async def origins(self, project_id: str) -> list[Origin]:
        """Return what workstations wrote into the project's folder."""
        rows = await self._run.many("list_project_origins", project_id=project_id)
        return [Origin(row["token"], row["inode"]) for row in rows]

    async def set_origin(self, project_id: str, user_id: str, origin: Origin) -> None:
        """Note what a person's workstation wrote into the project's folder."""
        await self._run.run(
            "set_project_origin",
            project_id=project_id,
            user_id=user_id,
            token=origin.token,
            inode=origin.inode,
        )
