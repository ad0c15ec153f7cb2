"""Joins a server with an invitation: makes the keys here, asks, and keeps what was answered.

::

    keys → joining.json → asked, again where no answer came → certificate kept → joining.json gone

The answer can be lost on its way, or this program end before it has kept it. Whoever asks with the
same keys is answered the same, so they are on the disk before the first question.
"""

from __future__ import annotations

import asyncio
import base64
import contextlib
import ssl
import time
from collections.abc import Callable
from pathlib import Path

import msgspec

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
    AgentOfflineError,
    ClientError,
    CommandError,
    DeniedError,
    ErrorCode,
    NotConnectedError,
    SettingsError,
)
from slate_desktop.settings import files, joined
from slate_desktop.settings.joined import Joined, JoinedServer
from slate_desktop.settings.secrets import SecretPlace, delete_secret, set_secret
from slate_desktop.wire import codec
from slate_desktop.wire.errors import reply_or_raise
from slate_desktop.wire.keys import SigningKey
from slate_desktop.wire.tls_keys import new_keys

# Of one question, and of all of them.
_TIMEOUT_S, _TOTAL_S = 6.0, 15.0
_ADMISSION_ATTEMPTS = 10
# The server looks at its invitations each second: one that was just made is not known at once.
_GUEST_ATTEMPTS = 6
_ATTEMPT_WAIT_S = 0.5
_MAX_FILE_BYTES = 64 * 1024
_KEYS_FILE = "joining.json"


class _Keys(msgspec.Struct, frozen=True):
    """What this side made for one invitation.

    Attributes:
        invitation: its public key.
        seed: of the signing key.
        private_key: the database's, PEM.
        csr: request for its certificate, PEM.
    """

    invitation: str
    seed: str
    private_key: bytes
    csr: bytes


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
        CommandError: it does not admit us; what was known of it before is still there.
    """
    guest = SigningKey.from_seed(invitation.invitation)
    target = directory or joined.directory_of(invitation.server)
    keys = await asyncio.to_thread(_keys, target, guest.public)
    key = SigningKey.from_seed(keys.seed)
    reply = await _ask(invitation, key, keys.csr)
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

    def keep() -> Joined:
        found = joined.write(
            target,
            server,
            ca=invitation.ca.encode(),
            certificate=reply.certificate.encode(),
            private_key=keys.private_key,
        )
        if invitation.kind is not Joiner.PERSON:
            files.write_private(target / joined.SEED_FILE, key.seed.encode())
            if reply.broker is not None:
                files.write_private(target / joined.BROKER_FILE, msgspec.json.encode(reply.broker))
        else:
            place = set_secret(found.seed_secret, key.seed)
            if on_place is not None:
                on_place(place)
        files.remove(target / _KEYS_FILE)
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
            await asyncio.sleep(_ATTEMPT_WAIT_S)
        else:
            await bus.aclose()
            return


def _keys(directory: Path, invitation: str) -> _Keys:
    """Return the keys that an interrupted attempt with this invitation made, or new ones."""
    path = directory / _KEYS_FILE
    with contextlib.suppress(FileNotFoundError, SettingsError, msgspec.MsgspecError):
        found = msgspec.json.decode(files.read_private(path), type=_Keys)
        if found.invitation == invitation:
            return found
    private_key, csr = new_keys()
    made = _Keys(invitation, SigningKey.generate().seed, private_key, csr)
    files.ensure_private_dir(directory)
    files.write_private(path, msgspec.json.encode(made))
    return made


async def _ask(invitation: JoinFile, key: SigningKey, csr: bytes) -> JoinReply:
    guest = SigningKey.from_seed(invitation.invitation)
    try:
        context = ssl.create_default_context(cadata=invitation.ca)
    except ssl.SSLError as exc:
        raise SettingsError("The certificate in the join file cannot be used.") from exc
    bus = await _connect_as_guest(invitation, context)
    try:
        proof = base64.urlsafe_b64encode(key.sign(csr)).decode().rstrip("=")
        request = JoinRequest(public_key=key.public, proof=proof, csr=csr.decode())
        deadline = asyncio.get_running_loop().time() + _TOTAL_S
        while True:
            try:
                answer = await bus.request(
                    join_subject(guest.public), codec.encode(request), timeout_s=_TIMEOUT_S
                )
            except (TimeoutError, AgentOfflineError) as exc:
                # Its broker answers a moment before its registrar does.
                if asyncio.get_running_loop().time() >= deadline:
                    raise NotConnectedError(
                        f"The server {invitation.server} did not answer in time.",
                        hint="Try again with the same invitation: it is answered once more.",
                    ) from exc
                await asyncio.sleep(_ATTEMPT_WAIT_S)
            else:
                return reply_or_raise(answer.data, JoinReply)
    finally:
        await bus.aclose()


async def _connect_as_guest(invitation: JoinFile, context: ssl.SSLContext) -> NatsBus:
    async def connect() -> NatsBus:
        return await NatsBus.connect(
            invitation.nats_url,
            seed=invitation.invitation,
            name="slate-join",
            tls=context,
            is_tls_first=True,
        )

    for _ in range(_GUEST_ATTEMPTS - 1):
        with contextlib.suppress(DeniedError):
            return await connect()
        await asyncio.sleep(_ATTEMPT_WAIT_S)
    return await connect()


_SAID = {
    Joiner.PERSON: ("This invitation is for a person.", "Use it with: slate connect FILE"),
    Joiner.AGENT: (
        "This invitation is for an agent.",
        "Use it with: slate connect --agent DIR FILE",
    ),
    Joiner.BROKER: (
        "This invitation is for a broker.",
        "Use it with: slate connect --broker DIR FILE",
    ),
}


def check_is_for(invitation: JoinFile, kind: Joiner) -> None:
    """Refuse an agent's invitation where a person joins, and so on.

    Raises:
        CommandError: ``bad_request``.
    """
    if invitation.kind is not kind:
        words, hint = _SAID[invitation.kind]
        raise CommandError(ErrorCode.BAD_REQUEST, words, hint=hint)
