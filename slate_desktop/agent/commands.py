"""Serves ``slate.container.*.*``: one request in, at most one effect, one answer out.

The order of checks: where the answer may go → size, rate, envelope → the user → the role in the
session's project → the body → the idempotency row → the effect. What is refused changes nothing.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import shlex
from collections.abc import Awaitable, Callable

import msgspec

from slate_desktop.agent.answers import (
    ANSWER_WITHIN_S,
    answer_once,
    refusal_of,
)
from slate_desktop.agent.audit import AuditTrail, command_of
from slate_desktop.agent.authorize import Authorizer, no_such_session
from slate_desktop.agent.callers import Gate
from slate_desktop.agent.idempotency import Idempotency
from slate_desktop.agent.neighbours import Neighbours
from slate_desktop.agent.opening import Opening
from slate_desktop.agent.operations import Operations, Request, read_request
from slate_desktop.agent.tasks import TaskOwner
from slate_desktop.bus.port import Bus, Message, Subscription
from slate_desktop.domain.project import User
from slate_desktop.domain.roles import Operation
from slate_desktop.domain.session import RuntimeSession
from slate_desktop.errors import (
    CommandError,
    ErrorCode,
    NotConnectedError,
    Retry,
    SlateError,
)
from slate_desktop.wire.codec import encode
from slate_desktop.wire.envelope import AUDIENCE_ANY, H_AUDIENCE, H_REPLAYED, SignedBy
from slate_desktop.wire.errors import error_to_reply
from slate_desktop.wire.messages import ExecuteRequest, StartRequest, UpdateRequest, write_update
from slate_desktop.wire.subjects import START_QUEUE, container_any, parse_container

_log = logging.getLogger(__name__)
HANDLERS = 32
_NO_RIGHT = frozenset({ErrorCode.FORBIDDEN, ErrorCode.NOT_FOUND, ErrorCode.REVOKED})


async def _alone() -> bool:
    return False


class Core(msgspec.Struct, frozen=True):
    """What exists only once the database was reached."""

    authorizer: Authorizer
    idempotency: Idempotency
    operations: Operations
    audit: AuditTrail
    # Whether another agent takes new work.
    is_other_in_service: Callable[[], Awaitable[bool]] = _alone


class Answer(msgspec.Struct, frozen=True):
    """An answer's bytes, and whether they are a stored one."""

    data: bytes
    is_replayed: bool = False


