"""How much projects and people may take: owners and administrators decide."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from slate_desktop.control.operations import Operations
from slate_desktop.domain.ids import check_id
from slate_desktop.domain.quotas import (
    Level,
    Limit,
    Quota,
    QuotaLine,
    Scope,
    lines_of,
)
from slate_desktop.domain.roles import Role
from slate_desktop.errors import CommandError, ErrorCode


class QuotaOperations(Operations):
    """The part of ``Slate`` that works on quotas. They count from the next start or build on."""

    async def get_quotas(self, scope: Scope | str, subject_id: str) -> list[QuotaLine]:
        """Return every limit of a project or a person, with what is taken now.

        Args:
            scope: ``project`` or ``person``.
            subject_id: its id.

        Raises:
            CommandError: ``forbidden`` for a project that one is not in, or another person.
            DatabaseError: the database does not answer.
        """
        wanted, subject_id = Scope(scope), check_id(subject_id, "subject_id")
        use = await self.db.quotas.use(wanted, subject_id)
        return lines_of(await self.db.quotas.list(wanted, subject_id), use)

    async def get_own_limits(self, scope: Scope | str, subject_id: str) -> Quota:
        """Return what is set at the level at which this person sets quotas there.

        Raises:
            CommandError: ``forbidden`` for one who may set none.
            DatabaseError: the database does not answer.
        """
        wanted, subject_id = Scope(scope), check_id(subject_id, "subject_id")
        level = await self._own_level(wanted, subject_id)
        for quota in await self.db.quotas.list(wanted, subject_id):
            if quota.level is level:
                return quota
        return Quota(scope=wanted, subject_id=subject_id, level=level)

    async def may_limit(self, scope: Scope | str, subject_id: str) -> bool:
        """Tell whether this person may set quotas there; raises ``DatabaseError``."""
        try:
            await self._own_level(Scope(scope), subject_id)
        except CommandError:
            return False
        return True

    async def set_quotas(
        self, scope: Scope | str, subject_id: str, limits: Mapping[Limit, float | None]
    ) -> list[QuotaLine]:
        """Set limits, and return all of them; those that are not named stay.

        Owners of a project set its quotas, administrators those of projects and people. Both may be
        set; the least holds.

        Args:
            scope: ``project`` or ``person``.
            subject_id: its id.
            limits: whole numbers for sessions and builds, bytes for memory and disk, cores; None
                takes a limit away.

        Raises:
            CommandError: ``forbidden`` for one who may not, ``not_found``, ``bad_request``.
            DatabaseError: the database does not answer.
        """
        quota = await self.get_own_limits(scope, subject_id)
        values = {
            limit.value: amount if amount is None or limit is Limit.CPUS else int(amount)
            for limit, amount in limits.items()
        }
        await self.db.quotas.put(msgspec.structs.replace(quota, **values))
        return await self.get_quotas(scope, subject_id)

    async def _own_level(self, scope: Scope, subject_id: str) -> Level:
        me = await self.db.users.get(self.user.id)
        if me.is_admin or (scope is Scope.PERSON and not self._is_shared()):
            return Level.ADMINISTRATOR
        if scope is Scope.PERSON:
            raise CommandError(
                ErrorCode.FORBIDDEN,
                "Only an administrator limits people.",
                hint="An owner limits a project.",
            )
        if await self.db.projects.role_of(subject_id, self.user.id) is not Role.OWNER:
            raise CommandError(
                ErrorCode.FORBIDDEN,
                "Only an owner of the project or an administrator limits it.",
                hint="Ask one of its owners.",
            )
        return Level.OWNER
