"""Signed requests to agents: one idempotency key per intent, and what each failure means.

::

    broker away            NotConnectedError     nothing was sent
    nobody subscribes      AgentOfflineError     asked once more after a moment
    signature too old      signed again once, with the agent's clock, under the same key
    no answer after 2.5 s  asked again under the same key: an answer can be lost on its way
    no answer in time      OutcomeUnknownError   the same intent reuses its key when asked again
    error reply            CommandError
"""

from __future__ import annotations

import asyncio
import hashlib
import time
from collections import OrderedDict
from collections.abc import Callable
from typing import TypeVar

import msgspec

from slate_desktop.bus.port import Bus, Message
from slate_desktop.domain.ids import new_id
from slate_desktop.domain.jobs import JobEnvelope
from slate_desktop.domain.roles import Operation
from slate_desktop.domain.session import RuntimeSession
from slate_desktop.errors import (
    AgentOfflineError,
    CommandError,
    ErrorCode,
    OutcomeUnknownError,
    Retry,
)
from slate_desktop.wire import subjects
from slate_desktop.wire.envelope import sign_job, sign_request
from slate_desktop.wire.errors import reply_or_raise
from slate_desktop.wire.keys import SigningKey

T = TypeVar("T")

REPLY_TIMEOUT_S = 4.0
# Agents answer within two seconds. A later answer was lost: each time that somebody joins, leaves
# or becomes a member, the broker reads its users anew and forgets whom an agent may answer.
_ASK_AGAIN_S = 2.5
_OFFLINE_RETRY_S = 0.3
_MAX_CLOCK_OFFSET_MS = 120_000
# Offsets below this are the way's latency, not a wrong clock.
_MIN_CLOCK_OFFSET_MS = 1_000
_MAX_OPEN_INTENTS = 256
_MAX_INTENT_AGE_S = 600.0

Intent = tuple[str, str, str]


class _Open(msgspec.Struct, frozen=True):
    """An intent whose outcome is unknown: its key, when it was asked, and what it was asked of."""

    idem: str
    asked_s: float
    before: RuntimeSession | None = None


