"""Makes a server's directory, once: name, authority, certificates and passwords."""

from __future__ import annotations

import contextlib
import re
import socket
from collections.abc import Sequence

import msgspec

from slate_desktop.errors import SettingsError
from slate_desktop.server.authority import Authority
from slate_desktop.server.config import ServerConfig, ServerFiles, ServerSecrets
from slate_desktop.settings import files


def init_server(server_files: ServerFiles, config: ServerConfig) -> None:
    """Make everything that a server needs before it first runs.

    Raises:
        SettingsError: there is a server already, or a value cannot work; nothing was changed.
    """
    config.checked()
    if server_files.config.exists():
        raise SettingsError(
            f"There is a server in {server_files.directory} already.",
            hint="Choose another directory with --dir, or start it: slate server run",
        )
    server_files.make()
    if not server_files.authority_certificate.exists():
        authority = Authority.generate(config.name)
        files.write_private(server_files.authority_key, authority.key_pem)
        files.write_private(server_files.authority_certificate, authority.certificate_pem)
    if not server_files.secrets.exists():
        files.write_private(server_files.secrets, msgspec.json.encode(ServerSecrets()))
    renew_certificate(server_files, config)
    # Last: what is half made is no server, and is finished the next time.
    chosen = msgspec.structs.replace(config, database_connections=config.connections)
    server_files.write_config(chosen)


def renew_certificate(server_files: ServerFiles, config: ServerConfig) -> None:
    """Make a new certificate for broker and database; used from the next start on.

    Raises:
        SettingsError: the authority's files are damaged.
    """
    authority = Authority.load(
        files.read_private(server_files.authority_key),
        files.read_private(server_files.authority_certificate),
    )
    key, certificate = authority.server_certificate(config.hosts)
    files.write_private(server_files.key, key)
    files.write_private(server_files.certificate, certificate)


def default_hosts() -> tuple[str, ...]:
    """Return this host's name; what other machines call it may be something else."""
    with contextlib.suppress(OSError):
        name = socket.gethostname()
        if re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9.-]*", name):
            return (name,)
    return ("localhost",)


def default_name(hosts: Sequence[str]) -> str:
    """Return a name for the server, from its first host."""
    name = re.sub(r"[^a-z0-9-]+", "-", hosts[0].split(".")[0].lower()).strip("-")[:40]
    return name or "slate"
