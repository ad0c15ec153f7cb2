"""Tests a profile step by step, and names the first thing that keeps it from working.

::

    profile → name → address → TLS → key → database → clock → schema → person → agents

What is behind a step that failed is not looked at.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
import ssl
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from slate_desktop.diagnosis.check import Check, State
from slate_desktop.errors import DatabaseError, DeniedError, SlateError

if TYPE_CHECKING:
    from slate_desktop.control.profiles import Endpoint
    from slate_desktop.store import Database

_TIMEOUT_S = 8.0
# Requests are bridged up to two minutes, and live ten seconds.
_CLOCK_NOTE_S, _CLOCK_LIMIT_S = 5.0, 120.0
# https://github.com/openssl/openssl/blob/master/include/openssl/x509_vfy.h.in
_NOT_YET_VALID, _EXPIRED, _HOST_MISMATCH, _ADDRESS_MISMATCH = 9, 10, 62, 64
_NATS_PORT, _SEEN_S = 4222, 45.0


async def check_profile(name: str) -> AsyncIterator[Check]:
    """Test a profile; yields a finding for each step as it is known, and never raises.

    Args:
        name: as in ``slate profile list``.
    """
    if name == "local":
        from slate_desktop.diagnosis.services import check_stack

        yield await check_stack()
        return
    from slate_desktop.control.profiles import resolve

    try:
        endpoint = await resolve(name)
        context = endpoint.tls()
    except SlateError as exc:
        yield _failed("profile", str(exc), exc.hint)
        return
    for step in (_look_up(endpoint), _reach(endpoint), _encrypt(endpoint, context)):
        async for check in step:
            yield check
            if check.state is State.FAILED:
                return
    key = await _sign_in(endpoint, context)
    yield key
    if key.state is not State.FAILED:
        async for check in _ask_database(endpoint):
            yield check


async def _look_up(endpoint: Endpoint) -> AsyncIterator[Check]:
    host, port = _place(endpoint)
    try:
        async with asyncio.timeout(_TIMEOUT_S):
            found = await asyncio.get_running_loop().getaddrinfo(
                host, port, type=socket.SOCK_STREAM
            )
    except (OSError, UnicodeError, TimeoutError):
        yield _failed(
            "name",
            f"no address is known for {host}",
            "Check the spelling and this computer's DNS, or ask for a join file with an address.",
        )
        return
    yield _ok("name", f"{host} is {found[0][4][0]}")


async def _reach(endpoint: Endpoint) -> AsyncIterator[Check]:
    host, port = _place(endpoint)
    try:
        async with asyncio.timeout(_TIMEOUT_S):
            _, writer = await asyncio.open_connection(host, port)
    except TimeoutError:
        yield _failed(
            "address",
            f"{host}:{port} does not answer",
            "Is the host on, and reachable from this network? Does a firewall drop the port?",
        )
    except OSError as exc:
        yield _failed(
            "address",
            f"nothing listens at {host}:{port} ({exc.strerror or exc})",
            "Is the server running there? On it: slate server doctor",
        )
    else:
        await _close(writer)
        yield _ok("address", f"{host}:{port} answers")


async def _encrypt(endpoint: Endpoint, context: ssl.SSLContext | None) -> AsyncIterator[Check]:
    if context is None:
        yield Check(
            name="TLS",
            state=State.WARNING,
            detail="this profile does not encrypt",
            fix="Use a tls:// address",
        )
        return
    if not endpoint.is_tls_first:
        # Such a broker speaks first in plaintext; signing in does the rest.
        yield Check(name="TLS", state=State.NOTE, detail="begins after the broker's greeting")
        return
    host, port = _place(endpoint)
    try:
        async with asyncio.timeout(_TIMEOUT_S):
            _, writer = await asyncio.open_connection(host, port, ssl=context)
    except ssl.SSLCertVerificationError as exc:
        yield _certificate_problem(exc, host)
    except (OSError, TimeoutError) as exc:
        yield _failed(
            "TLS",
            f"{host}:{port} does not speak TLS: {exc or 'no answer in time'}",
            "Is this the broker's own port, with nothing in between?",
        )
    else:
        version = writer.get_extra_info("ssl_object").version()
        await _close(writer)
        yield _ok("TLS", f"{version}, and the certificate is {host}'s")


def _certificate_problem(error: ssl.SSLCertVerificationError, host: str) -> Check:
    said = error.verify_message
    if error.verify_code in (_HOST_MISMATCH, _ADDRESS_MISMATCH):
        fix = "On the server: add the name to hosts in server.toml, then slate server rotate."
        return _failed("certificate", f"it is not {host}'s: {said}", fix)
    if error.verify_code == _NOT_YET_VALID:
        now = datetime.now(UTC)
        words = f"the certificate does not count yet, and this clock says {now:%Y-%m-%d %H:%M} UTC"
        return _failed("clock", words, "Set this computer's clock.")
    if error.verify_code == _EXPIRED:
        fix = "Check this computer's date; if it is right, on the server: slate server rotate"
        return _failed("certificate", f"its time is over: {said}", fix)
    fix = "It is another server, or was made anew: ask for a new join file."
    return _failed("certificate", f"the authority that was joined did not sign it: {said}", fix)


async def _sign_in(endpoint: Endpoint, context: ssl.SSLContext | None) -> Check:
    from slate_desktop.bus.nats_bus import NatsBus

    try:
        async with asyncio.timeout(_TIMEOUT_S):
            bus = await NatsBus.connect(
                endpoint.nats_url,
                seed=endpoint.seed,
                name="slate-test",
                tls=context,
                is_tls_first=endpoint.is_tls_first,
                allow_plaintext=endpoint.allow_plaintext,
            )
    except DeniedError:
        return _failed(
            "key",
            "the broker does not know your key",
            "You were removed, or joined anew elsewhere: ask for another join file.",
        )
    except (SlateError, TimeoutError) as exc:
        words = str(exc) or "the broker does not answer in time"
        return _failed("broker", words, getattr(exc, "hint", ""))
    await bus.aclose()
    return _ok("key", "the broker lets you in")


async def _ask_database(endpoint: Endpoint) -> AsyncIterator[Check]:
    from slate_desktop.store import Database

    try:
        database = await Database.connect(
            endpoint.database_url, application_name="slate-test", min_size=0, max_size=1
        )
    except SlateError as exc:
        yield _failed("database", str(exc), exc.hint)
        return
    try:
        async for check in _look_inside(endpoint, database):
            yield check
    except SlateError as exc:
        yield _failed("database", str(exc), exc.hint)
    finally:
        await database.aclose()


async def _look_inside(endpoint: Endpoint, database: Database) -> AsyncIterator[Check]:
    from slate_desktop.wire.keys import SigningKey

    before = datetime.now(UTC)
    theirs = await database.clock()
    ours = before + (datetime.now(UTC) - before) / 2
    yield _ok("database", "lets you in")
    yield _clock((ours - theirs).total_seconds())
    try:
        await database.check_schema()
    except DatabaseError as exc:
        yield _failed("schema", str(exc), exc.hint)
        return
    yield _ok("schema", "is this program's")
    user = await database.users.get_by_pubkey(SigningKey.from_seed(endpoint.seed).public)
    if user is None or user.revoked_at is not None:
        words = "nobody has your key" if user is None else f"{user.name} was removed"
        yield _failed("person", words, "Ask the administrator for a join file.")
        return
    yield _ok("person", f"you are {user.name}")
    agents = await database.agents.list()
    live = [agent.id for agent in agents if (agent.seen_ago_s or 1e9) <= _SEEN_S]
    if live:
        yield _ok("agents", ", ".join(live))
    else:
        fix = "On the server: slate server doctor"
        yield Check(
            name="agents", state=State.WARNING, detail="no host is there to run on", fix=fix
        )


def _clock(ahead_s: float) -> Check:
    direction = "ahead of" if ahead_s > 0 else "behind"
    words = f"this computer is {abs(ahead_s):.1f} s {direction} the server"
    if abs(ahead_s) > _CLOCK_LIMIT_S:
        return _failed("clock", words, "Set the clock; commands would be refused.")
    if abs(ahead_s) > _CLOCK_NOTE_S:
        fix = "Let the clock be set by NTP."
        return Check(name="clock", state=State.WARNING, detail=words, fix=fix)
    return _ok("clock", "agrees with the server's")


def _place(endpoint: Endpoint) -> tuple[str, int]:
    split = urlsplit(endpoint.nats_url.split(",")[0])
    return split.hostname or "", split.port or _NATS_PORT


async def _close(writer: asyncio.StreamWriter) -> None:
    writer.close()
    with contextlib.suppress(OSError, TimeoutError):
        async with asyncio.timeout(1):
            await writer.wait_closed()


def _ok(name: str, detail: str) -> Check:
    return Check(name=name, state=State.OK, detail=detail)


def _failed(name: str, detail: str, fix: str) -> Check:
    return Check(name=name, state=State.FAILED, detail=detail, fix=fix)
