"""From a message to a caller: who asks, with which idempotency key, and where the answer may go.

Nothing is ever sent to a reply subject that is not an inbox: it could be the name of a stream's
API. Requests of the original system carry no signature; they are served only where the agent's
administrator allowed it, and act as the project's owner.
"""

from __future__ import annotations

import time
from collections.abc import Callable

from slate_desktop.bus.port import Message
from slate_desktop.domain.roles import Operation
from slate_desktop.errors import CommandError, ErrorCode
from slate_desktop.wire.codec import MAX_BODY_BYTES
from slate_desktop.wire.envelope import (
    AUDIENCE_ANY,
    H_AUDIENCE,
    SignedBy,
    Verifier,
    is_answerable,
    is_unsigned,
)

# Their effect is worth having without an answer; a result that goes nowhere is not.
FIRE_AND_FORGET = frozenset({Operation.START, Operation.STOP, Operation.RESTART})


class Gate:
    """Checks what can be checked before anything is read from the database.

    Args:
        agent_id: the audience that this agent answers to.
        allow_unsigned: whether requests of the original system are served.
        clock_ms: UTC milliseconds, for tests.
    """

    def __init__(
        self,
        agent_id: str,
        *,
        allow_unsigned: bool = False,
        clock_ms: Callable[[], int] = lambda: time.time_ns() // 1_000_000,
    ) -> None:
        self.bad_replies = 0
        self.allow_unsigned = allow_unsigned
        self.agent_id = agent_id
        self._clock_ms = clock_ms
        self._verifier = Verifier(agent_id, clock_ms())

    def may_answer(self, message: Message, operation: Operation | None) -> bool:
        """Tell whether the request may be looked at; counts those whose answer would go astray."""
        is_fine = (
            is_answerable(message.reply, message.headers)
            if message.reply
            else operation in FIRE_AND_FORGET
        )
        self.bad_replies += not is_fine
        return is_fine

    def other_agent(self, message: Message) -> str | None:
        """Return the id of the agent that the request names, when it is not this one."""
        audience = message.headers.get(H_AUDIENCE)
        return None if audience in (None, AUDIENCE_ANY, self.agent_id) else audience

    def admit(
        self,
        message: Message,
        operation: Operation | None,
        *,
        max_bytes: int = MAX_BODY_BYTES,
    ) -> SignedBy | None:
        """Return who signed the request; None for an unsigned one that is served.

        ``operation`` is None for a request that is no command on a runtime: the original system
        has none of these, and unsigned ones are always refused.

        Raises:
            CommandError: whatever is wrong with size, rate or envelope.
        """
        if len(message.data) > max_bytes:
            raise CommandError(
                ErrorCode.TOO_LARGE,
                f"the body has {len(message.data)} bytes; {max_bytes} are allowed",
                field="body",
            )
        if is_unsigned(message.headers):
            if self.allow_unsigned and operation is not None:
                return None
            raise CommandError(
                ErrorCode.UNSIGNED,
                "this agent takes signed commands only, and this one carries no signature",
                hint="use the SLATE client"
                + (", or start the agent with --allow-unsigned" if operation is not None else ""),
            )
        return self._verifier.verify(
            message.subject,
            message.headers,
            message.data,
            message.reply,
            self._clock_ms(),
            allow_any=operation is Operation.START,
            allow_no_reply=operation in FIRE_AND_FORGET,
        )
