"""What the database knows of a project's files, and how a machine knows that it sees the folder.

A workstation writes a random token into the project's folder and into the database. A machine that
finds the token at the project's root, in a file of the same number, sees the same folder: a copy of
it, even one with the token in it, has another number.
"""

from __future__ import annotations

import contextlib
import os
import re
import secrets
import stat
from collections.abc import Iterable
from datetime import datetime
from pathlib import Path

import msgspec

from slate_desktop.domain.trees.folders import enter
from slate_desktop.domain.trees.manifest import TreeRef
from slate_desktop.domain.trees.paths import OWN_FOLDER

_TOKEN = re.compile(r"[0-9a-f]{32}")
_MAX_BYTES = 128
_FLAGS = os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_NOFOLLOW", 0)


class StoredTree(msgspec.Struct, frozen=True, kw_only=True):
    """A project's newest tree: where its manifest is, and who brought it.

    ``agent_id`` is set where an agent brought what a runtime wrote.
    """

    project_id: str
    version: int
    sha256: str
    size: int
    files: int
    size_bytes: int
    user_id: str
    agent_id: str | None
    updated_at: datetime

    @property
    def ref(self) -> TreeRef:
        """The manifest."""
        return TreeRef(self.sha256, self.size)


class Origin(msgspec.Struct, frozen=True):
    """What was written into a project's folder: the token, and the number of its file."""

    token: str
    inode: str


def write_origin(root: Path, project_id: str) -> Origin | None:
    """Return the origin of a folder, made if there is none; None where nothing can be written.

    Args:
        root: the project's folder on this machine.
        project_id: a checked id.
    """
    folder = root / OWN_FOLDER
    try:
        folder.mkdir(parents=True, exist_ok=True)
        # Nobody wants it in a repository.
        _write_new(folder / ".gitignore", b"*\n")
        _write_new(folder / _name(project_id), secrets.token_hex(16).encode())
    except OSError:
        return None
    return read_origin(root, project_id)


def read_origin(root: Path, project_id: str) -> Origin | None:
    """Return the origin of a folder; None where there is none, or it cannot be reached."""
    try:
        with enter(root, OWN_FOLDER.split("/")) as folder:
            descriptor = folder.open(_name(project_id))
        with os.fdopen(descriptor, "rb") as file:
            info = os.fstat(file.fileno())
            data = file.read(_MAX_BYTES)
    except OSError:
        return None
    token = data.decode("ascii", "replace").strip()
    if not stat.S_ISREG(info.st_mode) or _TOKEN.fullmatch(token) is None:
        return None
    return Origin(token, str(info.st_ino))


def is_origin(root: Path, project_id: str, known: Iterable[Origin]) -> bool:
    """Tell whether the folder on this machine is one that somebody works in.

    Args:
        root: the project's root, as its row says.
        project_id: a checked id; another project's token does not count.
        known: what workstations wrote.
    """
    found = read_origin(root, project_id)
    return found is not None and found in tuple(known)


def _write_new(path: Path, data: bytes) -> None:
    with (
        contextlib.suppress(FileExistsError),
        os.fdopen(os.open(path, _FLAGS, 0o644), "wb") as file,
    ):
        file.write(data)


def _name(project_id: str) -> str:
    return f"origin-{project_id}"
