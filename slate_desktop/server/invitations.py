"""Who may join: one file per invitation, gone once its time is over.

One that was used stays, with its answer: an answer can be lost on its way, and is then given again
to the key that got it, and to no other.
"""

from __future__ import annotations

import contextlib
import logging
import time
from pathlib import Path

import msgspec

from slate_desktop.domain.joining import JOIN_VERSION, BrokerPlace, Joiner, JoinFile, JoinReply
from slate_desktop.domain.roles import Role
from slate_desktop.errors import CommandError, SettingsError
from slate_desktop.server import cluster_members
from slate_desktop.server.config import ServerConfig, ServerFiles
from slate_desktop.settings import files
from slate_desktop.wire.keys import SigningKey, decode_public

logger = logging.getLogger(__name__)

DEFAULT_DAYS = 7.0


class Invitation(msgspec.Struct, frozen=True, kw_only=True):
    """What the server keeps of an invitation: the public half of its key, and what it is for.

    Attributes:
        public_key: which key may ask.
        name: of the person, or the agent's id.
        grants: roles in projects that the person gets, by project id.
        expires_ms: Unix time in milliseconds.
        is_admin: whether the person may take hosts out of service.
        place: where a further broker will be.
        used_by: the signing key that has joined with it, empty before.
        answer: what that key was answered.
    """

    public_key: str
    kind: Joiner
    name: str
    expires_ms: int
    grants: dict[str, Role] = {}
    is_admin: bool = False
    place: BrokerPlace | None = None
    used_by: str = ""
    answer: JoinReply | None = None

    @property
    def is_used(self) -> bool:
        """Whether somebody has joined with it."""
        return self.answer is not None

    @property
    def is_expired(self) -> bool:
        """Whether its time is over."""
        return time.time() * 1000 >= self.expires_ms


def invite(
    directory: Path,
    *,
    kind: Joiner,
    name: str,
    server: str,
    nats_url: str,
    ca: str,
    days: float = DEFAULT_DAYS,
    grants: dict[str, Role] | None = None,
    is_admin: bool = False,
    place: BrokerPlace | None = None,
) -> JoinFile:
    """Write an invitation and return the file that goes to the one who joins.

    Raises:
        SettingsError: it cannot be written.
    """
    key = SigningKey.generate()
    expires_ms = int((time.time() + days * 86_400) * 1000)
    kept = Invitation(
        public_key=key.public,
        kind=kind,
        name=name,
        expires_ms=expires_ms,
        grants=grants or {},
        is_admin=is_admin,
        place=place,
    )
    files.write_private(directory / f"{key.public}.json", msgspec.json.encode(kept))
    return JoinFile(
        version=JOIN_VERSION,
        kind=kind,
        server=server,
        name=name,
        nats_url=nats_url,
        ca=ca,
        invitation=key.seed,
        expires_ms=expires_ms,
    )


def invite_broker(
    server_files: ServerFiles, config: ServerConfig, place: BrokerPlace, *, days: float
) -> JoinFile:
    """Write the invitation of a further broker; raises ``SettingsError``."""
    return invite(
        server_files.invitations,
        kind=Joiner.BROKER,
        name=place.name,
        server=config.name,
        # It follows the server's own broker, and nobody else's word.
        nats_url=config.nats_url,
        ca=files.read_private(server_files.authority_certificate).decode(),
        days=days,
        place=place,
    )


def addresses(server_files: ServerFiles, config: ServerConfig) -> str:
    """Return where the brokers are, the server's own first."""
    if not cluster_members.is_begun(server_files):
        return config.nats_url
    known = cluster_members.read_brokers(server_files.brokers)
    return cluster_members.urls_of(cluster_members.make_peers(server_files, config, known))


def read_all(directory: Path) -> list[Invitation]:
    """Return the invitations whose time is not over, used ones too.

    What is expired is removed, what is damaged passed over.
    """
    found = []
    for path in sorted(directory.glob("U*.json")):
        try:
            one = msgspec.json.decode(files.read_private(path), type=Invitation)
            decode_public(one.public_key)
        except (SettingsError, CommandError, msgspec.MsgspecError, OSError):
            logger.warning("damaged invitation", extra={"path": str(path)})
            continue
        if one.is_expired or path.stem != one.public_key:
            remove(directory, path.stem)
            continue
        found.append(one)
    return found


def settle(directory: Path, invitation: Invitation, used_by: str, answer: JoinReply) -> None:
    """Note who has joined with an invitation, and what was answered.

    Raises:
        SettingsError: it cannot be written.
    """
    used = msgspec.structs.replace(invitation, used_by=used_by, answer=answer)
    files.write_private(directory / f"{invitation.public_key}.json", msgspec.json.encode(used))


def remove(directory: Path, public_key: str) -> None:
    """Withdraw an invitation; harmless when it is gone."""
    with contextlib.suppress(CommandError):
        decode_public(public_key)
        files.remove(directory / f"{public_key}.json")
