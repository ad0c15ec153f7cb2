"""Projects' files between this workstation and agents that do not share its disk.

::

    start, build → origin written → every agent asked: the same folder? → no: push → agent's tree
    stop         → what the runtime wrote is collected → pulled, where nothing conflicts

On the embedded stack nothing of this happens: its agent runs on this machine.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Collection
from pathlib import Path
from typing import TYPE_CHECKING

from slate_desktop.control.events import AGENT_SILENCE_S
from slate_desktop.control.operations import Operations
from slate_desktop.control.requests import REPLY_TIMEOUT_S
from slate_desktop.domain.ids import check_id, new_id
from slate_desktop.domain.project import Project
from slate_desktop.errors import (
    ClientError,
    CommandError,
    ErrorCode,
    OutcomeUnknownError,
    SettingsError,
    SlateError,
    StaleWriteError,
)
from slate_desktop.settings import files, paths
from slate_desktop.wire.subjects import agent_request

if TYPE_CHECKING:
    from slate_desktop.bus.tree_objects import Progress
    from slate_desktop.control.sync_values import Keep, SyncHost, SyncStatus
    from slate_desktop.control.working_copy import WorkingCopy
    from slate_desktop.wire.tree_messages import TreeAct, TreeReply

logger = logging.getLogger(__name__)

_LOOK_TIMEOUT_S = 2.0
_ASK_AGAIN_S = 0.3
# A first push of a large project takes an agent this long at most.
_APPLY_TIMEOUT_S = 900.0
_LINK = "folder"
_MAX_LINK_BYTES = 8192


class SyncOperations(Operations):
    """The part of ``Slate`` that brings files where they are needed."""

    profile: str = "local"
    _copies: dict[tuple[str, str], WorkingCopy]

    async def get_sync_status(self, project_id: str) -> SyncStatus:
        """Return how a project's folder on this workstation stands to its newest tree.

        Raises:
            CommandError: ``not_found``; ``bad_request`` where this machine has no folder of it.
        """
        return await (await self._copy(project_id)).status()

    async def get_tree_version(self, project_id: str) -> int:
        """Return the number of a project's newest tree; 0 where nobody has brought one."""
        row = await self.db.trees.get(check_id(project_id, "project_id"))
        return 0 if row is None else row.version

    async def list_sync_hosts(self, project_id: str, *, only: str | None = None) -> list[SyncHost]:
        """Return how each agent that is online stands to a project's files.

        Args:
            project_id: whose files.
            only: ask this agent alone, if it is online.

        Raises:
            CommandError: ``not_found``.
        """
        from slate_desktop.control.sync_values import SyncHost

        project = await self.db.projects.get(check_id(project_id, "project_id"))
        await self._note_origin(project)
        agents = [
            agent
            for agent in await self.db.agents.list()
            if agent.seen_ago_s is not None and agent.seen_ago_s <= AGENT_SILENCE_S
        ]
        if only is not None:
            agents = [agent for agent in agents if agent.id == only]
        looks = await asyncio.gather(*(self._look_at(agent.id, project.id) for agent in agents))
        return [
            SyncHost(
                agent_id=agent.id,
                name=agent.name,
                answers=reply is not None,
                shared=reply is not None and reply.shared,
                version=0 if reply is None else reply.version,
            )
            for agent, reply in zip(agents, looks, strict=True)
        ]

    async def push_files(
        self,
        project_id: str,
        *,
        changed: Collection[str] | None = None,
        on_progress: Progress | None = None,
    ) -> SyncStatus:
        """Bring what changed in a project's folder; conflicts are in the result and stay.

        Args:
            project_id: whose files.
            changed: paths, where they are known; None looks through the whole folder.
            on_progress: told how many bytes of how many are there.

        Raises:
            CommandError: ``not_found``, ``bad_request``, ``artifact_quota``.
            NotConnectedError: the broker is away.
        """
        copy = await self._copy(project_id)
        await self._note_origin(copy.project)
        return await copy.push(changed, on_progress=on_progress)

    async def pull_files(
        self,
        project_id: str,
        *,
        into: Path | None = None,
        on_progress: Progress | None = None,
    ) -> SyncStatus:
        """Bring what others, or runtimes, changed into the project's folder; conflicts stay.

        Args:
            project_id: whose files.
            into: the folder of this project on this machine from now on; made if there is none.
            on_progress: told how many bytes of how many were brought.

        Raises:
            CommandError: ``not_found``, ``bad_request``, ``artifact_corrupt``.
            NotConnectedError: the broker is away.
        """
        if into is not None:
            project = await self.db.projects.get(check_id(project_id, "project_id"))
            await asyncio.to_thread(self._link, project.id, into)
        return await (await self._copy(project_id)).pull(on_progress=on_progress)

    async def resolve_files(
        self, project_id: str, paths: Collection[str], keep: Keep | str
    ) -> SyncStatus:
        """Decide which version of files in conflict has the name from now on.

        Raises:
            CommandError: ``not_found`` for a file in no conflict; ``bad_request``.
        """
        from slate_desktop.control.sync_values import Keep

        try:
            chosen = Keep(keep)
        except ValueError as exc:
            raise CommandError(
                ErrorCode.BAD_REQUEST, f"keep must be one of: {', '.join(Keep)}", field="keep"
            ) from exc
        return await (await self._copy(project_id)).resolve(paths, chosen)

    async def fetch_other_version(self, project_id: str, path: str, target: Path) -> None:
        """Write the other side's version of a file in conflict to a new file.

        Raises:
            CommandError: ``not_found``.
        """
        await (await self._copy(project_id)).other_version(path, target)

    async def collect_files(self, project_id: str) -> list[TreeReply]:
        """Make what runtimes wrote on agents a part of the newest tree; ``pull_files`` brings it.

        Raises:
            CommandError: ``not_found``, ``forbidden``, or why an agent cannot.
            AgentOfflineError: an agent went away meanwhile.
        """
        from slate_desktop.wire.tree_messages import TreeAct

        hosts = await self.list_sync_hosts(project_id)
        wanted = [
            host.agent_id for host in hosts if host.answers and not host.shared and host.version
        ]
        return [
            await self._ask_until_done(agent_id, project_id, TreeAct.COLLECT) for agent_id in wanted
        ]

    async def apply_files(self, project_id: str, agent_id: str) -> TreeReply:
        """Have an agent bring its tree of a project up to date, while runtimes use it.

        Raises:
            CommandError: ``not_found``, ``forbidden``, or why the agent cannot.
            AgentOfflineError: it does not answer.
        """
        from slate_desktop.wire.tree_messages import TreeAct

        return await self._ask_until_done(agent_id, project_id, TreeAct.APPLY)

    def project_folder(self, project: Project) -> Path:
        """Return a project's folder on this machine: one that was chosen, or the project's root."""
        link = self._sync_folder(project.id) / _LINK
        try:
            data = files.read_private(link, max_bytes=_MAX_LINK_BYTES)
        except (FileNotFoundError, SettingsError):
            return Path(project.root)
        return Path(data.decode("utf-8", "surrogateescape"))

    # -- for starts, stops and builds --------------------------------------------------------------

    async def _bring_files(self, project_id: str, host_id: str | None = None) -> list[str]:
        """Push a project's files if an agent that may need them does not see them.

        Args:
            project_id: whose files.
            host_id: the agent that will need them; None for any, all of which are asked then.

        Returns:
            Sentences for the user about what was not brought.

        Raises:
            CommandError, NotConnectedError: they cannot be brought.
        """
        if self.profile == "local":
            return []
        project = await self.db.projects.get(project_id)
        if not await self._has_folder(project):
            return []
        hosts = await self.list_sync_hosts(project.id, only=host_id)
        if all(host.shared for host in hosts):
            return []
        try:
            status = await self.push_files(project.id)
        except (CommandError, StaleWriteError) as exc:
            if isinstance(exc, CommandError) and exc.code is not ErrorCode.FORBIDDEN:
                raise
            # Somebody who may not, or many people at once: what was brought last is what runs.
            logger.warning("files are not brought", extra={"reason": str(exc)})
            return [f"Your changes to the project's files were not brought: {exc}"]
        return notes_of(status)

    async def _take_files_back(self, project_id: str) -> list[str]:
        """Collect what a runtime wrote, and pull it; never fails."""
        if self.profile == "local":
            return []
        project = await self.db.projects.get(project_id)
        if not await self._has_folder(project):
            return []
        try:
            collected = await self.collect_files(project.id)
            if not collected:
                return []
            return notes_of(await self.pull_files(project.id))
        except (SlateError, TimeoutError) as exc:
            logger.warning("files are not taken back", extra={"reason": str(exc)})
            return [f"What the runtime wrote was not brought back: {exc}"]

    async def _has_folder(self, project: Project) -> bool:
        return await asyncio.to_thread(self.project_folder(project).is_dir)

    async def _note_origin(self, project: Project) -> None:
        """Let agents that see the project's own folder know it."""
        from slate_desktop.domain.trees.stored import write_origin

        if not await asyncio.to_thread(Path(project.root).is_dir):
            return
        origin = await asyncio.to_thread(write_origin, Path(project.root), project.id)
        if origin is None:
            return
        known = await self.db.trees.origins(project.id)
        if origin in known:
            return
        try:
            await self.db.trees.set_origin(project.id, self.user.id, origin)
        except SlateError as exc:
            # Viewers may not; files travel then.
            logger.info("the folder is not noted", extra={"reason": str(exc)})

    async def _look_at(self, agent_id: str, project_id: str) -> TreeReply | None:
        from slate_desktop.wire.tree_messages import TreeAct

        try:
            return await self._ask(agent_id, project_id, TreeAct.LOOK, _LOOK_TIMEOUT_S)
        except (ClientError, TimeoutError):
            return None
        except CommandError as exc:
            # An agent of an earlier release knows no such question.
            logger.info("an agent cannot be asked", extra={"agent": agent_id, "reason": str(exc)})
            return None

    async def _ask_until_done(self, agent_id: str, project_id: str, act: TreeAct) -> TreeReply:
        deadline = time.monotonic() + _APPLY_TIMEOUT_S
        while True:
            try:
                return await self._ask(agent_id, project_id, act, REPLY_TIMEOUT_S)
            except TimeoutError as exc:
                if time.monotonic() >= deadline:
                    raise OutcomeUnknownError(
                        f"The agent {agent_id} did not answer in time.", idem=""
                    ) from exc
            except CommandError as exc:
                if exc.code is not ErrorCode.IN_PROGRESS or time.monotonic() >= deadline:
                    raise
            await asyncio.sleep(_ASK_AGAIN_S)

    async def _ask(
        self, agent_id: str, project_id: str, act: TreeAct, timeout_s: float
    ) -> TreeReply:
        from slate_desktop.wire.tree_messages import TreeReply, TreeRequest, write_tree_request

        body = write_tree_request(TreeRequest(act=act, project_id=project_id))
        return await self.requester.send(
            agent_request(agent_id), body, TreeReply, agent_id, new_id(), timeout_s
        )

    async def _copy(self, project_id: str) -> WorkingCopy:
        from slate_desktop.bus.nats_objects import NatsObjects

        project = await self.db.projects.get(check_id(project_id, "project_id"))
        root = await asyncio.to_thread(self.project_folder, project)
        known = self._copies.get((project.id, str(root)))
        if known is None:
            # Not at the top: it is slow to read, and the local stack compares no trees.
            from slate_desktop.control.working_copy import WorkingCopy

            known = self._copies[(project.id, str(root))] = WorkingCopy(
                self.db,
                NatsObjects(self.bus),
                self.user.id,
                project,
                root,
                self._sync_folder(project.id),
            )
        return known

    def _sync_folder(self, project_id: str) -> Path:
        return paths.data_dir() / "sync" / self.profile / project_id

    def _link(self, project_id: str, into: Path) -> None:
        folder = into.expanduser().absolute()
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as exc:
            raise CommandError(
                ErrorCode.BAD_REQUEST,
                f"The folder {folder} cannot be made: {exc.strerror}.",
                field="into",
            ) from exc
        place = self._sync_folder(project_id)
        place.mkdir(parents=True, exist_ok=True)
        files.write_private(place / _LINK, str(folder).encode("utf-8", "surrogateescape"))


def notes_of(status: SyncStatus) -> list[str]:
    """Return sentences about what a push or pull left."""
    notes: list[str] = []
    if status.conflicts:
        names = ", ".join(one.path for one in status.conflicts[:3])
        more = "" if len(status.conflicts) <= 3 else f" and {len(status.conflicts) - 3} more"
        notes.append(
            f"Changed here and elsewhere, and left as they are: {names}{more}. "
            "`slate sync status` shows them."
        )
    return notes
