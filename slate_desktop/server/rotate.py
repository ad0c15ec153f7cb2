"""New keys for a server's own parts: certificate of broker and database, key of the host's agent.

What runs goes on: connections that are there stay, the host's agent is started anew and adopts its
runtimes, and clients find its new key in the database. People and other hosts get new keys by
joining again with a new invitation.
"""

from __future__ import annotations

import asyncio

from slate_desktop.server.authority import Authority
from slate_desktop.server.config import ServerConfig, ServerFiles
from slate_desktop.server.database import ServerDatabase
from slate_desktop.server.host_agent import HostAgent
from slate_desktop.server.setup import renew_certificate
from slate_desktop.server.standing import standing, tell_to_reload
from slate_desktop.settings import files, joined


async def rotate(
    server_files: ServerFiles, *, certificate: bool = True, agent: bool = True
) -> dict[str, bool]:
    """Make new keys and take them into use.

    Returns:
        What was renewed, and under ``reloaded`` whether a running server has been told.

    Raises:
        SettingsError: there is no server, or a file is damaged.
        StackError: a part does not answer.
    """
    config = server_files.read_config()
    done = {"certificate": False, "agent": False}
    if certificate:
        await asyncio.to_thread(renew_certificate, server_files, config)
        done["certificate"] = True
    # An agent that never ran gets its first key when it does.
    if agent and config.agent and (server_files.agent / joined.SEED_FILE).exists():
        async with standing(server_files, config) as parts:
            await parts.database.open()
            await renew_host_agent(server_files, config, parts.database)
        done["agent"] = True
    return done | {"reloaded": await asyncio.to_thread(tell_to_reload, server_files)}


async def renew_host_agent(
    server_files: ServerFiles, config: ServerConfig, database: ServerDatabase
) -> None:
    """Make a new key and certificate for the host's agent; raises ``SettingsError``."""
    agent_id = joined.read(server_files.agent).server.id
    authority = Authority.load(
        files.read_private(server_files.authority_key),
        files.read_private(server_files.authority_certificate),
    )
    await HostAgent.give_keys(server_files, config, authority, database, agent_id)
