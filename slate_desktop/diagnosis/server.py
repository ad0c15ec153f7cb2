"""``slate server doctor``: what a server needs, and how to mend what is wrong."""

from __future__ import annotations

import asyncio
import datetime
import shutil
import socket
import ssl
import stat
from collections.abc import Callable

from slate_desktop.diagnosis.check import Check, State
from slate_desktop.domain.project import AgentRow
from slate_desktop.errors import SlateError
from slate_desktop.server import cluster_members, cluster_upkeep
from slate_desktop.server.certificates import CertificateFacts, read_certificate
from slate_desktop.server.config import (
    AGENT_CONNECTIONS,
    OWN_CONNECTIONS,
    PERSON_CONNECTIONS,
    ServerConfig,
    ServerFiles,
)
from slate_desktop.server.database import ServerDatabase
from slate_desktop.server.programs import find_system_postgres
from slate_desktop.server.standing import is_running, standing
from slate_desktop.settings import files
from slate_desktop.stack import postgres_server
from slate_desktop.store.migrate import load_migrations

_GIB = 1024**3
_SOON_DAYS = 30
_TIMEOUT_S = 5.0
_SILENT_S = 60.0
_FULL = 0.8


async def check_server(server_files: ServerFiles) -> list[Check]:
    """Look at a server; every check runs, whatever the ones before it found."""
    try:
        config = server_files.read_config()
    except SlateError as exc:
        return [_of("configuration", State.FAILED, str(exc), exc.hint)]
    runs = await asyncio.to_thread(is_running, server_files)
    checks = [
        _of("configuration", State.OK, f"{config.name} in {server_files.directory}"),
        _of("server", State.OK, "runs")
        if runs
        else _of("server", State.NOTE, "does not run", "slate server run"),
    ]
    plain: tuple[Callable[[ServerFiles, ServerConfig], list[Check]], ...] = (
        _secrets,
        _certificates,
        _programs,
        _disk,
    )
    for look in plain:
        checks += await asyncio.to_thread(look, server_files, config)
    checks.append(await _clock())
    checks += await _ports(config, server_files, is_running=runs)
    if runs:
        checks += await _database(server_files, config)
    checks += await _cluster(server_files, config, is_running=runs)
    return checks


def _secrets(server_files: ServerFiles, config: ServerConfig) -> list[Check]:
    del config
    secret = (server_files.secrets, server_files.authority_key, server_files.key)
    missing = [path for path in secret if not path.is_file()]
    if missing:
        return [_of("keys", State.FAILED, f"{missing[0]} is missing", "Restore a backup.")]
    open_ones = [path for path in secret if stat.S_IMODE(path.stat().st_mode) & 0o077]
    if open_ones:
        fix = f"chmod 600 '{open_ones[0]}', then slate server rotate: others may have read it"
        return [_of("keys", State.FAILED, f"others can read {open_ones[0]}", fix)]
    return [_of("keys", State.OK, "only the server's user can read them")]


def _certificates(server_files: ServerFiles, config: ServerConfig) -> list[Check]:
    found: list[Check] = []
    for name, path, fix in (
        ("certificate", server_files.certificate, "slate server rotate"),
        ("authority", server_files.authority_certificate, "a new server, which all join again"),
    ):
        try:
            facts = read_certificate(files.read_private(path))
        except (SlateError, OSError) as exc:
            found.append(_of(name, State.FAILED, f"{path} cannot be read: {exc}", fix))
            continue
        found.append(_age(name, facts, fix))
        lacking = [host for host in config.hosts if host not in facts.names]
        if name == "certificate" and lacking:
            words = f"does not hold {', '.join(lacking)}, which server.toml names"
            found.append(_of("certificate names", State.FAILED, words, fix))
    return found


def _age(name: str, facts: CertificateFacts, fix: str) -> Check:
    now = datetime.datetime.now(datetime.UTC)
    days = (facts.not_after - now).days
    if now < facts.not_before:
        words = f"counts from {facts.not_before:%Y-%m-%d %H:%M} on: the clock is wrong"
        return _of(name, State.FAILED, words, "Set the clock.")
    if days < 0:
        return _of(name, State.FAILED, f"ended on {facts.not_after:%Y-%m-%d}", fix)
    if days < _SOON_DAYS:
        return _of(name, State.WARNING, f"ends in {days} days", fix)
    return _of(name, State.OK, f"holds for {days} days")


