"""Join files, certificates and the rooms of a server: what is refused, and what is believed."""

from __future__ import annotations

import asyncio
import datetime
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.x509.oid import ExtendedKeyUsageOID

from slate_desktop.bus.memory_bus import MemoryBus
from slate_desktop.control import joining
from slate_desktop.control.events import Events
from slate_desktop.diagnosis.check import State
from slate_desktop.diagnosis.server import judge_connections
from slate_desktop.domain.joining import (
    Joiner,
    check_server_name,
    join_subject,
    read_join_file,
    write_join_file,
)
from slate_desktop.domain.roles import Role
from slate_desktop.errors import CommandError, DeniedError, ErrorCode, SettingsError
from slate_desktop.server import invitations
from slate_desktop.server.authority import Authority
from slate_desktop.server.broker import JOIN_ANY, broker_users
from slate_desktop.server.config import ServerConfig, ServerFiles, connections_for
from slate_desktop.server.database import agent_login, person_login
from slate_desktop.server.setup import default_name, init_server
from slate_desktop.settings import files, joined
from slate_desktop.settings.joined import JoinedServer
from slate_desktop.wire.events import StatusEvent
from slate_desktop.wire.tls_keys import new_keys

CONFIG = ServerConfig(name="sbx01", hosts=("sbx01.studio", "10.0.0.7"))


@pytest.fixture
def server_files(tmp_path: Path) -> ServerFiles:
    found = ServerFiles(tmp_path / "server")
    init_server(found, CONFIG)
    return found


@pytest.mark.parametrize(
    ("memory_gib", "connections"), [(2, 300), (8, 300), (16, 510), (24, 760), (512, 2000)]
)
def test_connections_are_what_the_memory_carries(memory_gib: int, connections: int) -> None:
    assert connections_for(memory_gib * 1024**3) == connections


def test_connections_are_written_and_may_be_changed(server_files: ServerFiles) -> None:
    config = server_files.read_config()
    assert config.connections == config.database_connections == CONFIG.connections
    text = server_files.config.read_text().replace(
        f"database_connections = {config.database_connections}", "database_connections = 40"
    )
    assert server_files.parse_config(text).connections == 40
    # A server that was made before has no such line.
    lines = [line for line in text.splitlines() if "database_connections" not in line]
    assert server_files.parse_config("\n".join(lines)).connections == CONFIG.connections
    with pytest.raises(SettingsError, match="database_connections is 5;"):
        server_files.parse_config(text.replace("= 40", "= 5"))


def test_the_doctor_judges_connections() -> None:
    few = judge_connections(30, 300, people=20, agents=4)
    assert (few.state, few.detail) == (State.OK, "30 of 300 in use")
    many = judge_connections(100, 300, people=60, agents=10)
    assert many.state is State.NOTE
    assert "60 people and 10 hosts at once could hold 350" in many.detail
    full = judge_connections(240, 300, people=1, agents=1)
    assert full.state is State.WARNING
    assert "database_connections" in full.fix


def invite(server_files: ServerFiles, **changes: object):
    arguments: dict = {
        "kind": Joiner.PERSON,
        "name": "Anna",
        "server": "sbx01",
        "nats_url": CONFIG.nats_url,
        "ca": "pem",
        "grants": {"p1": Role.VIEWER},
    } | changes
    return invitations.invite(server_files.invitations, **arguments)


def test_a_server_is_made_once_and_read_again(server_files: ServerFiles) -> None:
    written = msgspec.structs.replace(CONFIG, database_connections=CONFIG.connections)
    assert server_files.read_config() == written
    for path in server_files.directory.rglob("*"):
        assert path.stat().st_mode & 0o077 == 0, path
    before = server_files.authority_certificate.read_bytes()
    with pytest.raises(SettingsError, match="already"):
        init_server(server_files, CONFIG)
    assert server_files.authority_certificate.read_bytes() == before
    assert "password" not in repr(server_files.read_secrets())


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("name = ", "mistake"),
        ('name = "sbx01"\n', "hosts"),
        ('name = "sbx01"\nhosts = ["a"]\nport = 1\n', "port"),
        ('name = "Local"\nhosts = ["a"]\n', "name"),
        ('name = "sbx01"\nhosts = []\n', "host name"),
        ('name = "sbx01"\nhosts = ["a b"]\n', "a b"),
        ('name = "sbx01"\nhosts = ["a"]\nnats_port = 0\n', "port"),
        ('name = "sbx01"\nhosts = ["a"]\nnats_port = 5\ndatabase_port = 5\n', "own"),
    ],
)
def test_a_mistake_in_the_servers_file_is_named(
    server_files: ServerFiles, text: str, words: str
) -> None:
    server_files.config.write_text(text)
    with pytest.raises(SettingsError, match=words):
        server_files.read_config()


