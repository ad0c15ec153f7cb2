"""What a parser's child may use of the machine, and how it is kept to that.

Limits of the address space, processor time, file size and the like are POSIX; elsewhere only the
wall clock holds, which the parent keeps.
"""

from __future__ import annotations

import os
import signal
import sys
import time

import msgspec

from slate_desktop.domain.assets.kinds import AssetKind

GIB = 1024**3
# Descriptors, and threads or processes that the child may add to those that its user has already.
_OPEN_FILES = 64
_EXTRA_TASKS = 512
_COUNT_LASTS_S = 60.0

_counted: tuple[float, int] | None = None


class Limits(msgspec.Struct, frozen=True, kw_only=True):
    """Limits of one child.

    ``grace_s`` lies between the request to end and the kill. ``threads`` is the child's share of
    the processors, 0 for what is left by the other children of its sandbox.
    """

    memory_bytes: int = 2 * GIB
    cpu_s: int = 120
    file_bytes: int = 4 * GIB
    wall_s: float = 300.0
    grace_s: float = 5.0
    threads: int = 0


_BY_KIND = {
    AssetKind.TEXTURE: Limits(memory_bytes=1 * GIB),
    AssetKind.MODEL: Limits(),
    AssetKind.AUDIO: Limits(),
}


def limits_of(kind: AssetKind | None) -> Limits:
    """Return the limits for files of a kind."""
    return _BY_KIND[kind] if kind is not None else Limits()


def apply_limits(limits: Limits) -> None:
    """Put this process under its limits; without effect where the system has none."""
    if sys.platform == "win32":
        return
    import resource

    _lower(resource.RLIMIT_CORE, 0)
    _lower(resource.RLIMIT_FSIZE, limits.file_bytes)
    _lower(resource.RLIMIT_NOFILE, _OPEN_FILES)
    # The soft limit ends the child with SIGXCPU, which names the reason; the hard one cannot be
    # caught.
    _lower(resource.RLIMIT_CPU, limits.cpu_s, limits.cpu_s + 5)
    if sys.platform == "linux":
        _lower(resource.RLIMIT_AS, limits.memory_bytes)
        if os.geteuid() != 0:
            _lower(resource.RLIMIT_NPROC, tasks_of_user() + _EXTRA_TASKS)
    # Python ignores SIGXFSZ; a codec that overlooks EFBIG would leave a cut file behind.
    signal.signal(signal.SIGXFSZ, signal.SIG_DFL)


def warm() -> None:
    """Import what setting limits needs, so that processes forked from this one need not."""
    if sys.platform != "win32":
        import resource  # noqa: F401


def tasks_of_user() -> int:
    """Return how many threads this user runs, counted at most once a minute (Linux)."""
    global _counted
    now = time.monotonic()
    if _counted is None or now - _counted[0] > _COUNT_LASTS_S:
        _counted = (now, _count_tasks(os.geteuid()))
    return _counted[1]


def _count_tasks(user: int) -> int:
    count = 0
    with os.scandir("/proc") as entries:
        for entry in entries:
            if not entry.name.isdecimal():
                continue
            try:
                if entry.stat().st_uid == user:
                    count += len(os.listdir(f"/proc/{entry.name}/task"))  # noqa: PTH208 - speed
            except OSError:
                continue  # it ended in between
    return count


def _lower(which: int, soft: int, hard: int | None = None) -> None:
    """Set a limit, never above what this process was given."""
    import resource

    _, given = resource.getrlimit(which)
    wanted = soft if hard is None else hard
    if given != resource.RLIM_INFINITY:
        wanted = min(wanted, given)
        soft = min(soft, given)
    resource.setrlimit(which, (soft, wanted))
