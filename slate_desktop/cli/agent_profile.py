"""What ``slate agent`` connects with: the embedded stack's endpoint, or the settings."""

from __future__ import annotations

import asyncio
import os
import re
import socket
from pathlib import Path
from typing import Any

from slate_desktop.agent.options import AgentOptions
from slate_desktop.domain.joining import Joiner
from slate_desktop.errors import SettingsError, StackError
from slate_desktop.settings import files, joined, paths
from slate_desktop.settings.model import Settings
from slate_desktop.settings.secrets import get_secret

SEED_VARIABLE = "SLATE_AGENT_SEED"
SEED_SECRET = "agent_seed"  # noqa: S105 - the name of a secret


def local_options(
    settings: Settings, agent_id: str | None, *, allow_unsigned: bool, is_stack: bool
) -> AgentOptions:
    """Return the options of the embedded stack's agent.

    Started by hand it takes the place of the one that the stack runs, until it ends.

    Raises:
        StackError: no stack runs (and the stack itself asked), or it does not start.
        SettingsError: another id was asked for than the stack's agent has.
    """
    from slate_desktop.stack import client

    if not is_stack:
        asyncio.run(client.ensure_up(agent=False))
    endpoint = client.agent_endpoint()
    if endpoint is None:
        raise StackError("The embedded stack does not run.", hint="Start it with: slate stack up")
    if agent_id not in (None, endpoint.agent_id):
        raise SettingsError(
            f"The embedded stack's agent is called {endpoint.agent_id}.",
            hint="Leave --id out, or set SLATE_NATS_URL and SLATE_DATABASE_URL.",
        )
    return _with_settings(
        settings,
        agent_id=endpoint.agent_id,
        nats_url=endpoint.nats_url,
        nats_seed=endpoint.seed,
        database_url=endpoint.database_url,
        data_dir=endpoint.data_dir,
        allow_unsigned=allow_unsigned,
    )


def remote_options(
    settings: Settings, agent_id: str | None, *, allow_unsigned: bool
) -> AgentOptions:
    """Return the options of an agent that joins the servers of the settings.

    Raises:
        SettingsError: an address or the agent's key is missing.
    """
    for name, value in (
        ("SLATE_NATS_URL", settings.nats_url),
        ("SLATE_DATABASE_URL", settings.database_url),
    ):
        if not value:
            raise SettingsError(f"The agent lacks {name}.", hint="Set it in the environment.")
    seed = os.environ.get(SEED_VARIABLE, "").strip() or get_secret(SEED_SECRET)
    if not seed:
        raise SettingsError(
            "The agent lacks its key.",
            hint=f"Put its seed (SU…) into {SEED_VARIABLE} or the keyring (slate, {SEED_SECRET}).",
        )
    return _with_settings(
        settings,
        agent_id=agent_id or settings.agent_id or _host_id(),
        nats_url=settings.nats_url or "",
        nats_seed=seed,
        database_url=settings.database_url or "",
        data_dir=paths.data_dir(),
        nats_ca_file=settings.nats_ca_file,
        allow_plaintext=settings.nats_allow_plaintext,
        allow_unsigned=allow_unsigned or settings.allow_unsigned,
    )


def joined_options(settings: Settings, directory: Path, *, allow_unsigned: bool) -> AgentOptions:
    """Return the options of an agent whose directory holds the server that it joined.

    Raises:
        SettingsError: nothing was joined there, or by a person.
    """
    found = joined.read(directory)
    if found.server.kind != Joiner.AGENT.value:
        raise SettingsError(f"What {directory} holds was joined by a person, not by an agent.")
    try:
        seed = files.read_private(directory / joined.SEED_FILE).decode()
    except FileNotFoundError as exc:
        raise SettingsError(
            f"{directory / joined.SEED_FILE} is missing.",
            hint="Join again: slate connect --agent DIR FILE",
        ) from exc
    return _with_settings(
        settings,
        agent_id=found.server.id,
        # People know the host by what its administrator called it.
        name=found.server.id,
        nats_url=found.server.nats_url,
        nats_seed=seed,
        database_url=found.database_url,
        data_dir=files.ensure_private_dir(directory / "data"),
        nats_ca_file=found.ca_file,
        is_tls_first=True,
        allow_unsigned=allow_unsigned or settings.allow_unsigned,
        takes_any_root=False,
        joined_dir=directory,
    )


def _with_settings(settings: Settings, **own: Any) -> AgentOptions:
    """Return options with what the settings say of this host, wherever the agent belongs."""
    return AgentOptions(
        docker_host=settings.docker_host,
        registry_url=settings.registry_url,
        registry_user=settings.registry_user,
        allowed_registries=settings.allowed_registries,
        build_slots=settings.build_slots,
        build_capabilities=settings.build_capabilities,
        licences=settings.licences,
        **own,
    )


def _host_id() -> str:
    """Return this host's name as an id."""
    name = re.sub(r"[^A-Za-z0-9_-]+", "-", socket.gethostname().split(".")[0]).strip("-_")
    return name[:64] or "agent"