def _programs(server_files: ServerFiles, config: ServerConfig) -> list[Check]:
    del server_files, config
    try:
        place = find_system_postgres()
        words = postgres_server.version(place / "postgres")
    except SlateError as exc:
        return [_of("PostgreSQL", State.FAILED, str(exc), exc.hint)]
    lacking = [name for name in ("pg_dump", "pg_restore") if not (place / name).is_file()]
    if lacking:
        fix = "Install it, for example: apt-get install postgresql-client"
        return [_of("PostgreSQL", State.WARNING, f"{lacking[0]} is missing: no backups", fix)]
    return [_of("PostgreSQL", State.OK, words)]


def _disk(server_files: ServerFiles, config: ServerConfig) -> list[Check]:
    del config
    usage = shutil.disk_usage(server_files.directory)
    words = f"{usage.free / _GIB:.1f} GiB of {usage.total / _GIB:.0f} GiB free"
    share = usage.free / max(usage.total, 1)
    fix = "Make room: old logs (slate logs policy), backups, other files on the disk."
    if usage.free < _GIB:
        return [_of("disk", State.FAILED, words, fix)]
    if share < 0.1 and usage.free < 20 * _GIB:
        return [_of("disk", State.WARNING, words, fix)]
    return [_of("disk", State.OK, words)]


async def _clock() -> Check:
    """Tell whether this host's clock is set by others; requests hold for seconds."""
    program = shutil.which("timedatectl")
    if program is None:
        fix = "See that something sets the clock, such as chrony or systemd-timesyncd."
        return _of("clock", State.NOTE, "whether it is set by NTP is not known here", fix)
    child = await asyncio.create_subprocess_exec(
        program, "show", "--property=NTPSynchronized", "--value",
        stdin=asyncio.subprocess.DEVNULL, stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,
    )  # fmt: skip
    try:
        async with asyncio.timeout(_TIMEOUT_S):
            output, _ = await child.communicate()
    except TimeoutError:
        child.kill()
        await child.wait()
        output = b""
    said = output.strip()
    if said == b"yes":
        return _of("clock", State.OK, "set by NTP")
    if said == b"no":
        return _of("clock", State.WARNING, "not set by NTP", "timedatectl set-ntp true")
    return _of("clock", State.NOTE, "whether it is set by NTP is not known here")


async def _ports(
    config: ServerConfig, server_files: ServerFiles, *, is_running: bool
) -> list[Check]:
    found: list[Check] = []
    for name, port in (("broker port", config.nats_port), ("database port", config.database_port)):
        if not is_running:
            found.append(await asyncio.to_thread(_is_free, name, config.listen, port))
            continue
        address = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(config.listen, config.listen)  # noqa: S104
        try:
            async with asyncio.timeout(_TIMEOUT_S):
                await _shake_hands(config, server_files, address, port)
        except (OSError, TimeoutError, ssl.SSLError) as exc:
            words = f"{address}:{port} does not answer: {exc or 'no answer in time'}"
            fix = f"Look at the logs in {server_files.logs}; restart the server."
            found.append(_of(name, State.FAILED, words, fix))
        else:
            found.append(_of(name, State.OK, f"{port} answers with a certificate that fits"))
    return found


async def _shake_hands(
    config: ServerConfig, server_files: ServerFiles, address: str, port: int
) -> None:
    """Do the TLS handshake as a client does; PostgreSQL is asked for it first."""
    context = ssl.create_default_context(cafile=str(server_files.authority_certificate))
    reader, writer = await asyncio.open_connection(
        address,
        port,
        ssl=context if port == config.nats_port else None,
        server_hostname=config.hosts[0] if port == config.nats_port else None,
    )
    try:
        if port == config.database_port:
            # https://www.postgresql.org/docs/current/protocol-message-formats.html, SSLRequest
            writer.write((8).to_bytes(4, "big") + (80_877_103).to_bytes(4, "big"))
            await writer.drain()
            if await reader.readexactly(1) != b"S":
                raise OSError("it does not encrypt")
            await writer.start_tls(context, server_hostname=config.hosts[0])
    except asyncio.IncompleteReadError as exc:
        raise OSError("it says nothing") from exc
    finally:
        writer.close()


