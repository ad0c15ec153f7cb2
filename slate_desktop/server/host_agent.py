"""The agent of the server's own host: it joins as any other does, without an invitation."""

from __future__ import annotations

import asyncio
import os
import re
import socket
from pathlib import Path

from slate_desktop.domain.joining import Joiner
from slate_desktop.errors import SettingsError
from slate_desktop.server.authority import Authority
from slate_desktop.server.config import DATABASE_NAME, ServerConfig, ServerFiles
from slate_desktop.server.database import ServerDatabase, agent_login
from slate_desktop.settings import files, joined, paths
from slate_desktop.settings.joined import JoinedServer
from slate_desktop.stack import process
from slate_desktop.wire.keys import SigningKey
from slate_desktop.wire.tls_keys import new_keys

STOP_TIMEOUT_S = 15.0


class HostAgent:
    """The agent as a child process; ``start`` again after it died."""

    def __init__(self, agent_id: str, directory: Path, log_file: Path) -> None:
        self.agent_id = agent_id
        self.directory = directory
        self.log_file = log_file
        self.process: asyncio.subprocess.Process | None = None
        self._seed = b""

    @classmethod
    async def make(
        cls,
        server_files: ServerFiles,
        config: ServerConfig,
        authority: Authority,
        database: ServerDatabase,
    ) -> HostAgent:
        """Give the host's agent its keys, unless it has them, and register it."""
        directory, log_file = server_files.agent, server_files.logs / "agent.log"
        try:
            return cls(joined.read(directory).server.id, directory, log_file)
        except SettingsError:
            pass
        await cls.give_keys(server_files, config, authority, database, _host_id(config))
        return cls(_host_id(config), directory, log_file)

    @classmethod
    async def give_keys(
        cls,
        server_files: ServerFiles,
        config: ServerConfig,
        authority: Authority,
        database: ServerDatabase,
        agent_id: str,
    ) -> None:
        """Make keys and certificate of the host's agent, and register them."""
        directory = server_files.agent
        login = agent_login(agent_id)
        key = SigningKey.generate()
        private, request = new_keys()
        certificate = authority.client_certificate(request, login)
        await database.add_agent(agent_id, key.public)
        files.write_private(directory / joined.SEED_FILE, key.seed.encode())
        server = JoinedServer(
            name=config.name,
            kind=Joiner.AGENT.value,
            id=agent_id,
            nats_url=config.nats_url,
            database_host=config.hosts[0],
            database_port=config.database_port,
            database_name=DATABASE_NAME,
            database_user=login,
        )
        joined.write(
            directory,
            server,
            ca=authority.certificate_pem,
            certificate=certificate,
            private_key=private,
        )

    async def start(self) -> None:
        """Start it; raises ``StackError``."""
        self._seed = files.read_private(self.directory / joined.SEED_FILE)
        own = {key: value for key, value in os.environ.items() if not key.startswith("SLATE_")}
        kept = ("SLATE_DOCKER_HOST", "SLATE_REGISTRY_URL", "SLATE_REGISTRY_USER", "SLATE_LICENCES",
                "SLATE_BUILD_SLOTS", "SLATE_BUILD_CAPABILITIES", "SLATE_ALLOWED_REGISTRIES",
                "SLATE_LOG_LEVEL")  # fmt: skip
        own |= {name: os.environ[name] for name in kept if name in os.environ}
        own |= {
            "SLATE_DATA_DIR": str(self.directory / "data"),
            "SLATE_CONFIG_DIR": str(self.directory / "config"),
        }
        command = [paths.python_program(), "-m", "slate_desktop", "agent"]
        command += ["--joined", str(self.directory)]
        self.process = await process.spawn(
            command, log_file=self.log_file, env=own, cwd=self.directory
        )

    def has_new_key(self) -> bool:
        """Tell whether the key was changed since it was started."""
        return files.read_private(self.directory / joined.SEED_FILE) != self._seed

    async def stop(self) -> None:
        """End it; its runtimes stay, and are adopted at its next start."""
        if self.process is not None:
            await process.stop(self.process, grace_s=STOP_TIMEOUT_S)


def _host_id(config: ServerConfig) -> str:
    name = re.sub(r"[^A-Za-z0-9_-]+", "-", socket.gethostname().split(".")[0]).strip("-_")
    return (name or config.name)[:64]
