"""A server's directory: what it is called, where it listens, and its secrets.

::

    server.toml                 name, hosts, ports; a person may edit it
    secrets.json                passwords and the host's own agent
    authority/{ca,key}.pem      the authority
    tls/{certificate,key}.pem   of broker and database
    nats/ postgres/ agent/      data
    invitations/<key>.json      who may join
    operators/<key>.json        administrators' commands that run now
    brokers/<name>.json         further brokers of a cluster
    backups/                    what an upgrade puts aside
    logs/
"""

from __future__ import annotations

import secrets
import tomllib
from pathlib import Path

import msgspec
import psutil
import tomlkit

from slate_desktop.domain.joining import BrokerPlace, bracketed, check_host, check_server_name
from slate_desktop.errors import SettingsError
from slate_desktop.settings import files

NATS_PORT = 4222
DATABASE_PORT = 5432
CLUSTER_PORT = 6222
DATABASE_NAME = "slate"
# What server.toml may say, and between which a host's memory decides where it says nothing.
LEAST_CONNECTIONS, MOST_CONNECTIONS = 20, 10_000
USUAL_CONNECTIONS, MOST_USUAL_CONNECTIONS = 300, 2_000
# At most: the pool of an agent, of a window or command, and what the server itself keeps.
AGENT_CONNECTIONS, PERSON_CONNECTIONS, OWN_CONNECTIONS = 10, 4, 10
_MEMORY_PER_CONNECTION = 32 * 1024**2


def _password() -> str:
    return secrets.token_urlsafe(32)


def connections_for(memory_bytes: int) -> int:
    """Return how many connections a host with so much memory should allow: one for each 32 MiB.

    One that is used takes some MB, so that all of them together take a third of the memory.
    """
    found = memory_bytes // _MEMORY_PER_CONNECTION // 10 * 10
    return max(USUAL_CONNECTIONS, min(found, MOST_USUAL_CONNECTIONS))


