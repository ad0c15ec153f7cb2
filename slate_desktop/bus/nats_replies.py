"""Requests of one connection that wait for their answers."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import re
import secrets
from collections.abc import Callable, Iterator

from slate_desktop.bus.dispatch import Dispatcher
from slate_desktop.bus.port import Message
from slate_desktop.errors import AgentOfflineError, DeniedError, SlateError

logger = logging.getLogger(__name__)

_NO_RESPONDERS = "503"
# nats-py lower-cases the broker's error lines.
_DENIED = re.compile(r'permissions violation for (publish|subscription) to "([^"]*)"')


class Replies:
    """Who waits for which answer.

    Args:
        inbox: subjects below it are this connection's alone.
        on_denied: called with each subject, in lower case, that may not be subscribed to.
    """

    def __init__(self, inbox: str, on_denied: Callable[[str], None]) -> None:
        self._inbox = inbox
        self._on_denied = on_denied
        self._waiting: dict[str, asyncio.Future[Message]] = {}
        # The broker names the subject that it refuses, and not the request.
        self._tokens_by_subject: dict[str, set[str]] = {}

    @property
    def wildcard(self) -> str:
        """What is subscribed to for all answers."""
        return f"{self._inbox}.*"

    def dispatcher(self) -> Dispatcher:
        """Return what gives answers straight to their waiting callers."""
        return _ReplyDispatcher(self)

    @contextlib.contextmanager
    def expect(self, subject: str) -> Iterator[tuple[str, asyncio.Future[Message]]]:
        """Await an answer to a request to ``subject``: the reply subject, and what it comes to."""
        token = secrets.token_hex(8)
        answer: asyncio.Future[Message] = asyncio.get_running_loop().create_future()
        self._waiting[token] = answer
        same_subject = self._tokens_by_subject.setdefault(subject.lower(), set())
        same_subject.add(token)
        try:
            yield f"{self._inbox}.{token}", answer
        finally:
            del self._waiting[token]
            same_subject.discard(token)
            if not same_subject:
                self._tokens_by_subject.pop(subject.lower(), None)

    def offer(self, message: Message) -> None:
        """Give an answer to its caller, if that one still waits."""
        answer = self._waiting.get(message.subject.rpartition(".")[2])
        if answer is not None and not answer.done():
            answer.set_result(message)

    def note_denial(self, text: str) -> bool:
        """Fail what an error line of the broker, in lower case, refuses; False for other lines."""
        denied = _DENIED.search(text)
        if denied is None:
            return False
        action, subject = denied.groups()
        logger.warning("broker refused", extra={"action": action, "subject": subject})
        if action == "subscription":
            self._on_denied(subject)
        else:
            self._deny(subject)
        return True

    def fail_all(self, error: SlateError) -> None:
        """Fail every request: no answer comes any more."""
        for answer in self._waiting.values():
            if not answer.done():
                answer.set_exception(error)

    def _deny(self, subject: str) -> None:
        for token in self._tokens_by_subject.get(subject, ()):
            answer = self._waiting.get(token)
            if answer is not None and not answer.done():
                answer.set_exception(
                    DeniedError(f"The broker does not let this user send to {subject}.")
                )


def checked_answer(message: Message) -> Message:
    """Return an answer, unless it is the broker's word that nobody answers.

    Raises:
        AgentOfflineError: nobody does.
    """
    if message.headers.get("Status") == _NO_RESPONDERS and not message.data:
        raise AgentOfflineError(
            "No agent answers.", hint="Start one with `slate agent`, or wait until it is back."
        )
    return message


class _ReplyDispatcher(Dispatcher):
    def __init__(self, replies: Replies) -> None:
        super().__init__("replies", _ignore, 1)
        self._replies = replies

    def offer(self, message: Message) -> None:
        self._replies.offer(message)


async def _ignore(_message: Message) -> None:
    return None
