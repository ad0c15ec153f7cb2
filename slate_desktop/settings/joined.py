"""Servers that this workstation or host has joined: addresses, and the database's key, on disk.

::

    <directory>/server.json ca.pem certificate.pem key.pem        all 0600

A workstation's are in ``<config>/servers/<name>``. The signing key is not among them: a person's is
in the keyring, under ``user_seed.<name>``.
"""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from pathlib import Path
from urllib.parse import quote, urlencode

import msgspec

from slate_desktop.errors import SettingsError
from slate_desktop.late_pattern import late_pattern
from slate_desktop.settings import files, paths

SERVER_NAME = late_pattern(r"[a-z0-9][a-z0-9-]{0,39}")
# An agent's signing key, beside the files; a person's is in the keyring.
SEED_FILE = "seed"
# Where a further broker is reached, as its server knows it.
BROKER_FILE = "broker.json"
_FILE = "server.json"
_CA, _CERTIFICATE, _KEY = "ca.pem", "certificate.pem", "key.pem"


class JoinedServer(msgspec.Struct, frozen=True, kw_only=True):
    """What ``server.json`` holds.

    Attributes:
        name: the server's, and the profile's.
        kind: ``person``, ``agent`` or ``broker``.
        id: of the person, the agent or the broker.
        nats_url: the broker, ``tls://host:port``, several with commas between; the handshake
            comes first.
        database_user: the login that the certificate names.
    """

    name: str
    kind: str
    id: str
    nats_url: str
    database_host: str
    database_port: int
    database_name: str
    database_user: str


class Joined(msgspec.Struct, frozen=True):
    """A joined server with the directory of its files."""

    server: JoinedServer
    directory: Path

    @property
    def ca_file(self) -> Path:
        """The authority that is believed, and no other."""
        return self.directory / _CA

    @property
    def database_url(self) -> str:
        """PostgreSQL's address; the certificate is the login."""
        server = self.server
        host = f"[{server.database_host}]" if ":" in server.database_host else server.database_host
        where = urlencode(
            {
                "sslmode": "verify-full",
                "sslrootcert": str(self.ca_file),
                "sslcert": str(self.directory / _CERTIFICATE),
                "sslkey": str(self.directory / _KEY),
            },
            quote_via=quote,
        )
        user, name = quote(server.database_user, safe=""), quote(server.database_name, safe="")
        return f"postgresql://{user}@{host}:{server.database_port}/{name}?{where}"

    @property
    def seed_secret(self) -> str:
        """The name of the signing key in the keyring."""
        return f"user_seed.{self.server.name}"


def servers_dir() -> Path:
    """Where a workstation's servers are."""
    return paths.config_dir() / "servers"


def directory_of(name: str) -> Path:
    """Return the directory of a server's files on a workstation.

    Raises:
        SettingsError: it is no name of a server.
    """
    if SERVER_NAME.fullmatch(name) is None:
        raise SettingsError(f"{name!r} is not the name of a server.")
    return servers_dir() / name


def names() -> list[str]:
    """Return the servers that this workstation has joined, by name."""
    try:
        found = [path.parent.name for path in servers_dir().glob(f"*/{_FILE}")]
    except OSError:
        return []
    return sorted(name for name in found if SERVER_NAME.fullmatch(name))


def read(directory: Path) -> Joined:
    """Read what was joined.

    Raises:
        SettingsError: nothing was, or a file is damaged or missing.
    """
    try:
        server = msgspec.json.decode(files.read_private(directory / _FILE), type=JoinedServer)
    except FileNotFoundError:
        raise SettingsError(
            f"No server called {directory.name!r} was joined.", hint="Join one: slate connect FILE"
        ) from None
    except (msgspec.MsgspecError, UnicodeDecodeError) as exc:
        raise SettingsError(
            f"{directory / _FILE} is damaged.", hint="Join the server again: slate connect FILE"
        ) from exc
    for name in (_CA, _CERTIFICATE, _KEY):
        if not (directory / name).is_file():
            raise SettingsError(
                f"{directory / name} is missing.", hint="Join the server again: slate connect FILE"
            )
    return Joined(server, directory)


def write(
    directory: Path, server: JoinedServer, *, ca: bytes, certificate: bytes, private_key: bytes
) -> Joined:
    """Keep a server that was joined; ``server.json`` comes last, so that half of it is nothing.

    Raises:
        SettingsError: the files cannot be written.
    """
    files.ensure_private_dir(directory)
    files.remove(directory / _FILE)
    for name, data in ((_CA, ca), (_CERTIFICATE, certificate), (_KEY, private_key)):
        files.write_private(directory / name, data)
    files.write_private(directory / _FILE, msgspec.json.encode(server))
    return Joined(server, directory)


def note_brokers(directory: Path, urls: Sequence[str]) -> bool:
    """Keep the addresses of all brokers for the next start; True where they are news.

    Raises:
        SettingsError: nothing was joined in the directory, or it cannot be written.
    """
    server = read(directory).server
    changed = msgspec.structs.replace(server, nats_url=",".join(urls))
    if not urls or changed == server:
        return False
    files.write_private(directory / _FILE, msgspec.json.encode(changed))
    return True


def forget(name: str) -> None:
    """Remove a server's files from this workstation; raises ``SettingsError`` if there are none."""
    directory = directory_of(name)
    read_name = directory / _FILE
    if not read_name.exists():
        raise SettingsError(f"No server called {name!r} was joined.")
    files.remove(read_name)
    shutil.rmtree(directory, ignore_errors=True)
