"""Samples of a container from the kernel's own files, where the engine runs on this machine.

Source: https://docs.kernel.org/admin-guide/cgroup-v2.html and cgroup-v1/{memory,cpuacct}.html
"""

from __future__ import annotations

import os
import time
import weakref
from pathlib import Path

import msgspec

from slate_desktop.domain.stats import ContainerStats

_ROOT = Path("/sys/fs/cgroup")
# Values above this mean "no limit" in cgroup v1.
_UNLIMITED = 1 << 60
_PIECE_BYTES = 16 * 1024
_FLAGS = os.O_RDONLY | os.O_CLOEXEC


class CgroupSampler:
    """Reads one container's cgroup and network files; CPU is the share since the last sample.

    The files of the cgroup stay open until ``close``: opening one takes five times as long as
    reading it, and there are seven for each container each second.
    """

    def __init__(self, pid: int, files: _Files) -> None:
        self._pid = pid
        self._files = files
        self._open = _OpenFiles()
        self._last: tuple[int, int] | None = None
        self.peak = 0

    @classmethod
    def open(cls, pid: int, container_id: str, root: Path = _ROOT) -> CgroupSampler | None:
        """Return a sampler, or None where the files are not there or not this container's."""
        try:
            text = Path(f"/proc/{pid}/cgroup").read_text(encoding="ascii")
        except OSError:
            return None
        if container_id not in text:
            return None
        paths = dict[str, str]()
        for line in text.splitlines():
            _, controllers, path = line.split(":", 2)
            for name in controllers.split(","):
                paths[name] = path.lstrip("/")
        files = _find_v1(root, paths) or _find_v2(root, paths)
        if files is None or not Path(f"/proc/{pid}/net/dev").exists():
            return None
        return cls(pid, files)

    def sample(self) -> ContainerStats | None:
        """Return a sample, or None when the container is gone."""
        files = self._files
        try:
            now = time.monotonic_ns()
            read = self._open.read
            cpu_ns = _cpu_ns(read(files.cpu))
            usage = int(read(files.usage)) - _inactive(read(files.stat), files.inactive)
            limit_text = read(files.limit).strip()
            # Not kept open: it would keep the network of a container that has ended.
            rx, tx = _network(_read(f"/proc/{self._pid}/net/dev"))
            pids = int(read(files.pids)) if files.pids is not None else 0
            disk_read, disk_written = _disk(read(files.disk)) if files.disk is not None else (0, 0)
        except (OSError, ValueError):
            return None
        limit = 0 if limit_text == b"max" else int(limit_text)
        self._note_peak(usage)
        return ContainerStats(
            cpu_percent=self._percent(now, cpu_ns),
            memory_usage=max(0, usage),
            memory_limit=0 if limit >= _UNLIMITED else limit,
            network_rx_bytes=rx,
            network_tx_bytes=tx,
            sampled_at_ns=time.time_ns(),
            pids=pids,
            memory_peak=self.peak,
            disk_read_bytes=disk_read,
            disk_write_bytes=disk_written,
        )

    def close(self) -> None:
        """Close the files; safe to call again."""
        self._open.close()

    def processes(self) -> list[int]:
        """Return the host's ids of the container's processes."""
        try:
            return [int(word) for word in _read(self._files.processes).split()]
        except (OSError, ValueError):
            return []

    def _note_peak(self, usage: int) -> None:
        peak = usage
        if self._files.peak is not None:
            try:
                peak = int(self._open.read(self._files.peak))
            except (OSError, ValueError):
                peak = usage
        self.peak = max(self.peak, peak)

    def _percent(self, now: int, cpu_ns: int) -> float:
        last, self._last = self._last, (now, cpu_ns)
        if last is None:
            # The first sample tells the average since the container began.
            age_ns = _age_ns(self._pid)
            return 100.0 * cpu_ns / age_ns if age_ns else 0.0
        return max(0.0, 100.0 * (cpu_ns - last[1]) / max(now - last[0], 1))


class _Files(msgspec.Struct, frozen=True, kw_only=True):
    cpu: Path
    usage: Path
    limit: Path
    stat: Path
    inactive: bytes
    peak: Path | None
    pids: Path | None
    disk: Path | None
    processes: Path