class ServerConfig(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """``server.toml``.

    Attributes:
        name: what profiles are called after.
        hosts: names and addresses under which workstations reach it; the first goes into join
            files, all into the certificate.
        listen: the address to bind, all of them by default.
        nats_port: the broker's.
        database_port: PostgreSQL's.
        agent: whether this host runs an agent too.
        cluster_port: where further brokers reach this one, if there are any.
        database_connections: how many PostgreSQL allows at once; 0 for what this host's memory
            carries.
    """

    name: str
    hosts: tuple[str, ...]
    listen: str = "0.0.0.0"  # noqa: S104 - a server for other machines; every login is checked
    nats_port: int = NATS_PORT
    database_port: int = DATABASE_PORT
    agent: bool = True
    cluster_port: int = CLUSTER_PORT
    database_connections: int = 0

    def checked(self) -> ServerConfig:
        """Return itself.

        Raises:
            SettingsError: a value that cannot work, by name.
        """
        check_server_name(self.name)
        if not self.hosts:
            raise SettingsError("The server has no host name.", hint="Set hosts = ['sbx01'].")
        for host in (*self.hosts, self.listen):
            check_host(host)
        ports = (self.nats_port, self.database_port, self.cluster_port)
        for port in ports:
            if not 1 <= port <= 65535:
                raise SettingsError(f"{port} is not a port.")
        if self.database_connections and not (
            LEAST_CONNECTIONS <= self.database_connections <= MOST_CONNECTIONS
        ):
            raise SettingsError(
                f"database_connections is {self.database_connections}; it can be"
                f" {LEAST_CONNECTIONS} to {MOST_CONNECTIONS}, or 0 for what the host's memory"
                " carries."
            )
        if len(set(ports)) < len(ports):
            raise SettingsError("Broker, database and cluster need ports of their own.")
        return self

    @property
    def connections(self) -> int:
        """How many connections PostgreSQL allows at once."""
        return self.database_connections or connections_for(psutil.virtual_memory().total)

    @property
    def nats_url(self) -> str:
        """The broker, as workstations reach it."""
        return f"tls://{bracketed(self.hosts[0])}:{self.nats_port}"

    @property
    def own_place(self) -> BrokerPlace:
        """The server's own broker as one of a cluster."""
        return BrokerPlace(
            name=self.name,
            hosts=self.hosts,
            nats_port=self.nats_port,
            cluster_port=self.cluster_port,
        )


class ServerSecrets(msgspec.Struct, frozen=True, kw_only=True):
    """``secrets.json``; ``repr`` shows none of them."""

    database_password: str = msgspec.field(default_factory=_password)

    def __repr__(self) -> str:
        return "ServerSecrets()"


class ServerFiles:
    """The paths below a server's directory."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory.absolute()
        self.config = self.directory / "server.toml"
        self.secrets = self.directory / "secrets.json"
        self.authority_key = self.directory / "authority" / "key.pem"
        self.authority_certificate = self.directory / "authority" / "ca.pem"
        self.key = self.directory / "tls" / "key.pem"
        self.certificate = self.directory / "tls" / "certificate.pem"
        self.nats = self.directory / "nats"
        self.postgres = self.directory / "postgres"
        self.agent = self.directory / "agent"
        self.invitations = self.directory / "invitations"
        self.logs = self.directory / "logs"
        self.operators = self.directory / "operators"
        self.brokers = self.directory / "brokers"
        # There once the server's own broker is one of a cluster.
        self.clustered = self.nats / "clustered"
        self.backups = self.directory / "backups"
        self.unnamed = self.directory / "unnamed-objects.json"
        self.lock = self.directory / "server.lock"
        self.pid = self.directory / "server.pid"

    def make(self) -> None:
        """Make the private directories; raises ``SettingsError``."""
        for path in (
            self.directory,
            self.authority_key.parent,
            self.key.parent,
            self.nats,
            self.postgres,
            self.agent,
            self.invitations,
            self.operators,
            self.brokers,
            self.logs,
        ):
            files.ensure_private_dir(path)

    def read_config(self) -> ServerConfig:
        """Read ``server.toml``.

        Raises:
            SettingsError: there is no server here, or the file has a mistake, which is named.
        """
        try:
            text = self.config.read_text(encoding="utf-8")
        except FileNotFoundError:
            raise SettingsError(
                f"There is no server in {self.directory}.", hint="Make one: slate server init"
            ) from None
        except OSError as exc:
            raise SettingsError(f"{self.config} cannot be read: {exc.strerror}.") from exc
        return self.parse_config(text)

    def parse_config(self, text: str) -> ServerConfig:
        """Return what a ``server.toml`` says; raises ``SettingsError``."""
        try:
            return msgspec.convert(tomllib.loads(text), ServerConfig).checked()
        except (tomllib.TOMLDecodeError, msgspec.ValidationError) as exc:
            raise SettingsError(f"{self.config} has a mistake: {exc}") from exc

    def write_config(self, config: ServerConfig) -> None:
        """Write ``server.toml``; raises ``SettingsError``."""
        document = tomlkit.document()
        document.add(tomlkit.comment("Change it, then restart the server."))
        for name, value in msgspec.to_builtins(config).items():
            document.add(name, list(value) if isinstance(value, tuple) else value)
        files.write_private(self.config, tomlkit.dumps(document).encode())

    def read_secrets(self) -> ServerSecrets:
        """Read ``secrets.json``; raises ``SettingsError``."""
        try:
            return msgspec.json.decode(files.read_private(self.secrets), type=ServerSecrets)
        except FileNotFoundError:
            raise SettingsError(f"{self.secrets} is missing.", hint="Restore a backup.") from None
        except msgspec.MsgspecError as exc:
            raise SettingsError(f"{self.secrets} is damaged.", hint="Restore a backup.") from exc