class Requester:
    """Sends commands with one user's key."""

    def __init__(
        self, bus: Bus, key: SigningKey, *, clock_ns: Callable[[], int] = time.time_ns
    ) -> None:
        self._bus = bus
        self._key = key
        self._clock_ns = clock_ns
        self._offset_ms = 0
        # Intents whose outcome is unknown, with their keys.
        self._open_intents: OrderedDict[Intent, _Open] = OrderedDict()

    @property
    def clock_offset_ms(self) -> int:
        """How far agents' clocks are ahead of this one, as far as it matters."""
        return self._offset_ms

    async def ask(
        self,
        operation: Operation,
        session_id: str,
        body: bytes,
        kind: type[T],
        *,
        audience: str,
        timeout_s: float = REPLY_TIMEOUT_S,
        idem: str | None = None,
        before: RuntimeSession | None = None,
    ) -> T:
        """Send a command and return its answer.

        Args:
            operation: what to do.
            session_id: the session; a bad id is refused before anything is sent.
            body: the request's bytes.
            kind: the type of the answer.
            audience: the agent's id, or ``any`` for a start.
            timeout_s: how long to wait for the answer.
            idem: the idempotency key; None for a new one, or that of the same intent whose
                outcome is unknown.
            before: the session as it was, for ``first_asked``.

        Raises:
            SlateError: see the module's table.
        """
        subject = subjects.container(operation, session_id)
        intent = _intent(operation, session_id, body)
        idem = idem or self.key_of(operation, session_id, body)
        try:
            answer = await self.send(subject, body, kind, audience, idem, timeout_s)
        except TimeoutError as exc:
            self._remember(intent, idem, before)
            raise OutcomeUnknownError(
                f"No answer came within {timeout_s:g} s; the {operation.value} may have happened.",
                idem=idem,
                hint="Look at the session's state; asking again is safe.",
            ) from exc
        except CommandError as exc:
            if exc.code is not ErrorCode.IN_PROGRESS:
                self._open_intents.pop(intent, None)
            raise
        self._open_intents.pop(intent, None)
        return answer

    def first_asked(
        self, operation: Operation, session_id: str, body: bytes
    ) -> RuntimeSession | None:
        """Return the session as it was when the same intent was asked first, without an outcome.

        What comes of it is measured from there: the first question may have had its effect already.
        """
        known = self._known(_intent(operation, session_id, body))
        return None if known is None else known.before

    def key_of(self, operation: Operation, session_id: str, body: bytes) -> str:
        """Return the key of the same intent whose outcome is unknown, or a new one."""
        known = self._known(_intent(operation, session_id, body))
        return new_id() if known is None else known.idem

    def forget(self, operation: Operation, session_id: str, body: bytes) -> None:
        """Let the next such question be a new intent: what became of the last one is known."""
        self._open_intents.pop(_intent(operation, session_id, body), None)

    def sign_job(self, subject: str, body: bytes, *, job_id: str) -> JobEnvelope:
        """Return a job as its row and its message carry it, signed with the user's key."""
        headers = sign_job(self._key, subject, body, job_id=job_id, now_ms=self._now_ms())
        return JobEnvelope(subject=subject, headers=headers, body=body.decode())

    async def send(
        self, subject: str, body: bytes, kind: type[T], audience: str, idem: str, timeout_s: float
    ) -> T:
        """Send a signed request under a key of its own and return the answer.

        Raises:
            TimeoutError: no answer came; see the module's table for the others.
        """
        is_signed_again = is_asked_again = False
        while True:
            try:
                message = await self._answer(subject, body, audience, idem, timeout_s)
                return reply_or_raise(message.data, kind)
            except AgentOfflineError:
                if is_asked_again:
                    raise
                is_asked_again = True
                await asyncio.sleep(_OFFLINE_RETRY_S)
            except CommandError as exc:
                if exc.retry is not Retry.RESIGN or is_signed_again:
                    raise
                is_signed_again = True
                self._learn_clock(exc)

    async def _answer(
        self, subject: str, body: bytes, audience: str, idem: str, timeout_s: float
    ) -> Message:
        """Ask, and once more where no answer comes; whichever answer is first counts."""

        async def ask(wait_s: float) -> Message:
            headers = sign_request(
                self._key, subject, body, audience=audience, idem=idem, now_ms=self._now_ms()
            )
            return await self._bus.request(subject, body, headers=headers, timeout_s=wait_s)

        first = asyncio.create_task(ask(timeout_s), name="request")
        asked = [first]
        try:
            await asyncio.wait({first}, timeout=_ASK_AGAIN_S)
            left_s = timeout_s - _ASK_AGAIN_S
            if not first.done() and left_s > 0:
                again = asyncio.create_task(ask(left_s), name="request-again")
                asked.append(again)
                await asyncio.wait({first, again}, return_when=asyncio.FIRST_COMPLETED)
                # One that could not be asked again says nothing of the first question's effect.
                if again.done() and again.exception() is None:
                    return again.result()
            return await first
        finally:
            for task in asked:
                task.cancel()
            await asyncio.gather(*asked, return_exceptions=True)

    def _now_ms(self) -> int:
        return self._clock_ns() // 1_000_000 + self._offset_ms

    def _learn_clock(self, error: CommandError) -> None:
        agent_ms = error.details.get("now_ms")
        if not isinstance(agent_ms, int):
            return
        offset_ms = agent_ms - self._clock_ns() // 1_000_000
        if abs(offset_ms) < _MIN_CLOCK_OFFSET_MS:
            self._offset_ms = 0
        elif abs(offset_ms) <= _MAX_CLOCK_OFFSET_MS:
            self._offset_ms = offset_ms
        else:
            raise CommandError(
                error.code,
                f"This computer's clock and the agent's differ by {abs(offset_ms) // 1000} s.",
                hint="Set the clock; SLATE bridges a difference of two minutes at most.",
            ) from error

    def _known(self, intent: Intent) -> _Open | None:
        known = self._open_intents.get(intent)
        if known is None or time.monotonic() - known.asked_s > _MAX_INTENT_AGE_S:
            return None
        return known

    def _remember(self, intent: Intent, idem: str, before: RuntimeSession | None) -> None:
        known = self._known(intent)
        if known is not None and known.idem == idem:
            before = known.before
        self._open_intents[intent] = _Open(idem, time.monotonic(), before)
        self._open_intents.move_to_end(intent)
        while len(self._open_intents) > _MAX_OPEN_INTENTS:
            self._open_intents.popitem(last=False)


def _intent(operation: Operation, session_id: str, body: bytes) -> Intent:
    return operation.value, session_id, hashlib.sha256(body).hexdigest()
