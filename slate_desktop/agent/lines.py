"""Serves ``slate.agent.<agent>.request``: persons' lines for the logs that this agent carries.

Requests about projects' files come the same way, and go on to ``trees.server``.

The order of checks is that of commands: where the answer may go → size, rate, envelope → the user →
a member of the session's project → the body → the idempotency row → the line. Unlike commands,
these requests are never served unsigned: the original system has none.
"""

from __future__ import annotations

import asyncio
import logging

from slate_desktop.agent.answers import ANSWER_WITHIN_S, answer_once, database_away, refusal_of
from slate_desktop.agent.audit import command_of
from slate_desktop.agent.authorize import no_such_session
from slate_desktop.agent.callers import Gate
from slate_desktop.agent.commands import Answer, Core
from slate_desktop.agent.idempotency import Ticket, in_progress
from slate_desktop.agent.opening import Opening
from slate_desktop.agent.tasks import TaskOwner
from slate_desktop.agent.trees.server import TreeRequests
from slate_desktop.bus.port import Bus, Message
from slate_desktop.domain.session import RuntimeSession
from slate_desktop.errors import CommandError, ErrorCode, NotConnectedError
from slate_desktop.wire.agent_messages import (
    MAX_LINE_BODY_BYTES,
    AddLineRequest,
    LineReply,
    read_add_line,
)
from slate_desktop.wire.codec import encode
from slate_desktop.wire.envelope import H_REPLAYED
from slate_desktop.wire.errors import error_to_reply
from slate_desktop.wire.subjects import agent_request
from slate_desktop.wire.tree_messages import is_tree_request

_log = logging.getLogger(__name__)
HANDLERS = 8


class LineServer:
    """The handler of requests to the agent itself.

    Args:
        bus: the broker.
        gate: what is checked before the database; the same as the commands', as nonces are.
        tasks: owns lines that take longer than their answer may.
    """

    def __init__(self, bus: Bus, gate: Gate, tasks: TaskOwner) -> None:
        self._bus = bus
        self._gate = gate
        self._tasks = tasks
        self._core = Opening[Core]()
        # Answers requests about projects' files, once there is something to answer with.
        self.trees: TreeRequests | None = None

    def open(self, core: Core) -> None:
        """Serve for real; before this a request waits a little, or gets ``db_unavailable``."""
        self._core.open(core)

    async def subscribe(self) -> None:
        """Begin to hear requests."""
        subject = agent_request(self._gate.agent_id)
        await self._bus.subscribe(subject, self.handle, concurrency=HANDLERS)

    async def handle(self, message: Message) -> None:
        """Serve one request; never raises but for cancellation."""
        if not self._gate.may_answer(message, None):
            return
        try:
            answer = await self._serve(message)
        except Exception as error:  # noqa: BLE001 - the boundary of a worker
            answer = Answer(error_to_reply(refusal_of(error)))
        headers = {H_REPLAYED: "1"} if answer.is_replayed else None
        try:
            await self._bus.respond(message, answer.data, headers=headers)
        except NotConnectedError:
            _log.warning("an answer could not be sent", extra={"subject": message.subject})

    async def _serve(self, message: Message) -> Answer:
        loop = asyncio.get_running_loop()
        end_s = loop.time() + ANSWER_WITHIN_S
        signed = self._gate.admit(message, None, max_bytes=MAX_LINE_BODY_BYTES)
        core = await self._core.get()
        if signed is None:  # the gate has refused it
            raise database_away()
        if self.trees is not None and is_tree_request(message.data):
            return Answer(encode(await self.trees.serve(message, signed)))
        user = await core.authorizer.user_of(signed.key)
        request = read_add_line(message.data)
        row, project = await core.operations.find(request.session_id)
        if await core.authorizer.role_of(user, project) is None:
            raise no_such_session()
        if row.agent_id not in (None, self._gate.agent_id):
            raise CommandError(
                ErrorCode.WRONG_AUDIENCE, f"this session's log is the agent {row.agent_id!r}'s"
            )
        ticket = await core.idempotency.begin(
            signed.key, signed.idem, message.subject, message.data, row.attempt
        )
        if ticket.stored is not None:
            return Answer(ticket.stored, is_replayed=True)
        noted = command_of(signed, user, "log.add", row.id, project.id)
        effect = core.audit.follow(noted, _add(core, ticket, row, request))
        working = self._tasks.spawn(
            answer_once(core.idempotency, ticket, effect),
            f"line.{row.id}",
        )
        done, _ = await asyncio.wait({working}, timeout=max(0, end_s - loop.time()))
        if not done:
            raise in_progress()
        return Answer(working.result())


async def _add(core: Core, ticket: Ticket, row: RuntimeSession, request: AddLineRequest) -> object:
    if ticket.resumed_from is not None:
        # A line is not added twice: whether the first one was stored, nobody knows.
        raise CommandError(
            ErrorCode.CANCELLED,
            "the agent was restarted while this line was added; it may be in the log or not",
            hint="look at the log, then add it again if need be",
        )
    record = await core.operations.add_line(row, request)
    return LineReply(seq=record.seq, timestamp_ns=record.ts_ns, stream=record.stream)
