"""Operations on runtimes: signed requests to agents."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from slate_desktop.control.values import CommandOutcome, ExecResult, StatsReading
from slate_desktop.domain.container import ContainerConfig


class ContainerOperations:
    """The part of ``Slate`` that talks to agents.

    Every method refuses bad ids before it sends, and raises ``NotConnectedError`` (nothing was
    sent), ``AgentOfflineError`` (nobody answers for the session), ``OutcomeUnknownError`` (sent,
    no answer: the next call repeats the intent safely) or ``CommandError`` (refused).
    """

    async def start_container(
        self,
        session_id: str,
        config: ContainerConfig | Mapping[str, object] | None = None,
        *,
        wait: bool = False,
        timeout_s: float | None = None,
    ) -> CommandOutcome:
        """Start a session; ``config`` changes its configuration first.

        Args:
            session_id: a session that is not live.
            config: as in ``update_runtime_session``.
            wait: return only when it runs or has ended.
            timeout_s: limit of the waiting.
        """
        raise NotImplementedError

    async def stop_container(
        self, session_id: str, *, wait: bool = False, timeout_s: float | None = None
    ) -> CommandOutcome:
        """Stop a session gracefully; one that has stopped stays so."""
        raise NotImplementedError

    async def restart_container(
        self, session_id: str, *, wait: bool = False, timeout_s: float | None = None
    ) -> CommandOutcome:
        """Stop a session and start it again in a new runtime."""
        raise NotImplementedError

    async def execute_command(
        self, session_id: str, argv: Sequence[str], timeout_s: float = 30.0
    ) -> ExecResult:
        """Run a command inside a running session; never through a shell.

        Args:
            session_id: a running session.
            argv: the program and its arguments.
            timeout_s: the command is killed after this time, 600 at most.
        """
        raise NotImplementedError

    async def get_container_stats(self, session_id: str) -> StatsReading:
        """Return the agent's newest sample.

        Raises:
            CommandError: ``not_running``, ``not_found``.
        """
        raise NotImplementedError
