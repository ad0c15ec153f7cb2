"""Lets in who holds an invitation: checks their keys, signs a certificate, makes their login."""

from __future__ import annotations

import base64
import binascii
import contextlib
import logging
from collections.abc import Awaitable, Callable

import msgspec

from slate_desktop.bus.permissions import inbox_prefix
from slate_desktop.bus.port import Bus, Message
from slate_desktop.domain.joining import Joiner, JoinReply, JoinRequest
from slate_desktop.errors import CommandError, ErrorCode, SlateError
from slate_desktop.server import invitations
from slate_desktop.server.authority import Authority
from slate_desktop.server.broker import JOIN_ANY
from slate_desktop.server.config import DATABASE_NAME, ServerConfig, ServerFiles
from slate_desktop.server.database import ServerDatabase, agent_login, person_login
from slate_desktop.wire import codec
from slate_desktop.wire.keys import SIGNATURE_BYTES, verify
from slate_desktop.wire.messages import error_to_reply

logger = logging.getLogger(__name__)

_MAX_BYTES = 32 * 1024


class Registrar:
    """Answers ``slate.join.<invitation>``.

    Args:
        renew: called once a joiner was answered, to let the broker admit them.
    """

    def __init__(
        self,
        server_files: ServerFiles,
        config: ServerConfig,
        authority: Authority,
        database: ServerDatabase,
        renew: Callable[[], Awaitable[None]],
    ) -> None:
        self._files = server_files
        self._config = config
        self._authority = authority
        self._database = database
        self._renew = renew

    async def serve(self, bus: Bus) -> None:
        """Listen until the bus is closed."""
        self._bus = bus
        await bus.subscribe(JOIN_ANY, self._on_request)

    async def _on_request(self, message: Message) -> None:
        guest = message.subject.rpartition(".")[2]
        # An answer goes into the guest's own inbox, and nowhere else.
        if not message.reply.startswith(f"{inbox_prefix(guest)}."):
            return
        try:
            answer = codec.encode(await self._admit(guest, message.data))
        except SlateError as exc:
            logger.warning("somebody was not admitted", extra={"reason": str(exc)})
            answer = error_to_reply(
                exc if isinstance(exc, CommandError) else CommandError(
                    ErrorCode.DB_UNAVAILABLE, str(exc), hint="Try again in a moment."
                )
            )  # fmt: skip
        await self._bus.respond(message, answer)
        # Afterwards: reading its configuration anew, the broker forgets whom we may answer.
        with contextlib.suppress(SlateError):
            await self._renew()

    async def _admit(self, guest: str, data: bytes) -> JoinReply:
        """Register the holder of an invitation, which is used up by that.

        Raises:
            CommandError: the invitation does not hold any more, or a key is not proven.
        """
        held = {one.public_key: one for one in invitations.read_all(self._files.invitations)}
        invitation = held.get(guest)
        if invitation is None:
            raise CommandError(
                ErrorCode.FORBIDDEN,
                "The invitation was used already, or its time is over.",
                hint="Ask the administrator for another one.",
            )
        request = _read(data)
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
        invitations.remove(self._files.invitations, guest)
        logger.info("admitted", extra={"joiner": invitation.kind.value, "id": identity})
        return JoinReply(
            id=identity,
            certificate=certificate.decode(),
            database_host=self._config.hosts[0],
            database_port=self._config.database_port,
            database_name=DATABASE_NAME,
            database_user=login,
        )


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
