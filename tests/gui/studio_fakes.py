"""What the scripted client says of a studio: files that travel, members, the trail, hosts."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec

from slate_desktop.control.sync_values import SyncHost, SyncStatus
from slate_desktop.domain.audit import AuditEntry
from slate_desktop.domain.hosts import Host
from slate_desktop.domain.project import Member, Project, User
from slate_desktop.domain.quotas import Level, Limit, Quota, QuotaLine, QuotaUse, Scope, lines_of
from slate_desktop.domain.roles import Role


class FakeStudio:
    """The part of the client that knows of others; ``_note`` is the client's own."""

    _note: Callable[[str, Any], None]
    user: User

    def __init__(self) -> None:
        super().__init__()
        self.sync: SyncStatus | None = None
        self.sync_hosts: list[SyncHost] = []
        self.members: list[Member] = []
        self.audit: list[AuditEntry] = []
        self.hosts: list[Host] = []
        self.quotas: dict[str, Any] = {}
        self.quotas_of_people: dict[str, dict[str, Any]] = {}
        self.is_admin = False
        self.quota_use = QuotaUse()

    # -- files -----------------------------------------------------------------------------

    def project_folder(self, project: Project) -> Path:
        return Path(project.root)

    async def get_tree_version(self, project_id: str) -> int:
        return self.sync.version if self.sync is not None else 0

    async def list_sync_hosts(self, project_id: str) -> list[SyncHost]:
        return self.sync_hosts

    async def get_sync_status(self, project_id: str) -> SyncStatus:
        self._note("sync status", project_id)
        assert self.sync is not None
        return self.sync

    async def push_files(self, project_id: str, **_: Any) -> SyncStatus:
        self._note("push files", project_id)
        return self._synced(push=())

    async def pull_files(self, project_id: str, **_: Any) -> SyncStatus:
        self._note("pull files", project_id)
        return self._synced(pull=())

    async def collect_files(self, project_id: str) -> list[Any]:
        self._note("collect files", project_id)
        return []

    async def apply_files(self, project_id: str, agent_id: str) -> None:
        self._note("apply files", agent_id)

    async def resolve_files(self, project_id: str, paths: list[str], keep: str) -> SyncStatus:
        self._note("resolve files", (tuple(paths), keep))
        assert self.sync is not None
        left = tuple(one for one in self.sync.conflicts if one.path not in paths)
        return self._synced(conflicts=left)

    def _synced(self, **fields: Any) -> SyncStatus:
        assert self.sync is not None
        self.sync = msgspec.structs.replace(self.sync, **fields)
        return self.sync

    async def list_members(self, project_id: str) -> list[Member]:
        self._note("list_members", project_id)
        return list(self.members)

    async def get_quotas(self, scope: Scope, subject_id: str) -> list[QuotaLine]:
        if scope is Scope.PERSON:
            person = Quota(
                scope=scope, subject_id=subject_id, level=Level.ADMINISTRATOR, set_by="Ada"
            )
            limits = self.quotas_of_people.get(subject_id, {})
            return lines_of([msgspec.structs.replace(person, **limits)], QuotaUse())
        quota = Quota(scope=scope, subject_id=subject_id, level=Level.OWNER, set_by="Me")
        return lines_of([msgspec.structs.replace(quota, **self.quotas)], self.quota_use)

    async def may_limit(self, scope: Scope, subject_id: str) -> bool:
        is_owner = any(m.user_id == self.user.id and m.role is Role.OWNER for m in self.members)
        return self.is_admin or (scope is Scope.PROJECT and is_owner)

    async def set_quotas(
        self, scope: Scope, subject_id: str, limits: dict[Limit, float | None]
    ) -> list[QuotaLine]:
        self._note("set_quotas", limits)
        changed = {limit.value: amount for limit, amount in limits.items()}
        if scope is Scope.PERSON:
            self.quotas_of_people.setdefault(subject_id, {}).update(changed)
        else:
            self.quotas |= changed
        return await self.get_quotas(scope, subject_id)

    async def set_member(self, project_id: str, person: str, role: str) -> Member:
        self._note("set_member", (person, str(role)))
        known = {m.user_id: m for m in self.members} | {m.name: m for m in self.members}
        user_id = known[person].user_id if person in known else f"id-{person}"
        name = known[person].name if person in known else person
        made = Member(project_id=project_id, user_id=user_id, role=Role(role), name=name)
        self.members = [m for m in self.members if m.user_id != user_id] + [made]
        return made

    async def remove_member(self, project_id: str, person: str) -> Member:
        self._note("remove_member", person)
        (gone,) = [m for m in self.members if m.user_id == person]
        self.members.remove(gone)
        return gone

    async def list_audit(
        self, project_id: str | None = None, *, limit: int = 200, **_: Any
    ) -> list[AuditEntry]:
        self._note("list_audit", project_id)
        return [e for e in self.audit if project_id in (None, e.project_id)][:limit]

    async def export_audit(self, path: Path, project_id: str | None = None, **_: Any) -> int:
        self._note("export_audit", path)
        return len(self.audit)

    async def cordon_host(self, host: str, reason: str = "") -> Host:
        return self._duty("cordon", host, is_cordoned=True, cordon_reason=reason)

    async def drain_host(self, host: str, reason: str = "", **_: Any) -> Host:
        fields = {"is_cordoned": True, "is_draining": True, "cordon_reason": reason}
        return self._duty("drain", host, **fields)

    async def uncordon_host(self, host: str) -> Host:
        fields = {"is_cordoned": False, "is_draining": False, "cordon_reason": ""}
        return self._duty("uncordon", host, **fields)

    def _duty(self, duty: str, host_id: str, **fields: Any) -> Host:
        self._note(duty, host_id)
        self.hosts = [
            msgspec.structs.replace(host, **fields) if host.id == host_id else host
            for host in self.hosts
        ]
        return next(host for host in self.hosts if host.id == host_id)

    async def list_hosts(self) -> list[Host]:
        return self.hosts
