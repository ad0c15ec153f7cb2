"""Testing a profile: each reason for which a connection does not work, by name."""

from __future__ import annotations

import asyncio
import datetime
import socket
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from slate_desktop.control import profiles
from slate_desktop.control.profiles import Endpoint
from slate_desktop.diagnosis.check import Check, State
from slate_desktop.diagnosis.profile import check_profile
from slate_desktop.errors import SettingsError
from slate_desktop.server import authority as authority_module
from slate_desktop.server.authority import Authority
from slate_desktop.wire.keys import SigningKey
from tests.services.listening import stop_listening
from tests.services.nats import RealNats
from tests.services.postgres import PostgresDsn


def endpoint(**more: Any) -> Endpoint:
    fields: dict[str, Any] = {
        "profile": "sbx01", "nats_url": "tls://localhost:1", "seed": SigningKey.generate().seed,
        "database_url": "postgresql://localhost:1/slate", "is_tls_first": True,
    }  # fmt: skip
    return Endpoint(**(fields | more))


async def found(monkeypatch: pytest.MonkeyPatch, place: Endpoint) -> list[Check]:
    async def resolve(_name: str) -> Endpoint:
        return place

    monkeypatch.setattr(profiles, "resolve", resolve)
    return [check async for check in check_profile("sbx01")]


def last(checks: list[Check]) -> tuple[str, str]:
    """The last finding: its name, and how to mend it."""
    assert checks[-1].state is State.FAILED, checks
    assert all(check.state is not State.FAILED for check in checks[:-1])
    return checks[-1].name, checks[-1].fix


@asynccontextmanager
async def listening(tmp_path: Path, key: bytes, certificate: bytes) -> AsyncIterator[int]:
    """Something that shows a certificate, and nothing else."""
    (tmp_path / "served.pem").write_bytes(key + certificate)
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(tmp_path / "served.pem")

    async def serve(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.close()

    server = await asyncio.start_server(serve, "localhost", 0, ssl=context, family=socket.AF_INET)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        await stop_listening(server)


async def test_a_profile_a_name_and_an_address(monkeypatch: pytest.MonkeyPatch) -> None:
    async def no_profile(_name: str) -> Endpoint:
        raise SettingsError("Your key is missing.", hint="Unlock the keyring.")

    monkeypatch.setattr(profiles, "resolve", no_profile)
    checks = [check async for check in check_profile("sbx01")]
    assert last(checks) == ("profile", "Unlock the keyring.")
    checks = await found(monkeypatch, endpoint(nats_url="tls://nowhere.invalid:4222"))
    assert last(checks)[0] == "name"
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        url = f"tls://127.0.0.1:{sock.getsockname()[1]}"
        checks = await found(monkeypatch, endpoint(nats_url=url))
    assert last(checks)[0] == "address"
    assert "slate server doctor" in last(checks)[1]


@pytest.mark.parametrize(
    ("reason", "name", "fix"),
    [
        ("host", "certificate", "add the name to hosts"),
        ("authority", "certificate", "ask for a new join file"),
        ("early", "clock", "Set this computer's clock"),
        ("late", "certificate", "slate server rotate"),
    ],
)
async def test_a_certificate_that_does_not_fit(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, reason: str, name: str, fix: str
) -> None:
    ours, other = Authority.generate("ours"), Authority.generate("other")
    if reason in ("early", "late"):
        shift = datetime.timedelta(days=1 if reason == "early" else -2000)
        monkeypatch.setattr(authority_module, "_BACKDATE", -shift)
        monkeypatch.setattr(authority_module, "SERVER_DAYS", 900 if reason == "early" else -30)
    signer = other if reason == "authority" else ours
    key, certificate = signer.server_certificate(["elsewhere" if reason == "host" else "localhost"])
    (tmp_path / "ca.pem").write_bytes(ours.certificate_pem)
    async with listening(tmp_path, key, certificate) as port:
        place = endpoint(nats_url=f"tls://localhost:{port}", ca_file=tmp_path / "ca.pem")
        checks = await found(monkeypatch, place)
    assert last(checks)[0] == name, checks
    assert fix in last(checks)[1]


@pytest.mark.nats
@pytest.mark.postgres
async def test_a_key_a_schema_and_a_clock(
    monkeypatch: pytest.MonkeyPatch, nats: RealNats, postgres_dsn: PostgresDsn
) -> None:
    from slate_desktop.store import Database

    seed = nats.user.seed
    base: dict[str, Any] = {
        "nats_url": nats.url, "is_tls_first": False, "database_url": postgres_dsn.user,
    }  # fmt: skip
    checks = await found(monkeypatch, endpoint(**base))
    assert last(checks)[0] == "key"
    checks = await found(monkeypatch, endpoint(**base, seed=seed))
    assert last(checks)[0] == "person"
    async with await Database.connect(postgres_dsn, application_name="test") as db:
        await db.users.create("Anna", nats.user.public)
        checks = await found(monkeypatch, endpoint(**base, seed=seed))
        assert [check.detail for check in checks if check.name == "person"] == ["you are Anna"]
        assert checks[-1].name == "agents"
        assert checks[-1].state is State.WARNING
        async with db.connection() as connection:
            await connection.execute(
                "insert into slate_schema_migrations (number, name, sha256)"
                " values (9999, '9999_next.sql', 'x')"
            )
        checks = await found(monkeypatch, endpoint(**base, seed=seed))
        assert last(checks)[0] == "schema"
        assert "Update SLATE" in last(checks)[1]
        async with db.connection() as connection:
            await connection.execute("delete from slate_schema_migrations where number = 9999")

    async def fast(_self: object) -> datetime.datetime:
        return datetime.datetime.now(datetime.UTC) - datetime.timedelta(minutes=5)

    monkeypatch.setattr(Database, "clock", fast)
    checks = await found(monkeypatch, endpoint(**base, seed=seed))
    (clock,) = [check for check in checks if check.name == "clock"]
    assert clock.state is State.FAILED
    assert "ahead of the server" in clock.detail
    monkeypatch.undo()
    base["database_url"] = "postgresql://nobody@127.0.0.1:1/slate"
    checks = await found(monkeypatch, endpoint(**base, seed=seed))
    assert last(checks)[0] == "database"
