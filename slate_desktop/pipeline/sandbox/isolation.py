"""What a parser's child gives up for good before it opens a file (Linux; nothing elsewhere).

Source: https://man7.org/linux/man-pages/man2/prctl.2.html, unshare(2), capset(2).
"""

from __future__ import annotations

import ctypes
import os
import signal
import sys
from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path

from slate_desktop.pipeline.sandbox import landlock

_PR_SET_PDEATHSIG = 1
_PR_SET_NO_NEW_PRIVS = 38
_CLONE_NEWUSER = 0x1000_0000
_CLONE_NEWNET = 0x4000_0000
_CAPABILITY_V3 = 0x2008_0522
# CAP_CHOWN, DAC_OVERRIDE, DAC_READ_SEARCH, FOWNER: what lets root read and write its users' files.
_KEPT_CAPABILITIES = 0b1111


class _CapabilityHeader(ctypes.Structure):
    _fields_ = (("version", ctypes.c_uint32), ("pid", ctypes.c_int))


class _CapabilityData(ctypes.Structure):
    _fields_ = (
        ("effective", ctypes.c_uint32),
        ("permitted", ctypes.c_uint32),
        ("inheritable", ctypes.c_uint32),
    )


def isolate(readable: Sequence[Path], writable: Sequence[Path]) -> dict[str, bool]:
    """Take network, rights and other people's files from this single-threaded process.

    Args:
        readable: files and folders that it may read, besides the system's programs.
        writable: folders that it may also write.

    Returns:
        What worked, by name: ``no_new_privileges``, ``no_network``, ``files``. A kernel that
        refuses one (a container often forbids namespaces) leaves the others in force.
    """
    if sys.platform != "linux":
        return {}
    libc = _libc()
    done = {
        "no_new_privileges": libc.prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0,
        # Root stays in its user namespace, where it can still read the files of others.
        "no_network": libc.unshare(_CLONE_NEWNET | (0 if os.geteuid() == 0 else _CLONE_NEWUSER))
        == 0,
        "files": landlock.restrict(libc, readable, writable),
    }
    _drop_capabilities(libc)
    return done


def end_with_parent() -> None:
    """Let the kernel end this process when the one that made it ends (Linux)."""
    if sys.platform == "linux":
        _libc().prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)


def warm() -> None:
    """Look for what does not change, so that processes forked from this one need not."""
    if sys.platform == "linux":
        _libc()
        landlock.system_paths()


@lru_cache
def _libc() -> ctypes.CDLL:
    return ctypes.CDLL(None, use_errno=True)


def _drop_capabilities(libc: ctypes.CDLL) -> None:
    """Keep only the capabilities about files, of those that there are."""
    header = _CapabilityHeader(_CAPABILITY_V3, 0)
    data = (_CapabilityData * 2)()
    if libc.capget(ctypes.byref(header), data) != 0:
        return
    for index, word in enumerate(data):
        kept = _KEPT_CAPABILITIES if index == 0 else 0
        word.effective &= kept
        word.permitted &= kept
        word.inheritable = 0
    libc.capset(ctypes.byref(header), data)
