"""People and their signing keys. Never cached here: a key that was revoked must stop working."""

from __future__ import annotations

import msgspec

from slate_desktop.domain.ids import new_id
from slate_desktop.domain.project import User
from slate_desktop.store.errors import not_found
from slate_desktop.store.port import Runner


class Users:
    """Rows of ``slate_users``."""

    def __init__(self, runner: Runner) -> None:
        self._run = runner

    async def create(self, name: str, pubkey: str, *, user_id: str | None = None) -> User:
        """Register a person; the same key again gives the same person.

        Raises:
            CommandError: ``bad_request`` for a key that is none.
        """
        row = await self._run.one("insert_user", id=user_id or new_id(), name=name, pubkey=pubkey)
        return msgspec.convert(dict(row or {}), User)

    async def get(self, user_id: str) -> User:
        """Return a person; raises ``not_found``."""
        row = await self._run.one("get_user", id=user_id)
        if row is None:
            raise not_found("user", "user_id")
        return msgspec.convert(dict(row), User)

    async def get_by_pubkey(self, pubkey: str) -> User | None:
        """Return the person with this key, revoked or not."""
        row = await self._run.one("get_user_by_pubkey", pubkey=pubkey)
        return None if row is None else msgspec.convert(dict(row), User)

    async def find(self, text: str) -> list[tuple[str, str]]:
        """Return id and name of people with exactly this id or name."""
        rows = await self._run.many("find_person", text=text)
        return [(row["id"], row["name"]) for row in rows]

    async def revoke(self, user_id: str) -> None:
        """Withdraw a person's key; harmless when it is withdrawn already."""
        await self._run.value("revoke_user", id=user_id)