class CommandServer:
    """The request handlers of one agent.

    Args:
        bus: the broker.
        gate: what is checked before the database.
        neighbours: the agents that answer for themselves.
        tasks: owns effects that outlast their answer.
    """

    def __init__(self, bus: Bus, gate: Gate, neighbours: Neighbours, tasks: TaskOwner) -> None:
        self._bus = bus
        self._tasks = tasks
        self._gate = gate
        self._neighbours = neighbours
        self._core = Opening[Core]()
        self._queue: Subscription | None = None
        self._cordon: str | None = None

    def open(self, core: Core) -> None:
        """Serve for real; before this a request waits a little, or gets ``db_unavailable``."""
        self._core.open(core)

    async def subscribe(self) -> None:
        """Begin to hear requests."""
        for operation in Operation:
            # A start that names its host is heard by every agent, as every other command is.
            handler = self._handle_named if operation is Operation.START else self.handle
            await self._bus.subscribe(container_any(operation), handler, concurrency=HANDLERS)
        await self._join_queue()

    async def set_cordoned(self, reason: str | None) -> None:
        """Take no new session while there is a reason, an empty one too; None ends that.

        Starts that name no host are then heard by other agents of the queue group alone.
        """
        self._cordon = reason
        if reason is None:
            await self._join_queue()
        elif self._queue is not None:
            queue, self._queue = self._queue, None
            await queue.unsubscribe()

    async def _join_queue(self) -> None:
        if self._queue is None:
            self._queue = await self._bus.subscribe(
                container_any(Operation.START),
                self._handle_queued,
                queue=START_QUEUE,
                concurrency=HANDLERS,
            )

    async def _handle_named(self, message: Message) -> None:
        audience = message.headers.get(H_AUDIENCE)
        if audience == self._gate.agent_id or (
            audience in (None, AUDIENCE_ANY) and await self._is_nobody_in_service()
        ):
            await self.handle(message)

    async def _is_nobody_in_service(self) -> bool:
        """Tell whether a start that names no host would be answered by nobody."""
        core = self._core.value
        if self._cordon is None or core is None:
            return False
        try:
            return not await core.is_other_in_service()
        except SlateError:
            return True  # it is refused then, with that as the reason

    async def _handle_queued(self, message: Message) -> None:
        if message.headers.get(H_AUDIENCE) != self._gate.agent_id:
            await self.handle(message)

    async def handle(self, message: Message) -> None:
        """Serve one request; never raises but for cancellation."""
        operation = _operation_of(message.subject)
        if not self._gate.may_answer(message, operation):
            return
        other = self._gate.other_agent(message)
        if other is not None and await self._neighbours.has(other):
            return
        answer = await self._answer(message)
        if answer is None or not message.reply:
            return
        headers = {H_REPLAYED: "1"} if answer.is_replayed else None
        try:
            await self._bus.respond(message, answer.data, headers=headers)
        except NotConnectedError:
            _log.warning("an answer could not be sent", extra={"subject": message.subject})
        except CommandError as error:
            await self._bus.respond(message, error_to_reply(error))

    async def _answer(self, message: Message) -> Answer | None:
        try:
            return await self._serve(message)
        except Exception as error:  # noqa: BLE001 - the boundary of a worker
            return Answer(error_to_reply(refusal_of(error)))

    async def _serve(self, message: Message) -> Answer | None:
        loop = asyncio.get_running_loop()
        end_s = loop.time() + ANSWER_WITHIN_S
        operation, session_id = parse_container(message.subject)
        signed = self._gate.admit(message, operation)
        core = await self._core.get()
        if signed is None:
            return await self._serve_unsigned(core, operation, session_id, message.data or b"{}")
        user = await self._user(core, signed, operation, session_id)
        row, project = await core.operations.find(session_id)
        try:
            await core.authorizer.check(user, project, operation)
            if operation is Operation.START and self._cordon is not None:
                raise cordoned(self._gate.agent_id, self._cordon)
            request = read_request(operation, message.data)
            if isinstance(request, StartRequest):
                _check_names(request, user, row)
            if operation is Operation.STATS:
                return Answer(encode(await core.operations.run(operation, row, project, request)))
            ticket = await core.idempotency.begin(
                signed.key, signed.idem, message.subject, message.data, row.attempt
            )
        except CommandError as error:
            if operation is not Operation.STATS or error.code in _NO_RIGHT:
                await core.audit.refuse(signed, f"session.{operation}", row.id, project.id, error)
            raise
        if ticket.stored is not None:
            return Answer(ticket.stored, is_replayed=True)
        run = core.operations.run(
            operation, row, project, request, resumed_from=ticket.resumed_from
        )
        noted = command_of(
            signed, user, f"session.{operation}", row.id, project.id, _detail(request)
        )
        # The effect's row of the trail comes first; then its answer is stored under the key.
        working = self._tasks.spawn(
            answer_once(core.idempotency, ticket, core.audit.follow(noted, run)),
            f"{operation}.{row.id}",
        )
        done, _ = await asyncio.wait({working}, timeout=max(0, end_s - loop.time()))
        if done:
            return Answer(working.result())
        return Answer(core.operations.reached(operation, row))

    async def _user(
        self, core: Core, signed: SignedBy, operation: Operation, session_id: str
    ) -> User:
        """Return who asks; a key that was withdrawn is refused, and that is noted."""
        try:
            return await core.authorizer.user_of(signed.key)
        except CommandError as error:
            with contextlib.suppress(SlateError):
                row, _ = await core.operations.find(session_id)
                await core.audit.refuse(
                    signed, f"session.{operation}", row.id, row.project_id, error
                )
            raise

    async def _serve_unsigned(
        self, core: Core, operation: Operation, session_id: str, body: bytes
    ) -> Answer | None:
        """Serve a request of the original system, as the project's owner and without a key."""
        request = read_request(operation, body)
        if operation is Operation.START and self._cordon is not None:
            raise cordoned(self._gate.agent_id, self._cordon)
        if isinstance(request, StartRequest):
            row, project = await core.operations.find_or_create(session_id, request)
        else:
            row, project = await core.operations.find(session_id)
            owner = row.agent_id
            if owner not in (None, self._gate.agent_id) and await self._neighbours.has(owner):
                return None
        run = core.operations.run(operation, row, project, request)
        working = self._tasks.spawn(run, f"{operation}.{row.id}")
        # Without a key nobody can ask again for the result of a command.
        timeout_s = None if operation is Operation.EXECUTE else ANSWER_WITHIN_S
        done, _ = await asyncio.wait({working}, timeout=timeout_s)
        return Answer(encode(working.result()) if done else core.operations.reached(operation, row))


def cordoned(agent_id: str, reason: str) -> CommandError:
    """Return the refusal of new work by a host that is out of service."""
    words = f": {reason}" if reason else ""
    return CommandError(
        ErrorCode.HOST_CORDONED,
        f"the host {agent_id} takes no new work{words}",
        retry=Retry.LATER,
        hint="start it on another host, or have an administrator uncordon this one",
    )


def _operation_of(subject: str) -> Operation | None:
    try:
        return parse_container(subject)[0]
    except CommandError:
        return None


def _detail(request: Request) -> str:
    if isinstance(request, UpdateRequest):
        return write_update(request).decode()
    return shlex.join(request.argv) if isinstance(request, ExecuteRequest) else ""


def _check_names(request: StartRequest, user: User, row: RuntimeSession) -> None:
    """Refuse a start whose body names another project or another person than it is about."""
    if request.project_id not in (None, row.project_id):
        raise no_such_session()
    if request.user_id not in (None, user.id):
        raise CommandError(
            ErrorCode.FORBIDDEN, "the request names another user than its key's", field="user_id"
        )
