"""Rows of quotas, and what is taken of them."""

from __future__ import annotations

from typing import Any

import msgspec

from slate_desktop.domain.quotas import Limit, Quota, QuotaUse, Scope
from slate_desktop.errors import CommandError, ErrorCode
from slate_desktop.store.port import Runner


class Quotas:
    """Rows of ``slate_quotas``."""

    def __init__(self, runner: Runner) -> None:
        self._run = runner

    async def list(self, scope: Scope, subject_id: str) -> list[Quota]:
        """Return what is set for a project or a person, at most one row of each level."""
        rows = await self._run.many("list_quotas", scope=scope.value, subject_id=subject_id)
        return [msgspec.convert(dict(row), Quota) for row in rows]

    async def put(self, quota: Quota) -> None:
        """Set all limits of a level at once; a quota without any limit takes them away.

        Raises:
            CommandError: ``forbidden`` for one who may not set it, ``not_found`` for a project or
                person that is not there, ``bad_request``.
        """
        values: dict[str, Any] = {limit.value: getattr(quota, limit.value) for limit in Limit}
        await self._run.run(
            "set_quota",
            scope=quota.scope.value,
            subject_id=quota.subject_id,
            level=quota.level.value,
            **values,
        )

    async def use(self, scope: Scope, subject_id: str) -> QuotaUse:
        """Return what is taken now; raises ``forbidden`` for one who may not know."""
        row = await self._run.one("quota_state", scope=scope.value, subject_id=subject_id)
        if row is None:
            raise CommandError(ErrorCode.NOT_FOUND, "There is nothing of that id to limit.")
        return msgspec.convert(dict(row), QuotaUse, strict=False)

    async def most_bandwidth(self, project_id: str, user_id: str) -> int | None:
        """Return the bits per second that each container may send and receive, None for any."""
        return await self._run.value("most_bandwidth", project_id=project_id, user_id=user_id)

    async def build_waits_for(self, build_id: str) -> dict[str, Any] | None:
        """Return the facts of the quota that keeps a queued build waiting, None for none."""
        return await self._run.value("build_waits_for", id=build_id)
