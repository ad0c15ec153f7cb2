"""What a workstation or a host needs to join a server, and what both sides say meanwhile.

::

    slate server add-user → join file → slate connect: own keys → request, on the invitation's
    subject → certificate and addresses → a profile

The join file is a secret until it is used: whoever holds it may join once, as the person or agent
that it names. Private keys never leave the machine that made them.
"""

from __future__ import annotations

import re
from enum import StrEnum

import msgspec

from slate_desktop.errors import SettingsError
from slate_desktop.settings.joined import SERVER_NAME

JOIN_VERSION = 1
MAX_BYTES = 64 * 1024
_HOST = re.compile(r"[A-Za-z0-9]([A-Za-z0-9.:-]{0,251}[A-Za-z0-9])?")


class Joiner(StrEnum):
    """Who joins."""

    PERSON = "person"
    AGENT = "agent"
    BROKER = "broker"


class BrokerPlace(msgspec.Struct, frozen=True, kw_only=True):
    """Where a broker of a cluster is reached.

    Attributes:
        name: what it is called; one name, one broker.
        hosts: names and addresses; the first is told to clients and to the other brokers.
        nats_port: for clients.
        cluster_port: for the other brokers.
    """

    name: str
    hosts: tuple[str, ...]
    nats_port: int
    cluster_port: int

    @property
    def address(self) -> str:
        """``host:port`` for clients."""
        return f"{bracketed(self.hosts[0])}:{self.nats_port}"

    @property
    def route(self) -> str:
        """``host:port`` for the other brokers."""
        return f"{bracketed(self.hosts[0])}:{self.cluster_port}"


class JoinFile(msgspec.Struct, frozen=True, kw_only=True):
    """An invitation; ``repr`` shows no secret.

    Attributes:
        server: the server's name, which becomes the profile's.
        nats_url: the broker, ``tls://host:port``; several with commas between.
        ca: certificate of the server's own authority, PEM; nothing else is believed.
        invitation: seed of the key that may ask to join, and nothing else.
        expires_ms: Unix time in milliseconds.
    """

    version: int
    kind: Joiner
    server: str
    name: str
    nats_url: str
    ca: str
    invitation: str
    expires_ms: int

    def __repr__(self) -> str:
        return f"JoinFile(server={self.server!r}, name={self.name!r}, nats_url={self.nats_url!r})"


class JoinRequest(msgspec.Struct, frozen=True, kw_only=True):
    """What the joining side sends: its public keys, each with the proof that it holds the secret.

    Attributes:
        public_key: the signing key's public half (``U…``).
        proof: its signature over ``csr``, base64url.
        csr: PEM of the certificate request, which proves the database's key by itself.
    """

    public_key: str
    proof: str
    csr: str


class JoinReply(msgspec.Struct, frozen=True, kw_only=True):
    """What the server answers; ``id`` is the person's, the agent's or the broker's.

    A broker gets no login at the database, and the place where the others will look for it.
    """

    id: str
    certificate: str
    database_host: str
    database_port: int
    database_name: str
    database_user: str
    broker: BrokerPlace | None = None


def write_join_file(value: JoinFile) -> bytes:
    """Return the file's bytes."""
    return msgspec.json.format(msgspec.json.encode(value), indent=2) + b"\n"


def read_join_file(data: bytes) -> JoinFile:
    """Read and check a join file.

    Raises:
        SettingsError: it is none, or of a later version.
    """
    try:
        found = msgspec.json.decode(data, type=JoinFile)
    except (msgspec.MsgspecError, UnicodeDecodeError) as exc:
        raise SettingsError(
            "This is not a join file.", hint="Ask for the file that `slate server add-user` wrote."
        ) from exc
    if found.version != JOIN_VERSION:
        raise SettingsError(
            f"The join file is of version {found.version}, which this SLATE does not know.",
            hint="Update SLATE, then try again.",
        )
    if SERVER_NAME.fullmatch(found.server) is None:
        raise SettingsError(f"The join file names an impossible server, {found.server[:60]!r}.")
    return found


def check_server_name(name: str) -> str:
    """Return a name that can stand in a path and a profile.

    Raises:
        SettingsError: it cannot.
    """
    if SERVER_NAME.fullmatch(name) is None or name in ("auto", "local", "remote"):
        raise SettingsError(
            f"{name!r} cannot be a server's name.",
            hint="Use small letters, digits and hyphens, at most 40.",
        )
    return name


def check_host(host: str) -> str:
    """Return a host name or IP address as it was written.

    Raises:
        SettingsError: it is neither.
    """
    if _HOST.fullmatch(host) is None:
        raise SettingsError(f"{host!r} is neither a host name nor an IP address.")
    return host


def bracketed(host: str) -> str:
    """Return a host as it stands in a URL."""
    return f"[{host}]" if ":" in host else host


def join_subject(invitation_public: str) -> str:
    """Return the one subject that an invitation may publish."""
    return f"slate.join.{invitation_public}"
