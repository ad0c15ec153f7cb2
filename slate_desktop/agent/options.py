"""What an agent process is started with."""

from __future__ import annotations

import os
import socket
from pathlib import Path

import msgspec

from slate_desktop.domain.container import DriverName
from slate_desktop.domain.ids import check_id
from slate_desktop.errors import SettingsError
from slate_desktop.settings import paths
from slate_desktop.settings.model import Settings
from slate_desktop.settings.secrets import get_secret
from slate_desktop.stack.state import StackState

DEFAULT_DRIVERS = (DriverName.DOCKER, DriverName.PROCESS)
# The agent's nkey: in this variable, or in the keyring under this name.
SEED_ENV, SEED_SECRET = "SLATE_AGENT_SEED", "agent_seed"


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
        allow_plaintext: let ``nats://`` leave this machine.
        allow_unsigned: serve the original system's unsigned requests.
        docker_host: the engine's address; None for the system's own.
        registry_url: the registry that asks for a login.
        registry_user: who logs in there; the password comes from the keyring or environment.
        allowed_registries: further registries that images may come from.
        drivers: which ways to run runtimes are offered.
    """

    agent_id: str
    nats_url: str
    nats_seed: str
    database_url: str
    data_dir: Path
    name: str = ""
    nats_ca_file: Path | None = None
    allow_plaintext: bool = False
    allow_unsigned: bool = False
    docker_host: str | None = None
    registry_url: str | None = None
    registry_user: str | None = None
    allowed_registries: tuple[str, ...] = ()
    drivers: tuple[DriverName, ...] = DEFAULT_DRIVERS

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


def options_of_stack(
    settings: Settings, state: StackState, *, allow_unsigned: bool = False
) -> AgentOptions:
    """Return the options of the embedded stack's agent.

    Args:
        settings: for Docker and the registry.
        state: what the running stack says of itself.
        allow_unsigned: serve unsigned requests, whatever the settings say.
    """
    return _with_engine(
        settings,
        AgentOptions(
            agent_id=state.agent_id,
            nats_url=state.nats_url,
            nats_seed=state.agent_seed,
            database_url=state.agent_database_url,
            data_dir=paths.data_dir(),
            allow_unsigned=allow_unsigned or settings.allow_unsigned,
        ),
    )


def options_of_settings(settings: Settings, *, allow_unsigned: bool = False) -> AgentOptions:
    """Return the options of an agent that joins a deployment.

    Raises:
        SettingsError: an address or the agent's key is missing.
    """
    seed = os.environ.get(SEED_ENV) or get_secret(SEED_SECRET)
    if settings.nats_url is None or settings.database_url is None:
        raise SettingsError(
            "An agent needs the addresses of the broker and of the database.",
            hint="Set SLATE_NATS_URL and SLATE_DATABASE_URL, or use the embedded stack.",
        )
    if seed is None:
        raise SettingsError(
            "This agent has no key.",
            hint=f"Put its seed into {SEED_ENV}, or into the keyring as {SEED_SECRET}.",
        )
    return _with_engine(
        settings,
        AgentOptions(
            agent_id=settings.agent_id or _host_id(),
            nats_url=settings.nats_url,
            nats_seed=seed,
            database_url=settings.database_url,
            data_dir=paths.data_dir(),
            nats_ca_file=settings.nats_ca_file,
            allow_plaintext=settings.nats_allow_plaintext,
            allow_unsigned=allow_unsigned or settings.allow_unsigned,
        ),
    )


def _with_engine(settings: Settings, options: AgentOptions) -> AgentOptions:
    return msgspec.structs.replace(
        options,
        docker_host=settings.docker_host,
        registry_url=settings.registry_url,
        registry_user=settings.registry_user,
        allowed_registries=settings.allowed_registries,
    )


def _host_id() -> str:
    """Return an id from the host's name: letters, digits and dashes."""
    name = socket.gethostname().split(".")[0]
    safe = "".join(c if c.isascii() and c.isalnum() else "-" for c in name).strip("-")
    return safe[:64] or "agent"
