"""Landlock: a process names the files that it needs, and the kernel refuses it all others.

Source: https://docs.kernel.org/userspace-api/landlock.html
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import stat
import sys
from collections.abc import Iterable, Sequence
from functools import lru_cache
from pathlib import Path

from slate_desktop.settings.paths import resource_path

# Equal on every architecture that has them.
_CREATE_RULESET, _ADD_RULE, _RESTRICT_SELF = 444, 445, 446
_CREATE_RULESET_VERSION = 1
_RULE_PATH_BENEATH = 1

_EXECUTE, _WRITE_FILE, _READ_FILE, _READ_DIR = 1 << 0, 1 << 1, 1 << 2, 1 << 3
_READ = _EXECUTE | _READ_FILE | _READ_DIR
# Rights of the first version: bits 0 to 12; REFER and TRUNCATE came with versions 2 and 3.
_VERSION_1 = (1 << 13) - 1
_REFER, _TRUNCATE = 1 << 13, 1 << 14
_MAKE_DEVICES = (1 << 6) | (1 << 9) | (1 << 10) | (1 << 11)
_ONLY_FILES = _EXECUTE | _WRITE_FILE | _READ_FILE | _TRUNCATE
# TCP bind and connect, with version 4.
_NET_TCP = 0b11

# Programs, libraries and what they read of the machine. No home, no /var, no /run.
_PROGRAMS = ("/usr", "/lib", "/lib32", "/lib64", "/bin", "/sbin", "/opt", "/nix", "/snap", "/app")
_MACHINE = (
    *("/etc/ld.so.cache", "/etc/ld.so.conf", "/etc/ld.so.conf.d", "/etc/localtime"),
    *("/dev/urandom", "/dev/zero", "/proc/cpuinfo", "/proc/meminfo", "/proc/sys/vm"),
    *("/sys/devices/system", "/sys/fs/cgroup"),
)
_DEV_NULL = "/dev/null"


class _RulesetAttr(ctypes.Structure):
    _fields_ = (("handled_access_fs", ctypes.c_uint64), ("handled_access_net", ctypes.c_uint64))


class _PathBeneathAttr(ctypes.Structure):
    _pack_ = 1
    _layout_ = "ms"
    _fields_ = (("allowed_access", ctypes.c_uint64), ("parent_fd", ctypes.c_int32))


def restrict(libc: ctypes.CDLL, readable: Sequence[Path], writable: Sequence[Path]) -> bool:
    """Restrict this thread, and what it starts, to the system's programs and the given paths.

    Returns:
        False where the kernel has no Landlock; then nothing is restricted.
    """
    version = libc.syscall(_CREATE_RULESET, None, 0, _CREATE_RULESET_VERSION)
    if version < 1:
        return False
    rights = _VERSION_1 | (_REFER if version >= 2 else 0) | (_TRUNCATE if version >= 3 else 0)
    attr = _RulesetAttr(rights, _NET_TCP if version >= 4 else 0)
    size = ctypes.sizeof(attr) if version >= 4 else 8
    ruleset = libc.syscall(_CREATE_RULESET, ctypes.byref(attr), size, 0)
    if ruleset < 0:
        return False
    try:
        _allow(libc, ruleset, (*system_paths(), *readable), _READ & rights)
        _allow(libc, ruleset, [_DEV_NULL], (_READ_FILE | _WRITE_FILE) & rights)
        _allow(libc, ruleset, writable, rights & ~_MAKE_DEVICES & ~_EXECUTE)
        return libc.syscall(_RESTRICT_SELF, ruleset, 0) == 0
    finally:
        os.close(ruleset)


def _allow(libc: ctypes.CDLL, ruleset: int, paths: Iterable[str | Path], rights: int) -> None:
    for path in paths:
        try:
            descriptor = os.open(path, os.O_PATH | os.O_CLOEXEC)
        except OSError:
            continue  # not on this machine; what is missing needs no right
        try:
            is_folder = stat.S_ISDIR(os.fstat(descriptor).st_mode)
            allowed = rights if is_folder else rights & _ONLY_FILES
            attr = _PathBeneathAttr(allowed, descriptor)
            libc.syscall(_ADD_RULE, ruleset, _RULE_PATH_BENEATH, ctypes.byref(attr), 0)
        finally:
            os.close(descriptor)


@lru_cache
def system_paths() -> tuple[str, ...]:
    """Return the paths that every child may read; looked for once, as it takes a millisecond."""
    return (*_PROGRAMS, *_MACHINE, *map(str, _python()))


def _python() -> list[Path]:
    """Where the interpreter, its packages, this one and its data files lie."""
    package = Path(__file__).resolve().parents[2]
    paths = {Path(sys.prefix), Path(sys.base_prefix), Path(sys.exec_prefix), package}
    # An installed program carries its modules in its own file; some are read when they are needed.
    paths.add(Path(sys.executable).resolve())
    # In a checkout the data files lie beside the package.
    paths.add(resource_path())
    for entry in sys.path:
        with contextlib.suppress(OSError, ValueError):
            # The checkout of an editable install is an entry; only the package in it is needed.
            if entry and Path(entry).resolve() not in (package.parent, Path("/")):
                paths.add(Path(entry))
    return sorted(paths)