def test_no_server_is_told(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="no server"):
        ServerFiles(tmp_path).read_config()


def test_a_servers_certificate_names_all_its_hosts(server_files: ServerFiles) -> None:
    certificate = x509.load_pem_x509_certificate(server_files.certificate.read_bytes())
    authority = x509.load_pem_x509_certificate(server_files.authority_certificate.read_bytes())
    certificate.verify_directly_issued_by(authority)
    names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert names.get_values_for_type(x509.DNSName) == ["sbx01.studio"]
    assert [str(ip) for ip in names.get_values_for_type(x509.IPAddress)] == ["10.0.0.7"]
    usage = certificate.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
    # A broker of a cluster is the others' client too.
    assert list(usage) == [ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH]
    assert certificate.not_valid_before_utc < datetime.datetime.now(datetime.UTC)


def test_a_client_gets_the_name_that_the_server_chose() -> None:
    authority = Authority.generate("sbx01")
    private, csr = new_keys()
    signed = x509.load_pem_x509_certificate(authority.client_certificate(csr, "slate_p_1"))
    assert [a.value for a in signed.subject] == ["slate_p_1"]
    key = serialization.load_pem_private_key(private, password=None)
    assert signed.public_key() == key.public_key()
    basic = signed.extensions.get_extension_for_class(x509.BasicConstraints).value
    assert not basic.ca


def test_requests_that_prove_nothing_are_refused() -> None:
    authority = Authority.generate("sbx01")
    _, csr = new_keys()
    weak = rsa.generate_private_key(public_exponent=65537, key_size=1024)
    rsa_request = x509.CertificateSigningRequestBuilder().subject_name(x509.Name([]))
    from cryptography.hazmat.primitives import hashes

    rsa_pem = rsa_request.sign(weak, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)
    body = bytearray(csr)
    middle = len(body) // 2
    body[middle] = ord("A") if body[middle] != ord("A") else ord("B")
    for bad in (b"", b"no pem", bytes(body), rsa_pem, b"x" * 20_000):
        with pytest.raises(CommandError) as caught:
            authority.client_certificate(bad, "slate_p_1")
        assert caught.value.code is ErrorCode.BAD_REQUEST


def test_an_invitation_holds_until_it_is_used_or_its_time_is_over(
    server_files: ServerFiles,
) -> None:
    first, second = invite(server_files), invite(server_files, name="Bert", days=1 / 86_400_000)
    time.sleep(0.002)
    (held,) = invitations.read_all(server_files.invitations)
    assert (held.name, held.grants) == ("Anna", {"p1": Role.VIEWER})
    assert held.public_key not in (first.invitation, second.invitation)
    kept = (server_files.invitations / f"{held.public_key}.json").read_text()
    assert first.invitation not in kept
    (server_files.invitations / f"U{'A' * 55}.json").write_text("{")
    assert len(invitations.read_all(server_files.invitations)) == 1
    invitations.remove(server_files.invitations, "../../server")
    invitations.remove(server_files.invitations, held.public_key)
    assert invitations.read_all(server_files.invitations) == []
    assert server_files.config.exists()


def test_join_files_survive_and_bad_ones_are_told(
    server_files: ServerFiles, tmp_path: Path
) -> None:
    made = invite(server_files)
    assert read_join_file(write_join_file(made)) == made
    assert made.invitation not in repr(made)
    file = tmp_path / "x.slate-join"
    for data, words in (
        (b"", "not a join file"),
        (b"[]", "not a join file"),
        (b"\xff", "not a join file"),
        (write_join_file(msgspec.structs.replace(made, version=2)), "Update|version"),
        (write_join_file(msgspec.structs.replace(made, server="../x")), "impossible"),
        (write_join_file(msgspec.structs.replace(made, expires_ms=1)), "time is over"),
        (b"x" * 70_000, "not a join file"),
    ):
        file.write_bytes(data)
        with pytest.raises(SettingsError, match=words):
            joining.load_join_file(file)
    with pytest.raises(SettingsError, match="cannot be read"):
        joining.load_join_file(tmp_path / "absent")
    with pytest.raises(CommandError, match="for a person"):
        joining.check_is_for(made, Joiner.AGENT)