def _is_free(name: str, listen: str, port: int) -> Check:
    family = socket.AF_INET6 if ":" in listen else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as sock:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            sock.bind((listen, port))
        except OSError as exc:
            words = f"{listen}:{port} cannot be used: {exc.strerror or exc}"
            fix = "End what listens there, or choose another port in server.toml."
            return _of(name, State.FAILED, words, fix)
    return _of(name, State.OK, f"{port} is free")


async def _database(server_files: ServerFiles, config: ServerConfig) -> list[Check]:
    try:
        password = server_files.read_secrets().database_password
        database = ServerDatabase(server_files, config, password)
        try:
            await database.open()
            schema, agents = await database.schema_number(), await database.agents()
            people = len(await database.people())
            used, allowed = await database.connection_counts()
        finally:
            await database.aclose()
    except SlateError as exc:
        return [_of("database", State.FAILED, str(exc), exc.hint)]
    wanted = len(load_migrations())
    if schema == wanted:
        found = [_of("schema", State.OK, f"{schema}, as this program wants it")]
    elif schema < wanted:
        words = f"{schema}; this program needs {wanted}"
        fix = "Stop the server, then: slate server upgrade"
        found = [_of("schema", State.FAILED, words, fix)]
    else:
        words = f"{schema}, newer than this program's {wanted}"
        found = [_of("schema", State.FAILED, words, "Install the newer version of SLATE.")]
    found.append(judge_connections(used, allowed, people=people, agents=len(agents)))
    return found + [_agent(agent) for agent in agents]


def judge_connections(used: int, allowed: int, *, people: int, agents: int) -> Check:
    """Judge how many connections are left, by what everybody could hold at once."""
    words = f"{used} of {allowed} in use"
    fix = "Raise database_connections in server.toml, then restart the server."
    if used >= allowed * _FULL:
        return _of("connections", State.WARNING, words, fix)
    most = agents * AGENT_CONNECTIONS + people * PERSON_CONNECTIONS + OWN_CONNECTIONS
    if most > allowed:
        words += f"; {people} people and {agents} hosts at once could hold {most}"
        return _of("connections", State.NOTE, words, fix)
    return _of("connections", State.OK, words)


async def _cluster(
    server_files: ServerFiles, config: ServerConfig, *, is_running: bool
) -> list[Check]:
    brokers = cluster_members.present(
        await asyncio.to_thread(cluster_members.read_brokers, server_files.brokers)
    )
    if not cluster_members.is_begun(server_files):
        if not brokers:
            return []
        words = f"{len(brokers) + 1} brokers, and not a cluster yet"
        fix = "Restart the server once its further brokers run; it takes three."
        return [_of("cluster", State.NOTE, words, fix)]
    if not is_running:
        return [_of("cluster", State.NOTE, f"{len(brokers) + 1} brokers")]
    try:
        async with standing(server_files, config) as parts:
            late = await cluster_upkeep.lagging(parts.bus)
    except SlateError as exc:
        fix = "Start the brokers that are away: more than half of them must be there."
        return [_of("cluster", State.FAILED, f"has no leader: {exc}", fix)]
    if late:
        names = sorted({name for found in late.values() for name in found})
        words = f"{', '.join(names)} lack something of {', '.join(sorted(late))}"
        fix = "Look whether they run; one that is lost for good: slate server remove-broker NAME"
        return [_of("cluster", State.WARNING, words, fix)]
    return [_of("cluster", State.OK, f"{len(brokers) + 1} brokers, and each has everything")]


def _agent(agent: AgentRow) -> Check:
    name = f"agent {agent.id}"
    if agent.seen_ago_s is None:
        return _of(name, State.NOTE, "was never seen", "Start it there: slate agent --joined DIR")
    if agent.seen_ago_s > _SILENT_S:
        words = f"last seen {_span(agent.seen_ago_s)} ago"
        return _of(name, State.WARNING, words, "Look at that host; or slate server remove-agent")
    return _of(name, State.OK, f"seen {agent.seen_ago_s:.0f} s ago")


def _span(seconds: float) -> str:
    for size, unit in ((86_400, "days"), (3_600, "hours"), (60, "minutes")):
        if seconds >= 2 * size:
            return f"{seconds / size:.0f} {unit}"
    return f"{seconds:.0f} s"


def _of(name: str, state: State, detail: str, fix: str = "") -> Check:
    return Check(name=name, state=state, detail=detail, fix=fix)
