"""What running sessions may take, changed while they run."""

from __future__ import annotations

from slate_desktop.control.containers import ContainerOperations
from slate_desktop.domain.fields import read_cpus, read_memory
from slate_desktop.domain.roles import Operation
from slate_desktop.domain.session import RuntimeSession
from slate_desktop.errors import CommandError, ErrorCode
from slate_desktop.wire.messages import SessionReply, UpdateRequest, write_update


class LimitOperations(ContainerOperations):
    """Limits of running sessions."""

    async def change_limits(
        self, session_id: str, *, memory: int | str | None = None, cpus: float | None = None
    ) -> RuntimeSession:
        """Change what a running session may take, until it ends; a restart keeps it.

        Args:
            session_id: a running session.
            memory: bytes, or a size like ``8g``; None leaves the limit as it is.
            cpus: cores; None leaves the limit as it is.

        Raises:
            CommandError: ``bad_request``; ``illegal_state``; ``limit_denied`` where the host has
                less, where the session uses more memory now, and for local processes.
            AgentOfflineError: its agent is away.
        """
        if memory is None and cpus is None:
            raise CommandError(
                ErrorCode.BAD_REQUEST, "Name a limit of memory or CPUs.", field="memory"
            )
        request = UpdateRequest(
            memory_bytes=None if memory is None else read_memory(memory),
            cpus=None if cpus is None else read_cpus(cpus),
        )
        row = await self._fresh(session_id)
        self._refuse_unless_running(row, ErrorCode.ILLEGAL_STATE)
        audience = await self._audience(row)
        try:
            await self.requester.ask(
                Operation.UPDATE, row.id, write_update(request), SessionReply, audience=audience
            )
        except CommandError as exc:
            # The host is at it: an answer of its own would say no more by now.
            if exc.code is not ErrorCode.IN_PROGRESS:
                raise
        return row
