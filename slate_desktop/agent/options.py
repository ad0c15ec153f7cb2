"""What an agent process is started with."""

from __future__ import annotations

import socket
from pathlib import Path

import msgspec

from slate_desktop.domain.container import DriverName
from slate_desktop.domain.ids import check_id

DEFAULT_DRIVERS = (DriverName.DOCKER, DriverName.PROCESS)


class AgentOptions(msgspec.Struct, frozen=True, kw_only=True):
    """Addresses, keys and limits of one agent.

    Attributes:
        agent_id: its name in rows, labels and audiences; one process per id and data directory.
        nats_url: the broker.
        nats_seed: the agent's nkey.
        database_url: PostgreSQL, with the rights of ``slate_agent``.
        data_dir: for the lock and the process driver's files.
        name: for people; the host's name when empty.
        nats_ca_file: the CA of a ``tls://`` broker.
        is_tls_first: the broker waits for the handshake and says nothing in plaintext.
        allow_plaintext: let ``nats://`` leave this machine.
        allow_unsigned: serve the original system's unsigned requests.
        docker_host: the engine's address; None for the system's own.
        registry_url: the registry that asks for a login.
        registry_user: who logs in there; the password comes from the keyring or environment.
        allowed_registries: further registries that images may come from.
        drivers: which ways to run runtimes are offered.
        build_slots: builds at once; 0 takes none.
        build_capabilities: what builds may ask of this host, such as ``console:ps5``.
        licences: seats of licences, such as ``unity=1``.
        takes_any_root: whether a project's folder is taken from this disk although nobody has
            proved to work in it; an agent that strangers' projects reach must not.
        joined_dir: where the server that it joined is noted, if it joined one.
        asset_slots: assets that are processed at once; None for one a core, 0 for none.
    """

    agent_id: str
    nats_url: str
    nats_seed: str
    database_url: str
    data_dir: Path
    name: str = ""
    nats_ca_file: Path | None = None
    is_tls_first: bool = False
    allow_plaintext: bool = False
    allow_unsigned: bool = False
    docker_host: str | None = None
    registry_url: str | None = None
    registry_user: str | None = None
    allowed_registries: tuple[str, ...] = ()
    drivers: tuple[DriverName, ...] = DEFAULT_DRIVERS
    build_slots: int = 1
    build_capabilities: tuple[str, ...] = ()
    licences: tuple[str, ...] = ()
    asset_slots: int | None = None
    takes_any_root: bool = True
    joined_dir: Path | None = None

    def __post_init__(self) -> None:
        """Refuse an id that cannot stand in a subject.

        Raises:
            CommandError: ``bad_request``.
        """
        check_id(self.agent_id, "agent_id")

    @property
    def title(self) -> str:
        """The name for people."""
        return self.name or socket.gethostname()
