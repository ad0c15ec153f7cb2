"""A real redis-server for tests, on a socket of its own."""

from __future__ import annotations

import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import pytest


class RealRedis:
    """One redis-server; it can be stopped and started again on its socket."""

    def __init__(self, directory: Path, binary: str) -> None:
        self.socket = directory / "redis.sock"
        self._directory = directory
        self._binary = binary
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"unix://{self.socket}"

    def start(self) -> None:
        log = self._directory / "log"
        command = [self._binary, "--port", "0", "--unixsocket", str(self.socket), "--save", ""]
        command += ["--appendonly", "no", "--dir", str(self._directory), "--logfile", str(log)]
        self._process = subprocess.Popen(command)
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline and self._process.poll() is None:
            if self._answers():
                return
            time.sleep(0.01)
        raise AssertionError(f"redis-server did not start: {log.read_text()}")

    def _answers(self) -> bool:
        with socket.socket(socket.AF_UNIX) as sock:
            sock.settimeout(10)
            try:
                sock.connect(str(self.socket))
                sock.sendall(b"PING\r\n")
                return sock.recv(5) == b"+PONG"
            except OSError:
                return False

    def flush(self) -> None:
        with socket.socket(socket.AF_UNIX) as sock:
            sock.connect(str(self.socket))
            sock.sendall(b"FLUSHALL\r\n")
            assert sock.recv(3) == b"+OK"

    def stop(self) -> None:
        if self._process is not None and self._process.poll() is None:
            self._process.terminate()
            self._process.wait(60)


def _make() -> Iterator[RealRedis]:
    from tests.conftest import require_service

    binary = shutil.which("redis-server")
    if binary is None:
        require_service("redis", "redis-server is not installed")
        return
    # Short: a socket's address holds 108 bytes.
    directory = Path(tempfile.mkdtemp(prefix="redis-"))
    server = RealRedis(directory, binary)
    try:
        server.start()
        yield server
    finally:
        server.stop()
        shutil.rmtree(directory, ignore_errors=True)


@pytest.fixture(scope="session")
def shared_redis() -> Iterator[RealRedis]:
    """The server that all tests share: do not stop it."""
    yield from _make()


@pytest.fixture
def redis(shared_redis: RealRedis) -> RealRedis:
    """The shared server, empty."""
    shared_redis.flush()
    return shared_redis


@pytest.fixture
def own_redis() -> Iterator[RealRedis]:
    """A server of this test alone, to be stopped and restarted."""
    yield from _make()