def _find_v1(root: Path, paths: dict[str, str]) -> _Files | None:
    if "memory" not in paths or "cpuacct" not in paths:
        return None
    memory = root / "memory" / paths["memory"]
    cpu = root / "cpuacct" / paths["cpuacct"] / "cpuacct.usage"
    pids = root / "pids" / paths.get("pids", "-") / "pids.current"
    disk = root / "blkio" / paths.get("blkio", "-") / "blkio.throttle.io_service_bytes"
    if not (memory / "memory.usage_in_bytes").exists() or not cpu.exists():
        return None
    return _Files(
        cpu=cpu,
        usage=memory / "memory.usage_in_bytes",
        limit=memory / "memory.limit_in_bytes",
        stat=memory / "memory.stat",
        inactive=b"total_inactive_file ",
        peak=memory / "memory.max_usage_in_bytes",
        pids=pids if pids.exists() else None,
        disk=disk if disk.exists() else None,
        processes=memory / "cgroup.procs",
    )


def _find_v2(root: Path, paths: dict[str, str]) -> _Files | None:
    if "" not in paths:
        return None
    own = root / paths[""]
    if not (own / "memory.current").exists() or not (own / "cpu.stat").exists():
        return None
    return _Files(
        cpu=own / "cpu.stat",
        usage=own / "memory.current",
        limit=own / "memory.max",
        stat=own / "memory.stat",
        inactive=b"inactive_file ",
        peak=own / "memory.peak" if (own / "memory.peak").exists() else None,
        pids=own / "pids.current" if (own / "pids.current").exists() else None,
        disk=own / "io.stat" if (own / "io.stat").exists() else None,
        processes=own / "cgroup.procs",
    )


class _OpenFiles:
    """Files of the kernel that are read again and again, from their beginning."""

    def __init__(self) -> None:
        self._descriptors: dict[Path, int] = {}
        weakref.finalize(self, _close_all, self._descriptors)

    def read(self, path: Path) -> bytes:
        """Return what a file says now; raises ``OSError``, also where its cgroup is gone."""
        descriptor = self._descriptors.get(path)
        if descriptor is None:
            descriptor = self._descriptors[path] = os.open(path, _FLAGS)
        return _read_all(descriptor)

    def close(self) -> None:
        _close_all(self._descriptors)


def _close_all(descriptors: dict[Path, int]) -> None:
    while descriptors:
        os.close(descriptors.popitem()[1])


def _read(path: Path | str) -> bytes:
    # An open file object takes three times as long.
    descriptor = os.open(path, _FLAGS)
    try:
        return _read_all(descriptor)
    finally:
        os.close(descriptor)


def _read_all(descriptor: int) -> bytes:
    data = piece = os.pread(descriptor, _PIECE_BYTES, 0)
    # A piece ends where the next line has no place any more, and no line is that long.
    while len(piece) > _PIECE_BYTES // 8:
        piece = os.pread(descriptor, _PIECE_BYTES, len(data))
        data += piece
    return data


def _cpu_ns(data: bytes) -> int:
    if not data.startswith(b"usage_usec"):
        return int(data)
    return int(data.split(None, 2)[1]) * 1000


def _inactive(data: bytes, name: bytes) -> int:
    data = b"\n" + data
    at = data.find(b"\n" + name)
    return int(data[at:].split(None, 2)[1]) if at >= 0 else 0


def _disk(data: bytes) -> tuple[int, int]:
    """Return bytes read and written: ``8:0 Read 12`` lines of v1, ``8:0 rbytes=12 …`` of v2."""
    read = written = 0
    for line in data.splitlines():
        words = line.split()
        if len(words) == 3 and words[1] in (b"Read", b"Write"):
            read += int(words[2]) if words[1] == b"Read" else 0
            written += int(words[2]) if words[1] == b"Write" else 0
            continue
        for word in words[1:]:
            name, _, value = word.partition(b"=")
            read += int(value) if name == b"rbytes" else 0
            written += int(value) if name == b"wbytes" else 0
    return read, written


def _network(data: bytes) -> tuple[int, int]:
    received = sent = 0
    for line in data.splitlines()[2:]:
        name, _, counters = line.partition(b":")
        if name.strip() != b"lo":
            values = counters.split()
            received += int(values[0])
            sent += int(values[8])
    return received, sent


def _age_ns(pid: int) -> int:
    try:
        stat = Path(f"/proc/{pid}/stat").read_bytes().rpartition(b")")[2].split()
        began_s = int(stat[19]) / os.sysconf("SC_CLK_TCK")
        uptime_s = float(Path("/proc/uptime").read_bytes().split()[0])
    except (OSError, ValueError, IndexError):
        return 0
    return max(int((uptime_s - began_s) * 1e9), 100_000_000)
