"""Which directories of the host a runtime may see: the project's own, and nothing else.

A mount's source is opened component by component below the project's root, following no link of
any kind, so that neither ``..`` nor a planted symlink leads out. Nothing is ever created here.

Source: openat2(2), https://man7.org/linux/man-pages/man2/openat2.2.html
"""

from __future__ import annotations

import ctypes
import errno
import os
import stat
import sys
from collections.abc import Sequence
from pathlib import Path, PurePosixPath

import msgspec

from slate_desktop.domain.container import Mount
from slate_desktop.errors import CommandError, ErrorCode

PROJECT_TARGET = "/app/project"

_MAX_PATH = 4096
_SYS_OPENAT2 = 437
_RESOLVE_NO_MAGICLINKS = 0x02
_RESOLVE_NO_SYMLINKS = 0x04
_RESOLVE_BENEATH = 0x08
# Directories that are never a project, and so never a source, whatever the row says.
_FORBIDDEN_ROOTS = frozenset(
    {"/", "/bin", "/boot", "/dev", "/etc", "/home", "/lib", "/lib64", "/proc", "/root", "/run"}
    | {"/sbin", "/sys", "/tmp", "/usr", "/var", "/var/run", "/var/lib", "/var/lib/docker"}  # noqa: S108
)
_FORBIDDEN_TREES = ("/proc", "/sys", "/dev", "/etc", "/boot", "/var/lib/docker")
# Targets in the runtime that would replace what the image or the kernel puts there.
_FORBIDDEN_TARGETS = ("/bin", "/boot", "/dev", "/etc", "/lib", "/lib32", "/lib64", "/proc")
_FORBIDDEN_TARGETS += ("/root", "/run", "/sbin", "/sys", "/usr", "/var/run")


class ResolvedMount(msgspec.Struct, frozen=True, kw_only=True):
    """A mount that was checked: real source, absolute target."""

    source: str
    target: str
    read_only: bool


class _OpenHow(ctypes.Structure):
    _fields_ = (
        ("flags", ctypes.c_uint64),
        ("mode", ctypes.c_uint64),
        ("resolve", ctypes.c_uint64),
    )


def resolve_mounts(project_root: str, volumes: Sequence[Mount]) -> list[ResolvedMount]:
    """Check the mounts of a configuration and return what an engine may be given.

    The project's root is added, read-only at ``/app/project``, unless a mount already lies there,
    above or below.

    Raises:
        CommandError: ``mount_denied``, with the field ``volumes``.
    """
    root = check_project_root(project_root)
    mounts = [
        _resolve(root, volume.host, _check_target(volume.container), volume.read_only)
        for volume in volumes
    ]
    default = PurePosixPath(PROJECT_TARGET)
    if not any(_overlap(default, PurePosixPath(mount.target)) for mount in mounts):
        mounts.insert(0, _resolve(root, ".", PROJECT_TARGET, True))
    _check_disjoint([mount.target for mount in mounts])
    _check_not_below_writable(mounts)
    return mounts


def check_project_root(project_root: str) -> Path:
    """Return the project's root when it is a directory that can be one.

    Raises:
        CommandError: ``mount_denied``.
    """
    _check_text(project_root)
    root = Path(project_root)
    if not root.is_absolute() or ".." in root.parts:
        raise _denied(f"the project's root {project_root!r} is not an absolute path")
    try:
        real = root.resolve(strict=True)
    except (OSError, RuntimeError) as exc:
        raise _denied(f"the project's root {project_root!r} cannot be opened") from exc
    text = real.as_posix()
    if text in _FORBIDDEN_ROOTS or any(_is_below(text, tree) for tree in _FORBIDDEN_TREES):
        raise _denied(f"{text!r} is a directory of the system, not a project")
    if not real.is_dir():
        raise _denied(f"the project's root {project_root!r} is not a directory")
    return real


def is_plain_directory(source: str) -> bool:
    """Tell whether ``source`` is a directory that no link leads to."""
    try:
        info = os.lstat(source)
        return stat.S_ISDIR(info.st_mode) and os.path.realpath(source) == source
    except OSError:
        return False


def _resolve(root: Path, host: str, target: str, read_only: bool) -> ResolvedMount:
    parts = _relative_parts(root, host)
    try:
        info = _stat_beneath(root, parts)
    except OSError as exc:
        reason = _reason(exc)
        raise _denied(f"the mount source {host!r} {reason}") from exc
    if not stat.S_ISDIR(info.st_mode):
        raise _denied(f"the mount source {host!r} is not a directory")
    if not _is_trusted_owner(info.st_uid, root):
        raise _denied(f"the mount source {host!r} belongs to another user than the project")
    return ResolvedMount(source=str(root.joinpath(*parts)), target=target, read_only=read_only)


