"""The hosts that run runtimes."""

from __future__ import annotations

from typing import Any

import msgspec

from slate_desktop.domain.project import AgentRow
from slate_desktop.errors import CommandError, ErrorCode, StaleWriteError
from slate_desktop.store.errors import not_found
from slate_desktop.store.port import Runner


class Agents:
    """Rows of ``slate_agents``."""

    def __init__(self, runner: Runner) -> None:
        self._run = runner

    async def register(
        self, agent_id: str, *, name: str, pubkey: str | None, capabilities: dict[str, Any]
    ) -> AgentRow:
        """Note that an agent starts: the returned row holds its new epoch."""
        row = await self._run.one(
            "register_agent", id=agent_id, name=name, pubkey=pubkey, capabilities=capabilities
        )
        return _agent(row)

    async def seen(
        self, agent_id: str, *, epoch: int, capabilities: dict[str, Any] | None = None
    ) -> None:
        """Note that an agent lives.

        Raises:
            StaleWriteError: a newer process of this agent has registered.
        """
        found = await self._run.value(
            "heartbeat", id=agent_id, epoch=epoch, capabilities=capabilities
        )
        if found is None:
            raise StaleWriteError("A newer process of this agent has taken over.")

    async def get(self, agent_id: str) -> AgentRow:
        """Return an agent; raises ``not_found``."""
        row = await self._run.one("get_agent", id=agent_id)
        if row is None:
            raise not_found("agent", "agent_id")
        return _agent(row)

    async def cordon(
        self, agent_id: str, *, is_cordoned: bool, is_draining: bool = False, reason: str = ""
    ) -> None:
        """Let a host take no new work, or again.

        Raises:
            CommandError: ``forbidden`` for a login that may not, or ``not_found``.
        """
        done = await self._run.value(
            "cordon_agent",
            id=agent_id,
            cordoned=is_cordoned,
            draining=is_draining,
            reason=reason if is_cordoned else "",
        )
        if done is None:
            await self.get(agent_id)
            raise CommandError(
                ErrorCode.FORBIDDEN,
                "Only an administrator of the server takes hosts out of service.",
                hint="On the server: slate server admin PERSON",
            )

    async def list(self) -> list[AgentRow]:
        """Return all agents; ``seen_ago_s`` is by the database's clock."""
        return [_agent(row) for row in await self._run.many("list_agents")]


def _agent(row: Any) -> AgentRow:
    return msgspec.convert(dict(row), AgentRow)
