"""The connection to one engine: the SDK's client in threads, and what both ways share."""

from __future__ import annotations

import asyncio
import os
import socket
import ssl
import sys
import threading
from collections.abc import AsyncIterator, Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, TypeVar

from slate_desktop.agent.drivers.docker.http import (
    HEAD_TIMEOUT_S,
    Address,
    Answer,
    open_answer,
    parse_address,
)
from slate_desktop.agent.drivers.docker.translate import translate

if TYPE_CHECKING:
    import docker

T = TypeVar("T")

_THREADS = 8
# Longest silence of a short call; pulls and stops are no short calls.
_TIMEOUT_S = 30
_PROBE_TIMEOUT_S = 5
_DEFAULT_HOST = "npipe:////./pipe/docker_engine" if sys.platform == "win32" else (
    "unix:///var/run/docker.sock"
)  # fmt: skip


class Engine:
    """One Docker engine. Made without a connection; the first call opens it."""

    def __init__(self, docker_host: str | None = None) -> None:
        self.url = docker_host or os.environ.get("DOCKER_HOST") or _DEFAULT_HOST
        self._pool = ThreadPoolExecutor(_THREADS, thread_name_prefix="slate-docker")
        self._lock = threading.Lock()
        self._client: docker.APIClient | None = None
        self._tls: ssl.SSLContext | None = None

    @property
    def address(self) -> Address:
        """Where the engine listens."""
        return parse_address(self.url)

    async def call(self, doing: str, work: Callable[[docker.APIClient], T]) -> T:
        """Run ``work`` with the SDK's client in a thread.

        Raises:
            CommandError: what the engine's refusal means; ``docker_unavailable`` when it is away.
        """
        loop = asyncio.get_running_loop()
        try:
            return await loop.run_in_executor(self._pool, self._run, work)
        except asyncio.CancelledError:
            raise
        except Exception as exc:
            raise translate(exc, doing) from exc

    @asynccontextmanager
    async def open(
        self, method: str, path: str, body: object = None, *, patience_s: float = 0.0
    ) -> AsyncIterator[Answer]:
        """Open a long answer; ``path`` goes below the negotiated version.

        ``patience_s`` is how long the engine may work before it answers at all.
        """
        version = await self.call("connecting", lambda client: client.api_version)
        async with open_answer(
            self.address,
            method,
            f"/v{version}{path}",
            body=body,
            tls=self._tls,
            head_timeout_s=HEAD_TIMEOUT_S + patience_s,
        ) as answer:
            yield answer

    def client(self) -> docker.APIClient:
        """Return the SDK's client; to be called in a thread, since it may connect."""
        with self._lock:
            if self._client is None:
                self._client = self._connect()
            return self._client

    async def aclose(self) -> None:
        """Close the connection and let the threads end."""
        client, self._client = self._client, None
        self._pool.shutdown(wait=False, cancel_futures=True)
        if client is not None:
            client.close()

    def _run(self, work: Callable[[docker.APIClient], T]) -> T:
        self._probe()
        return work(self.client())

    def _probe(self) -> None:
        """Tell at once when nobody listens.

        WORKAROUND(docker 7.2): its Unix adapter does not close a socket that failed to connect, so
        every call on an engine that is away would leak one. It can go when
        docker.transport.UnixHTTPConnection.connect closes it.
        """
        address = self.address
        if address.scheme == "unix" and sys.platform != "win32":
            with socket.socket(socket.AF_UNIX) as probe:
                probe.settimeout(_PROBE_TIMEOUT_S)
                probe.connect(address.path)

    def _connect(self) -> docker.APIClient:
        import docker
        from docker.utils import kwargs_from_env

        _ = self.address
        options = kwargs_from_env(environment={**os.environ, "DOCKER_HOST": self.url})
        url = options.get("base_url", self.url)
        tls = options.get("tls")
        if tls:
            self._tls = _tls_context(os.environ.get("DOCKER_CERT_PATH", ""), tls.verify)
        return docker.APIClient(
            base_url=url, version="auto", timeout=_TIMEOUT_S, tls=tls or False,
            max_pool_size=_THREADS,
        )  # fmt: skip


def _tls_context(cert_path: str, verify: object) -> ssl.SSLContext:
    from pathlib import Path

    path = Path(cert_path) if cert_path else Path.home() / ".docker"
    context = ssl.create_default_context(cafile=str(path / "ca.pem") if verify else None)
    if not verify:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    context.load_cert_chain(str(path / "cert.pem"), str(path / "key.pem"))
    return context
