"""Lets in who holds an invitation: checks their keys, signs a certificate, makes their login.

Whoever asks again with the same key gets the same answer: the first one may have been lost.
"""

from __future__ import annotations

import asyncio
import base64
import binascii
import contextlib
import logging
from collections.abc import Awaitable, Callable

import msgspec

from slate_desktop.bus.nats_bus import NatsBus
from slate_desktop.bus.permissions import inbox_prefix
from slate_desktop.bus.port import Message
from slate_desktop.domain.joining import Joiner, JoinReply, JoinRequest
from slate_desktop.errors import CommandError, ErrorCode, SlateError
from slate_desktop.server import invitations
from slate_desktop.server.authority import Authority
from slate_desktop.server.broker import JOIN_ANY
from slate_desktop.server.certificates import key_pin
from slate_desktop.server.cluster_members import STATE_SUBJECT, Broker, StatePages, write_broker
from slate_desktop.server.config import DATABASE_NAME, ServerConfig, ServerFiles
from slate_desktop.server.database import ServerDatabase, agent_login, person_login
from slate_desktop.server.invitations import Invitation
from slate_desktop.wire import codec
from slate_desktop.wire.errors import error_to_reply
from slate_desktop.wire.keys import SIGNATURE_BYTES, verify

logger = logging.getLogger(__name__)

_MAX_BYTES = 32 * 1024


class Registrar:
    """Answers ``slate.join.<invitation>``.

    Args:
        renew: called once a joiner was answered, to let the broker admit them.
        unchanged: while it is held, the broker does not read its configuration anew.

    Attributes:
        pages: the state for further brokers of a cluster, once there is one.
    """

    def __init__(
        self,
        server_files: ServerFiles,
        config: ServerConfig,
        authority: Authority,
        database: ServerDatabase,
        renew: Callable[[], Awaitable[None]],
        unchanged: asyncio.Lock,
    ) -> None:
        self._files = server_files
        self._config = config
        self._authority = authority
        self._database = database
        self._renew = renew
        self._unchanged = unchanged
        self.pages: StatePages | None = None

    async def serve(self, bus: NatsBus) -> None:
        """Listen until the bus is closed."""
        self._bus = bus
        await bus.subscribe(JOIN_ANY, self._on_request)
        await bus.subscribe(STATE_SUBJECT, self._on_state)

    async def _on_state(self, message: Message) -> None:
        # Only further brokers may ask here, and each hears nothing but its own inbox.
        if self.pages is None:
            return
        try:
            answer = self.pages.answer(message.data)
        except CommandError as exc:
            answer = error_to_reply(exc)
        with contextlib.suppress(SlateError):
            await self._bus.publish(message.reply, answer)

    async def _on_request(self, message: Message) -> None:
        guest = message.subject.rpartition(".")[2]
        # An answer goes into the guest's own inbox, and nowhere else.
        if not message.reply.startswith(f"{inbox_prefix(guest)}."):
            return
        # Reading its configuration anew, the broker forgets whom we may answer.
        async with self._unchanged:
            try:
                answer = codec.encode(await self._admit(guest, message.data))
            except SlateError as exc:
                logger.warning("somebody was not admitted", extra={"reason": str(exc)})
                answer = error_to_reply(
                    exc if isinstance(exc, CommandError) else CommandError(
                        ErrorCode.DB_UNAVAILABLE, str(exc), hint="Try again in a moment."
                    )
                )  # fmt: skip
            with contextlib.suppress(SlateError):
                await self._bus.respond(message, answer)
                await self._bus.flush()
        with contextlib.suppress(SlateError):
            await self._renew()

    async def _admit(self, guest: str, data: bytes) -> JoinReply:
        """Register the holder of an invitation, which is used up by that.

        Raises:
            CommandError: the invitation does not hold any more, or a key is not proven.
            SettingsError: that it is used cannot be written; to ask again is harmless.
        """
        found = await asyncio.to_thread(invitations.read_all, self._files.invitations)
        invitation = {one.public_key: one for one in found}.get(guest)
        if invitation is None:
            raise _used("The invitation's time is over.")
        request = _read(data)
        if invitation.answer is not None:
            if invitation.used_by != request.public_key:
                raise _used("The invitation was used already.")
            return invitation.answer
        answer = await self._register(invitation, request)
        await asyncio.to_thread(
            invitations.settle, self._files.invitations, invitation, request.public_key, answer
        )
        logger.info("admitted", extra={"joiner": invitation.kind.value, "id": answer.id})
        return answer

    async def _register(self, invitation: Invitation, request: JoinRequest) -> JoinReply:
        if invitation.kind is Joiner.BROKER:
            return await self._admit_broker(invitation, request)
        if invitation.kind is Joiner.AGENT:
            login = agent_login(invitation.name)
            certificate = self._authority.client_certificate(request.csr.encode(), login)
            await self._database.add_agent(invitation.name, request.public_key)
            identity = invitation.name
        else:
            # Nothing is written for a request that cannot be signed.
            self._authority.client_certificate(request.csr.encode(), "slate")
            user = await self._database.add_person(
                invitation.name, request.public_key, invitation.grants, invitation.is_admin
            )
            login, identity = person_login(user.id), user.id
            certificate = self._authority.client_certificate(request.csr.encode(), login)
        return JoinReply(
            id=identity,
            certificate=certificate.decode(),
            database_host=self._config.hosts[0],
            database_port=self._config.database_port,
            database_name=DATABASE_NAME,
            database_user=login,
        )

    async def _admit_broker(self, invitation: Invitation, request: JoinRequest) -> JoinReply:
        place = invitation.place
        if place is None:
            raise CommandError(ErrorCode.BAD_REQUEST, "The invitation names no place.")
        certificate = self._authority.broker_certificate(
            request.csr.encode(), place.name, place.hosts
        )
        broker = Broker(place=place, public_key=request.public_key, pin=key_pin(certificate))
        await asyncio.to_thread(write_broker, self._files.brokers, broker)
        return JoinReply(
            id=place.name,
            certificate=certificate.decode(),
            database_host="",
            database_port=0,
            database_name="",
            database_user="",
            broker=place,
        )


def _used(words: str) -> CommandError:
    return CommandError(ErrorCode.FORBIDDEN, words, hint="Ask the administrator for another one.")


def _read(data: bytes) -> JoinRequest:
    value = codec.decode_strict(data, max_bytes=_MAX_BYTES)
    try:
        request = msgspec.convert(value, JoinRequest)
        signature = base64.urlsafe_b64decode(request.proof + "=" * (-len(request.proof) % 4))
    except (msgspec.ValidationError, binascii.Error, ValueError) as exc:
        raise CommandError(ErrorCode.BAD_REQUEST, f"The request to join is unsound: {exc}") from exc
    if len(signature) != SIGNATURE_BYTES or not verify(
        request.public_key, request.csr.encode(), signature
    ):
        raise CommandError(ErrorCode.BAD_SIGNATURE, "The signing key is not proven.")
    return request
