"""Brings a server's database to this program's schema: checked, backed up, then migrated.

A server that starts migrates by itself; this is the way that leaves a backup behind.
"""

from __future__ import annotations

import itertools
import shutil
from datetime import UTC, datetime
from pathlib import Path

import msgspec

from slate_desktop.errors import StackError
from slate_desktop.server.backup import Say, write_backup
from slate_desktop.server.config import ServerFiles
from slate_desktop.server.standing import is_running, standing
from slate_desktop.settings import files
from slate_desktop.store.migrate import load_migrations

# Room for the backup beside what is there, of the size of the data.
_RESERVE_BYTES = 512 * 1024 * 1024


class Upgrade(msgspec.Struct, frozen=True, kw_only=True):
    """What was done: schema before and after, and where the backup is; None without need."""

    before: int
    after: int
    backup: Path | None


async def upgrade(server_files: ServerFiles, *, say: Say = lambda _: None) -> Upgrade:
    """Upgrade a server that is stopped; without need nothing is done.

    Raises:
        SettingsError: there is no server, or the backup cannot be written; nothing was changed.
        StackError: it runs, its schema is newer than this program, the disk is too full, or a
            migration failed and was undone.
    """
    config = server_files.read_config()
    if is_running(server_files):
        raise StackError(
            f"The server in {server_files.directory} runs.",
            hint="Stop it first, for example: systemctl stop slate-server",
        )
    wanted = len(load_migrations())
    async with standing(server_files, config) as parts:
        before = await parts.database.schema_number()
        if before > wanted:
            raise StackError(
                f"The database has schema {before}, newer than this program's {wanted}.",
                hint="Install a newer version of SLATE.",
            )
        if before == wanted:
            return Upgrade(before=before, after=wanted, backup=None)
        folder = files.ensure_private_dir(server_files.backups)
        free = shutil.disk_usage(folder).free
        needed = _size(server_files.nats) + await parts.database.size_bytes() + _RESERVE_BYTES
        if free < needed:
            raise StackError(
                f"The backup may need {needed >> 20} MiB, and {free >> 20} MiB are free.",
                hint=f"Make room on the disk of {folder}, or mount another one there.",
            )
        backup = _free_name(folder, f"before-{wanted}-{datetime.now(UTC):%Y%m%d-%H%M%S}")
        await write_backup(server_files, config, parts, backup, say=say)
        say("Migrate")
        await parts.database.prepare()
    return Upgrade(before=before, after=wanted, backup=backup)


def _free_name(folder: Path, stem: str) -> Path:
    """Return a name that no backup has: one of the same second is not written over."""
    names = itertools.chain([stem], (f"{stem}-{number}" for number in itertools.count(2)))
    paths = (folder / f"{name}.slate-backup" for name in names)
    return next(path for path in paths if not path.exists())


def _size(directory: Path) -> int:
    return sum(path.stat().st_size for path in directory.rglob("*") if path.is_file())
