"""What synchronisation says of a project's folder, and what a person decides."""

from __future__ import annotations

from enum import StrEnum

import msgspec

from slate_desktop.domain.trees.compare import Difference


class Keep(StrEnum):
    """Which version of a file a person keeps."""

    MINE = "mine"
    THEIRS = "theirs"
    BOTH = "both"


class SyncStatus(msgspec.Struct, frozen=True, kw_only=True):
    """How a folder stands to the newest tree.

    Attributes:
        project_id: whose folder it is.
        root: the folder on this machine.
        version: of the newest tree; 0 where there is none.
        push, pull: paths that changed here, or there.
        conflicts: files that changed on both sides, or were found twice.
        kept_twice: other versions of files that were kept beside them, by their names.
        skipped: what cannot travel, with the reason.
        problems: lines of ``.slateignore`` that are no patterns.
        files, size_bytes: of the folder, without what is left out.
        sent_bytes: what a push sent.
    """

    project_id: str
    root: str
    version: int
    push: tuple[str, ...] = ()
    pull: tuple[str, ...] = ()
    conflicts: tuple[Difference, ...] = ()
    kept_twice: tuple[str, ...] = ()
    skipped: tuple[tuple[str, str], ...] = ()
    problems: tuple[str, ...] = ()
    files: int = 0
    size_bytes: int = 0
    sent_bytes: int = 0

    @property
    def is_in_sync(self) -> bool:
        """Whether there is nothing to do."""
        return not (self.push or self.pull or self.conflicts)


class SyncHost(msgspec.Struct, frozen=True, kw_only=True):
    """How an agent stands to a project's files.

    Attributes:
        agent_id: the agent.
        name: its host's, for people.
        answers: whether it does.
        shared: it sees the project's own folder.
        version: of the tree that it has; 0 for none.
    """

    agent_id: str
    name: str
    answers: bool
    shared: bool
    version: int
