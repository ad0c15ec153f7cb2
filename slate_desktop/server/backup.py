"""Backs a server up into one file, while it runs or not, and makes a server from such a file."""

from __future__ import annotations

import asyncio
import logging
import shutil
from collections.abc import Callable
from pathlib import Path

import msgspec

from slate_desktop import __version__
from slate_desktop.errors import SettingsError, StackError
from slate_desktop.server import dump, streams
from slate_desktop.server.archive import ArchiveReader, ArchiveWriter, Manifest
from slate_desktop.server.config import ServerConfig, ServerFiles
from slate_desktop.server.rotate import renew_host_agent
from slate_desktop.server.setup import renew_certificate
from slate_desktop.server.standing import Standing, standing
from slate_desktop.settings import files, joined
from slate_desktop.stack.locks import FileLock
from slate_desktop.stack.postgres_home import ROOT_BASE

logger = logging.getLogger(__name__)
Say = Callable[[str], None]
_FILES, _DUMP, _STREAMS = "files", "database.dump", "streams"
# Of the host's agent only its keys: what it works on is in the database.
_AGENT_FILES = ("server.json", "ca.pem", "certificate.pem", "key.pem", joined.SEED_FILE)


async def backup(server_files: ServerFiles, target: Path, *, say: Say = lambda _: None) -> Manifest:
    """Write everything that a server is into a file that only its owner can read.

    Args:
        server_files: the server; it may run meanwhile.
        target: the file; what is there is replaced once the new one is whole and was read again.
        say: told what is being done.

    Raises:
        SettingsError: there is no server, or the file cannot be written.
        StackError: a part of the server does not answer.
    """
    config = server_files.read_config()
    async with standing(server_files, config) as parts:
        return await write_backup(server_files, config, parts, target, say=say)


async def write_backup(
    server_files: ServerFiles, config: ServerConfig, parts: Standing, target: Path, *, say: Say
) -> Manifest:
    """Write a backup with parts that stand already; see ``backup``."""
    password = server_files.read_secrets().database_password
    with ArchiveWriter(target) as archive:
        for name, path in _kept_files(server_files).items():
            archive.add(f"{_FILES}/{name}", files.read_private(path))
        say("Database")
        await archive.add_stream(_DUMP, dump.dump(parts.database, password))
        for name in await streams.stream_names(parts.bus):
            say(f"Stream {name}")
            await archive.add_stream(f"{_STREAMS}/{name}", streams.snapshot(parts.bus, name))
        say("Check")
        schema = await parts.database.schema_number()
        return await asyncio.to_thread(
            archive.finish, server=config.name, program=__version__, schema=schema
        )


async def check(source: Path) -> Manifest:
    """Read a backup and compare every digest; raises ``SettingsError``."""

    def verify() -> Manifest:
        with ArchiveReader(source) as archive:
            archive.verify()
            return archive.manifest

    return await asyncio.to_thread(verify)


class Elsewhere(msgspec.Struct, frozen=True, kw_only=True):
    """What is another than in the backup, where a server moves; None for the same."""

    hosts: tuple[str, ...] | None = None
    nats_port: int | None = None
    database_port: int | None = None

    def applied(self, config: ServerConfig) -> ServerConfig:
        """Return the configuration with these; raises ``SettingsError``."""
        given = {name: value for name, value in msgspec.structs.asdict(self).items() if value}
        return msgspec.structs.replace(config, **given).checked()


async def restore(
    server_files: ServerFiles,
    source: Path,
    *,
    elsewhere: Elsewhere = Elsewhere(),  # noqa: B008 - frozen
    say: Say = lambda _: None,
) -> ServerConfig:
    """Make a server from a backup, in a directory that is empty or absent.

    Args:
        server_files: where to.
        source: the backup.
        elsewhere: names and ports of another host.
        say: told what is being done.

    Raises:
        SettingsError: the backup is damaged, or something is in the directory; nothing was changed.
        StackError: a part does not start or take its data; what was made is removed again.
    """
    say("Check")
    await check(source)
    _check_empty(server_files.directory)
    server_files.make()
    lock = FileLock.acquire(server_files.lock)
    if lock is None:
        raise StackError(f"The server in {server_files.directory} runs.")
    try:
        config = await _restore(server_files, source, lock, elsewhere, say)
    except BaseException:
        await asyncio.to_thread(_remove, server_files)
        raise
    finally:
        lock.release()
    return config


async def _restore(
    server_files: ServerFiles, source: Path, lock: FileLock, elsewhere: Elsewhere, say: Say
) -> ServerConfig:
    with ArchiveReader(source) as archive:
        kept = _kept_files(server_files, must_exist=False)
        names = archive.names(_FILES)
        for name in names:
            path = kept.get(name)
            if path is None:
                raise SettingsError(f"The backup holds the unknown file {name!r}.")
            # Last of all: what is half made is no server.
            if path != server_files.config:
                files.write_private(path, archive.read(f"{_FILES}/{name}"))
        known = server_files.parse_config(archive.read(f"{_FILES}/server.toml").decode())
        config = elsewhere.applied(known)
        if config.hosts != known.hosts:
            renew_certificate(server_files, config)
        password = server_files.read_secrets().database_password
        async with standing(server_files, config, lock=lock) as parts:
            say("Database")
            await parts.database.make_empty()
            await dump.load(parts.database, password, archive.blocks(_DUMP))
            await parts.database.prepare()
            await parts.database.make_logins()
            for name in archive.names(_STREAMS):
                say(f"Stream {name}")
                await streams.restore(parts.bus, name, archive.blocks(f"{_STREAMS}/{name}"))
            if config != known and f"agent/{joined.SEED_FILE}" in names:
                await renew_host_agent(server_files, config, parts.database)
        server_files.write_config(config)
        return config


def _kept_files(server_files: ServerFiles, *, must_exist: bool = True) -> dict[str, Path]:
    """Return the files that are neither data nor made anew, by their name in a backup.

    Invitations are not among them: one that was used since would be good again.
    """
    paths = [
        server_files.config, server_files.secrets, server_files.authority_key,
        server_files.authority_certificate, server_files.key, server_files.certificate,
        *(server_files.agent / name for name in _AGENT_FILES),
    ]  # fmt: skip
    return {
        path.relative_to(server_files.directory).as_posix(): path
        for path in paths
        if path.exists() or not must_exist
    }


def _check_empty(directory: Path) -> None:
    try:
        if directory.exists() and any(directory.iterdir()):
            raise SettingsError(
                f"{directory} is not empty; a backup is restored into an empty directory only.",
                hint="Choose another one with --dir, or move the old server away.",
            )
    except OSError as exc:
        raise SettingsError(f"{directory} cannot be read: {exc.strerror or exc}.") from exc


def _remove(server_files: ServerFiles) -> None:
    """Take away what a restore that failed has made, the cluster of root's server too."""
    token = server_files.postgres / "cluster"
    if token.is_file() and ROOT_BASE.is_dir():
        for known in ROOT_BASE.glob("*/cluster"):
            if known.read_bytes() == token.read_bytes():
                shutil.rmtree(known.parent, ignore_errors=True)
    shutil.rmtree(server_files.directory, ignore_errors=True)


def manifest_row(manifest: Manifest) -> dict[str, object]:
    """Return what is said of a backup."""
    row = msgspec.to_builtins(manifest)
    members = row.pop("members")
    row["bytes"] = sum(member["size"] for member in members.values())
    row["streams"] = [n.removeprefix("streams/") for n in members if n.startswith("streams/")]
    return row