@pytest.mark.parametrize("name", ["local", "remote", "auto", "", "A", "a/b", "a" * 41, "-a"])
def test_impossible_names_of_servers(name: str) -> None:
    with pytest.raises(SettingsError):
        check_server_name(name)


def test_names_from_hosts() -> None:
    assert default_name(["SBX01.studio.example"]) == "sbx01"
    assert default_name(["___"]) == "slate"


def test_guests_may_ask_and_nothing_else(server_files: ServerFiles) -> None:
    invite(server_files)
    (guest,) = invitations.read_all(server_files.invitations)
    registrar, of_guest = broker_users("U" + "R" * 55, (), (), (), [guest])
    allowed = of_guest.permissions
    assert allowed.publish == (join_subject(guest.public_key),)
    assert not allowed.can_publish("slate.container.start.s1")
    assert not allowed.can_subscribe("slate.runtime.*.*.logs")
    assert not allowed.can_subscribe(">")
    assert registrar.permissions.can_subscribe(JOIN_ANY)
    # It keeps the streams of a cluster whole, removes what nobody names, and speaks for nobody.
    assert all(subject.startswith(("$JS.", "$O.")) for subject in registrar.permissions.publish)
    assert not registrar.permissions.can_publish("slate.runtime.p.s.status")


def test_logins_are_names_that_postgresql_takes() -> None:
    assert person_login("86eca8c4-56f7-4782-bbdb-3536b324c080") == (
        "slate_p_86eca8c456f74782bbdb3536b324c080"
    )
    assert len(agent_login("A" * 64)) < 64
    assert agent_login("a") != agent_login("A")


def test_what_was_joined_is_kept_and_forgotten(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SLATE_CONFIG_DIR", str(tmp_path / "config"))
    server = JoinedServer(
        name="sbx01",
        kind="person",
        id="u1",
        nats_url="tls://sbx01:4222",
        database_host="fe80::1",
        database_port=5432,
        database_name="slate",
        database_user="slate_p_u1",
    )
    assert joined.names() == []
    directory = joined.directory_of("sbx01")
    files.ensure_private_dir(directory.parent.parent)
    files.ensure_private_dir(directory.parent)
    found = joined.write(directory, server, ca=b"ca", certificate=b"c", private_key=b"k")
    assert joined.names() == ["sbx01"]
    assert joined.read(directory) == found
    assert "[fe80::1]:5432" in found.database_url
    assert "sslmode=verify-full" in found.database_url
    (directory / "key.pem").unlink()
    with pytest.raises(SettingsError, match=r"key\.pem"):
        joined.read(directory)
    joined.forget("sbx01")
    assert joined.names() == []
    for name in ("sbx01", "../x"):
        with pytest.raises(SettingsError):
            joined.forget(name)


async def test_a_client_hears_of_the_projects_that_it_may_and_asks_again_for_others() -> None:
    bus, heard = MemoryBus(), []
    admitted = {"p1"}
    subscribe = bus.subscribe

    async def guarded(subject: str, handler: Any, **options: Any) -> Any:
        if subject.split(".")[2] not in (*admitted, "*"):
            raise DeniedError(subject)
        return await subscribe(subject, handler, **options)

    bus.subscribe = guarded  # type: ignore[method-assign]

    async def on_row(event: StatusEvent) -> None:
        heard.append(event.project_id)

    events = Events(bus, on_row)
    await events.open(())
    assert not await events.follow(["p1", "p2"])
    admitted.add("p2")
    assert await events.follow(["p1", "p2"])
    data = {"status": "running", "version": 1, "attempt": 1, "confirmed": True}
    for project in ("p1", "p2", "p3"):
        body = {"type": "status", "session_id": "s1", "project_id": project, "data": data}
        await bus.publish(f"slate.runtime.{project}.s1.status", msgspec.json.encode(body))
    await until(lambda: heard == ["p1", "p2"])
    assert await events.follow(["p2"])
    for project in ("p1", "p2"):
        body = {"type": "status", "session_id": "s1", "project_id": project, "data": data}
        await bus.publish(f"slate.runtime.{project}.s1.status", msgspec.json.encode(body))
    await until(lambda: heard == ["p1", "p2", "p2"])
    await events.aclose()
    await bus.aclose()


async def until(is_true: Callable[[], bool]) -> None:
    async with asyncio.timeout(10):
        while not is_true():  # noqa: ASYNC110
            await asyncio.sleep(0.01)
