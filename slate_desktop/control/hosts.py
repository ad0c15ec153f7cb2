"""Hosts as places to run on: what they have free, which one is chosen, and who takes them out."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING

from slate_desktop.control.events import AGENT_SILENCE_S, Events
from slate_desktop.control.operations import Operations
from slate_desktop.domain.hosts import Host, read_load
from slate_desktop.errors import CommandError, ErrorCode

if TYPE_CHECKING:
    from slate_desktop.store import Database

MAX_REASON_CHARS = 200
_LOOK_S = 0.5


async def read_hosts(db: Database, events: Events) -> list[Host]:
    """Return every agent, how busy its host is and what is free, by name."""
    hosts: list[Host] = []
    for row in await db.agents.list():
        seen = events.agents.get(row.id)
        is_heard = seen is not None and seen.is_live
        capabilities = seen.heartbeat.capabilities if seen and is_heard else row.capabilities
        ago_s = row.seen_ago_s
        held = (capabilities.get("builds") or {}).get("held") or []
        hosts.append(
            Host(
                id=row.id,
                name=row.name,
                is_online=is_heard or (ago_s is not None and ago_s <= AGENT_SILENCE_S),
                seen_ago_s=time.monotonic() - seen.at_s if seen and is_heard else ago_s,
                drivers=tuple(capabilities.get("drivers") or ()),
                cpus=float(capabilities.get("cpus") or 0),
                memory_bytes=int(capabilities.get("memory_bytes") or 0),
                has_gpu=bool(capabilities.get("gpu")),
                sessions=seen.heartbeat.sessions if seen and is_heard else None,
                jobs=seen.heartbeat.jobs if seen and is_heard else None,
                memory_held=sum(int(item[1]) for item in held),
                load=read_load(capabilities),
                is_cordoned=row.cordoned_at is not None,
                is_draining=row.is_draining,
                cordon_reason=row.cordon_reason,
                cordoned_by=row.cordoned_by or "",
            )
        )
    return sorted(hosts, key=lambda host: host.name)


class HostOperations(Operations):
    """The part of ``Slate`` that takes hosts out of service, and puts them back.

    On a shared server its administrators may; agents do it within five seconds.
    """

    async def cordon_host(self, host: str, reason: str = "") -> Host:
        """Let a host take no new session, build or asset job; what runs there goes on.

        Args:
            host: its id or name.
            reason: for those who wonder.

        Raises:
            CommandError: ``not_found``, ``forbidden``, ``bad_request`` for a reason that is long.
        """
        return await self._write(host, is_cordoned=True, is_draining=False, reason=reason)

    async def drain_host(
        self, host: str, reason: str = "", *, wait: bool = False, timeout_s: float | None = None
    ) -> Host:
        """Cordon a host and stop its sessions; jobs that run there end by themselves.

        Args:
            host: its id or name.
            reason: for those who wonder.
            wait: return only when nothing runs there any more.
            timeout_s: limit of the waiting; TimeoutError when it is over.

        Raises:
            CommandError: as ``cordon_host``.
        """
        found = await self._write(host, is_cordoned=True, is_draining=True, reason=reason)
        if not wait:
            return found
        async with asyncio.timeout(timeout_s):
            # The count of a heartbeat from before the wish says nothing.
            begun_s = time.monotonic()
            while True:
                found = await self._find_host(found.id)
                seen = self.events.agents.get(found.id)
                is_fresh = seen is not None and seen.at_s > begun_s + 2 * _LOOK_S
                if not found.is_online or (is_fresh and not (found.sessions or found.jobs)):
                    return found
                await asyncio.sleep(_LOOK_S)

    async def uncordon_host(self, host: str) -> Host:
        """Put a host back into service; raises as ``cordon_host``."""
        return await self._write(host, is_cordoned=False, is_draining=False, reason="")

    async def _write(self, host: str, *, is_cordoned: bool, is_draining: bool, reason: str) -> Host:
        reason = " ".join(reason.split())
        if len(reason) > MAX_REASON_CHARS:
            raise CommandError(
                ErrorCode.BAD_REQUEST,
                f"The reason has {len(reason)} letters; {MAX_REASON_CHARS} are allowed.",
                field="reason",
            )
        found = await self._find_host(host)
        await self.db.agents.cordon(
            found.id, is_cordoned=is_cordoned, is_draining=is_draining, reason=reason
        )
        return await self._find_host(found.id)

    async def _find_host(self, text: str) -> Host:
        hosts = await read_hosts(self.db, self.events)
        found = [h for h in hosts if h.id == text] or [h for h in hosts if h.name == text]
        if not found:
            raise CommandError(ErrorCode.NOT_FOUND, f"There is no host {text!r}.", field="host")
        if len(found) > 1:
            raise CommandError(
                ErrorCode.BAD_REQUEST,
                f"Several hosts are called {text!r}.",
                field="host",
                hint="Name one by id: " + ", ".join(h.id for h in found),
            )
        return found[0]