def _relative_parts(root: Path, host: str) -> tuple[str, ...]:
    _check_text(host)
    if ".." in host.replace("\\", "/").split("/"):
        raise _denied(f"the mount source {host!r} contains '..'")
    path = Path(host)
    if not path.is_absolute():
        if host != "." and not host.startswith("./"):
            raise _denied(f"the mount source {host!r} is relative: start it with './' or '/'")
        return path.parts
    try:
        return path.relative_to(root).parts
    except ValueError as exc:
        raise _denied(f"the mount source {host!r} is not inside the project") from exc


def _stat_beneath(root: Path, parts: tuple[str, ...]) -> os.stat_result:
    if sys.platform == "win32":
        return _stat_by_names(root, parts)
    fd = os.open(root, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
    try:
        if not parts:
            return os.fstat(fd)
        opened = _openat2(fd, "/".join(parts))
        if opened is None:
            opened = _open_stepwise(fd, parts)
        try:
            return os.fstat(opened)
        finally:
            os.close(opened)
    finally:
        os.close(fd)


def _openat2(directory: int, path: str) -> int | None:
    """Open ``path`` below ``directory`` through no link; None where the kernel cannot do it."""
    if sys.platform != "linux":
        return None
    libc = ctypes.CDLL(None, use_errno=True)
    how = _OpenHow(
        os.O_PATH | os.O_CLOEXEC,
        0,
        _RESOLVE_BENEATH | _RESOLVE_NO_SYMLINKS | _RESOLVE_NO_MAGICLINKS,
    )
    fd = libc.syscall(
        _SYS_OPENAT2, directory, os.fsencode(path), ctypes.byref(how), ctypes.sizeof(how)
    )
    if fd >= 0:
        return fd
    code = ctypes.get_errno()
    # EPERM and ENOSYS: an old kernel, or a sandbox that does not know the call.
    if code in (errno.ENOSYS, errno.EPERM, errno.EINVAL):
        return None
    raise OSError(code, os.strerror(code))


def _open_stepwise(directory: int, parts: tuple[str, ...]) -> int:
    current = os.dup(directory)
    try:
        for part in parts:
            flags = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
            following = os.open(part, flags, dir_fd=current)
            os.close(current)
            current = following
    except BaseException:
        os.close(current)
        raise
    return current


def _stat_by_names(root: Path, parts: tuple[str, ...]) -> os.stat_result:
    current = root
    info = current.lstat()
    for part in parts:
        current = current / part
        info = current.lstat()
        if stat.S_ISLNK(info.st_mode) or current.resolve() != current:
            raise OSError(errno.ELOOP, os.strerror(errno.ELOOP))
    return info


def _check_target(target: str) -> str:
    _check_text(target)
    path = PurePosixPath(target)
    if not path.is_absolute() or ".." in path.parts:
        raise _denied(f"the mount target {target!r} is not an absolute path")
    text = "/" + "/".join(part for part in path.parts if part not in ("/", "//"))
    if text == "/" or any(_is_below(text, name) for name in _FORBIDDEN_TARGETS):
        raise _denied(f"nothing can be mounted at {target!r}")
    return text


def _check_disjoint(targets: list[str]) -> None:
    paths = [PurePosixPath(target) for target in targets]
    for index, path in enumerate(paths):
        for other in paths[index + 1 :]:
            if _overlap(path, other):
                raise _denied(f"the mount targets {str(path)!r} and {str(other)!r} overlap")


def _check_not_below_writable(mounts: list[ResolvedMount]) -> None:
    """Refuse a source inside one that the runtime may write: it could put a link in its place."""
    for outer in mounts:
        if outer.read_only:
            continue
        for inner in mounts:
            if inner.source != outer.source and _is_below(inner.source, outer.source):
                raise _denied(
                    f"the mount source {inner.source!r} lies inside {outer.source!r}, "
                    "which the runtime may write"
                )


def _is_trusted_owner(uid: int, root: Path) -> bool:
    """Tell whether a directory is the project owner's, the agent's own, or the system's."""
    return sys.platform == "win32" or uid in (0, os.geteuid(), root.stat().st_uid)


def _overlap(one: PurePosixPath, other: PurePosixPath) -> bool:
    return one == other or one in other.parents or other in one.parents


def _is_below(path: str, tree: str) -> bool:
    return path == tree or path.startswith(tree + "/")


def _check_text(path: str) -> None:
    if not path or len(os.fsencode(path)) > _MAX_PATH or "\0" in path or "\n" in path:
        raise _denied("a mount path is empty, too long, or has characters that no path may have")


def _reason(exc: OSError) -> str:
    if exc.errno == errno.ENOENT:
        return "does not exist (it is not created)"
    if exc.errno in (errno.ELOOP, errno.EXDEV, errno.ENOTDIR):
        return "leads through a link or a file"
    return f"cannot be opened: {exc.strerror}"


def _denied(message: str) -> CommandError:
    return CommandError(
        ErrorCode.MOUNT_DENIED,
        message,
        field="volumes",
        hint="Mount a directory inside the project, such as './assets'.",
    )
