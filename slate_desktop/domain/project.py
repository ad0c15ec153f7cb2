"""Projects and people as rows."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import msgspec

from slate_desktop.domain.engine import Engine
from slate_desktop.domain.roles import Role


class Project(msgspec.Struct, frozen=True, kw_only=True):
    """One row of ``slate_projects``.

    ``root`` is an absolute path on the machine where the project was added; ``command`` is the
    argv of a custom project; ``settings`` holds per-project container configuration overrides.
    """

    id: str
    name: str
    owner_id: str
    root: str
    engine: Engine
    engine_version: str | None = None
    command: list[str] | None = None
    settings: dict[str, Any] = {}
    version: int = 1
    created_at: datetime
    updated_at: datetime
    deleted_at: datetime | None = None


class User(msgspec.Struct, frozen=True, kw_only=True):
    """One row of ``slate_users``; ``pubkey`` is an Ed25519 NATS user key, ``U…``, 56 long.

    ``is_admin`` tells who may take hosts of a shared server out of service.
    """

    id: str
    name: str
    pubkey: str
    revoked_at: datetime | None = None
    is_admin: bool = False
    created_at: datetime


class Member(msgspec.Struct, frozen=True, kw_only=True):
    """A person's role in a project; ``name`` is theirs, empty where it was not asked for."""

    project_id: str
    user_id: str
    role: Role
    name: str = ""


class AgentRow(msgspec.Struct, frozen=True, kw_only=True):
    """One row of ``slate_agents``: a host that runs runtimes.

    ``epoch`` rises at every start of the agent; an agent whose epoch is outdated stops itself.
    ``capabilities`` is what the heartbeat advertises (memory, cpus, gpu, drivers, engines);
    ``seen_ago_s`` is seconds since ``last_seen`` by the database's clock, where it was asked for.
    A cordoned host takes no new work; one that is draining ends what it has.
    """

    id: str
    name: str
    pubkey: str | None
    epoch: int
    capabilities: dict[str, Any]
    last_seen: datetime | None
    created_at: datetime
    seen_ago_s: float | None = None
    cordoned_at: datetime | None = None
    cordon_reason: str = ""
    cordoned_by: str | None = None
    is_draining: bool = False
