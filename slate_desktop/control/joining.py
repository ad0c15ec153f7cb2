"""Joins a server with an invitation: makes the keys here, asks, and keeps what was answered."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import ssl
import time
from collections.abc import Callable
from pathlib import Path

from slate_desktop.bus.nats_bus import NatsBus
from slate_desktop.domain.joining import (
    Joiner,
    JoinFile,
    JoinReply,
    JoinRequest,
    join_subject,
    read_join_file,
)
from slate_desktop.errors import (
    ClientError,
    CommandError,
    ErrorCode,
    NotConnectedError,
    SettingsError,
)
from slate_desktop.settings import files, joined
from slate_desktop.settings.joined import Joined, JoinedServer
from slate_desktop.settings.secrets import SecretPlace, delete_secret, set_secret
from slate_desktop.wire import codec
from slate_desktop.wire.keys import SigningKey
from slate_desktop.wire.messages import reply_or_raise
from slate_desktop.wire.tls_keys import new_keys

_TIMEOUT_S = 15.0
_ADMISSION_ATTEMPTS = 10
_MAX_FILE_BYTES = 64 * 1024


def load_join_file(path: Path) -> JoinFile:
    """Read a join file.

    Raises:
        SettingsError: it cannot be read, is none, or its time is over.
    """
    try:
        with path.open("rb") as file:
            data = file.read(_MAX_FILE_BYTES + 1)
    except OSError as exc:
        raise SettingsError(f"{path} cannot be read: {exc.strerror or exc}.") from exc
    if len(data) > _MAX_FILE_BYTES:
        raise SettingsError(f"{path} is not a join file.")
    found = read_join_file(data)
    if time.time() * 1000 >= found.expires_ms:
        raise SettingsError(
            "The invitation's time is over.", hint="Ask the administrator for another one."
        )
    return found


async def join(
    invitation: JoinFile,
    *,
    directory: Path | None = None,
    on_place: Callable[[SecretPlace], None] | None = None,
) -> Joined:
    """Join a server; what was known of one with the same name is replaced once it has answered.

    Args:
        invitation: from ``load_join_file``.
        directory: an agent's own directory; a person's is in the configuration.
        on_place: told where the person's signing key was put.

    Raises:
        SettingsError: the invitation's certificate cannot be used.
        NotConnectedError: the server does not answer, or is another one than the invitation says.
        CommandError: it does not admit us; nothing was changed.
    """
    key = SigningKey.generate()
    private_key, csr = await asyncio.to_thread(new_keys)
    reply = await _ask(invitation, key, csr)
    server = JoinedServer(
        name=invitation.server,
        kind=invitation.kind.value,
        id=reply.id,
        nats_url=invitation.nats_url,
        database_host=reply.database_host,
        database_port=reply.database_port,
        database_name=reply.database_name,
        database_user=reply.database_user,
    )
    target = directory or joined.directory_of(invitation.server)

    def keep() -> Joined:
        found = joined.write(
            target,
            server,
            ca=invitation.ca.encode(),
            certificate=reply.certificate.encode(),
            private_key=private_key,
        )
        if invitation.kind is Joiner.AGENT:
            files.write_private(target / joined.SEED_FILE, key.seed.encode())
        else:
            place = set_secret(found.seed_secret, key.seed)
            if on_place is not None:
                on_place(place)
        return found

    found = await asyncio.to_thread(keep)
    await _wait_admitted(found, key)
    return found


async def leave(name: str) -> None:
    """Forget a server on this workstation; its administrator still knows the person.

    Raises:
        SettingsError: none of that name was joined.
    """

    def forget() -> None:
        joined.forget(name)
        with contextlib.suppress(SettingsError):
            delete_secret(f"user_seed.{name}")

    await asyncio.to_thread(forget)


async def _wait_admitted(found: Joined, key: SigningKey) -> None:
    """Wait until the broker knows the new key, which it learns just after the answer."""
    context = ssl.create_default_context(cafile=found.ca_file)
    for attempt in range(_ADMISSION_ATTEMPTS):
        try:
            bus = await NatsBus.connect(
                found.server.nats_url,
                seed=key.seed,
                name="slate-join",
                tls=context,
                is_tls_first=True,
            )
        except ClientError:
            if attempt == _ADMISSION_ATTEMPTS - 1:
                raise
            await asyncio.sleep(0.5)
        else:
            await bus.aclose()
            return


async def _ask(invitation: JoinFile, key: SigningKey, csr: bytes) -> JoinReply:
    guest = SigningKey.from_seed(invitation.invitation)
    try:
        context = ssl.create_default_context(cadata=invitation.ca)
    except ssl.SSLError as exc:
        raise SettingsError("The certificate in the join file cannot be used.") from exc
    bus = await NatsBus.connect(
        invitation.nats_url,
        seed=invitation.invitation,
        name="slate-join",
        tls=context,
        is_tls_first=True,
    )
    try:
        proof = base64.urlsafe_b64encode(key.sign(csr)).decode().rstrip("=")
        request = JoinRequest(public_key=key.public, proof=proof, csr=csr.decode())
        answer = await bus.request(
            join_subject(guest.public), codec.encode(request), timeout_s=_TIMEOUT_S
        )
        return reply_or_raise(answer.data, JoinReply)
    except TimeoutError as exc:
        raise NotConnectedError(
            f"The server {invitation.server} did not answer in time.",
            hint="Whether it has admitted this key is not known: try again, or ask for another"
            " invitation.",
        ) from exc
    finally:
        await bus.aclose()


def check_is_for(invitation: JoinFile, kind: Joiner) -> None:
    """Refuse an agent's invitation where a person joins, and the other way round.

    Raises:
        CommandError: ``bad_request``.
    """
    if invitation.kind is not kind:
        is_agents = invitation.kind is Joiner.AGENT
        raise CommandError(
            ErrorCode.BAD_REQUEST,
            f"This invitation is for {'an agent' if is_agents else 'a person'}.",
            hint=f"Use it with: slate connect {'--agent DIR ' if is_agents else ''}FILE",
        )
