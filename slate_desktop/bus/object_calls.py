"""What an object store on JetStream asks of its broker, and what the broker's refusals mean.

Source: https://github.com/nats-io/nats-server/blob/main/server/errors.json
"""

from __future__ import annotations

import contextlib
import json
from typing import Any

from slate_desktop.bus.jetstream_api import PREFIX, ask_api, code_of, read_answer
from slate_desktop.bus.object_times import StoreChangedError
from slate_desktop.bus.port import Bus, Message
from slate_desktop.errors import (
    AgentOfflineError,
    CommandError,
    EnvironmentFaultError,
    ErrorCode,
    NotConnectedError,
)

STREAM_EXISTS, STREAM_NOT_FOUND = 10058, 10059
_API_TIMEOUT_S = 5.0
_PUT_TIMEOUT_S = 30.0
_WRONG_SEQUENCE = 10071
_FULL = {10002, 10023, 10047, 10077}
# The cluster has no leader, or this broker has just ceased to be it.
_LEADERLESS = {10006, 10008, 10009}


class NoLeaderError(EnvironmentFaultError):
    """Nobody took it, as while a cluster chooses a leader: it may be sent again."""


class UnansweredError(NotConnectedError):
    """A question or its answer got lost, as while a cluster comes together."""


class ObjectCalls:
    """Questions about one bucket.

    Args:
        bus: the way to the broker.
        bucket: the store's name.
    """

    def __init__(self, bus: Bus, bucket: str) -> None:
        self._bus = bus
        self.stream = f"OBJ_{bucket}"

    async def store(
        self, subject: str, data: bytes, *, headers: dict[str, str] | None = None
    ) -> None:
        """Store a message.

        Raises:
            NoLeaderError: it was not taken.
            NotConnectedError: it is not known whether it was.
            StoreChangedError: another one is the last, and ``headers`` name one.
            CommandError: ``artifact_quota``. EnvironmentFaultError: the broker refuses.
        """
        try:
            reply = await self._bus.request(
                subject, data, headers=headers, timeout_s=_PUT_TIMEOUT_S
            )
        except AgentOfflineError as exc:
            raise await self._nobody() from exc
        except TimeoutError as exc:
            raise NotConnectedError("The broker does not store the object in time.") from exc
        answer = read_answer(reply.data)
        code = code_of(answer)
        if code in _FULL:
            raise CommandError(ErrorCode.ARTIFACT_QUOTA, "The object store is full.")
        if code == _WRONG_SEQUENCE:
            raise StoreChangedError("Somebody else changed the object.")
        if code in _LEADERLESS:
            raise NoLeaderError(str(refusal(answer)))
        if code is not None:
            raise refusal(answer)

    async def last(self, subject: str) -> Message | None:
        """Return the last message of a subject, None where there is none.

        Raises:
            NoLeaderError: nobody can answer now. NotConnectedError: the broker is away.
            EnvironmentFaultError: there is no store.
        """
        try:
            message = await self._bus.request(
                f"{PREFIX}DIRECT.GET.{self.stream}.{subject}", b"", timeout_s=_API_TIMEOUT_S
            )
        except AgentOfflineError as exc:
            raise await self._nobody() from exc
        except TimeoutError as exc:
            raise NotConnectedError("The broker does not answer in time.") from exc
        return None if "Status" in message.headers and not message.data else message

    async def api(self, call: str, body: dict[str, Any]) -> dict[str, Any]:
        """Ask the broker's API; a refusal is an answer, see ``code_of``.

        Raises:
            NotConnectedError: the broker is away; UnansweredError: it says nothing in time.
            EnvironmentFaultError: it has no JetStream.
        """
        data = json.dumps(body).encode() if body else b""
        try:
            reply = await ask_api(self._bus, call, data, timeout_s=_API_TIMEOUT_S)
        except AgentOfflineError as exc:
            raise EnvironmentFaultError(
                "The broker has no JetStream.", hint="Start nats-server with JetStream on."
            ) from exc
        except TimeoutError as exc:
            raise UnansweredError("The broker does not answer in time.") from exc
        return read_answer(reply.data)

    async def _nobody(self) -> EnvironmentFaultError:
        """Return what it means that nobody takes a question about the store."""
        # Where nobody leads the cluster itself, this has no answer either.
        with contextlib.suppress(NotConnectedError):
            if code_of(await self.api(f"STREAM.INFO.{self.stream}", {})) == STREAM_NOT_FOUND:
                return EnvironmentFaultError("The broker has no object store.")
        return NoLeaderError("The brokers have no leader for the object store.")


def refusal(answer: dict[str, Any]) -> EnvironmentFaultError:
    """Return the error for a refusal that has no meaning of its own."""
    reason = answer["error"].get("description", "no reason given")
    return EnvironmentFaultError(f"The broker's object store does not work: {reason}.")
