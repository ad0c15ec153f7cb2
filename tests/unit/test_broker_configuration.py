"""A linter of the configuration that a server writes for its broker: nobody has too much."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from slate_desktop.bus.permissions import contains
from slate_desktop.domain.joining import BrokerPlace, Joiner
from slate_desktop.domain.project import AgentRow, Member, User
from slate_desktop.domain.roles import Role
from slate_desktop.server import cluster_upkeep, invitations, setup
from slate_desktop.server.broker import broker_users, make_broker
from slate_desktop.server.cluster_members import Broker, write_broker
from slate_desktop.server.config import ServerConfig, ServerFiles
from slate_desktop.settings import files
from slate_desktop.stack.nats_server import render_config
from slate_desktop.wire.keys import SigningKey

# Whoever may publish one of these is the broker's master.
MASTERS = (
    "$SYS.>", "$JS.API.STREAM.DELETE.*", "$JS.API.STREAM.UPDATE.*", "$JS.API.STREAM.SNAPSHOT.*",
    "$JS.API.STREAM.RESTORE.*", "$JS.API.STREAM.MSG.DELETE.*", "$JS.API.ACCOUNT.PURGE.*",
)  # fmt: skip


@pytest.fixture
def config(tmp_path: Path) -> dict[str, Any]:
    """What is written for a person, an agent, a guest and two further brokers, in a cluster."""
    made = ServerFiles(tmp_path / "server")
    studio = ServerConfig(name="sbx01", hosts=("sbx01",))
    setup.init_server(made, studio)
    now = datetime.now(UTC)
    person = User(id="u1", name="Anna", pubkey=SigningKey.generate().public, created_at=now)
    facts: dict[str, Any] = {"epoch": 1, "created_at": now, "capabilities": {}, "last_seen": now}
    agent = AgentRow(id="sbx01", name="sbx01", pubkey=SigningKey.generate().public, **facts)
    invitations.invite(
        made.invitations, kind=Joiner.PERSON, name="Bert", server="sbx01", nats_url="tls://x:1",
        ca="",
    )  # fmt: skip
    brokers = []
    for name in ("sbx02", "sbx03"):
        place = BrokerPlace(name=name, hosts=(name,), nats_port=4222, cluster_port=6222)
        key = SigningKey.generate().public
        brokers.append(Broker(place=place, public_key=key, pin="0" * 64))
        write_broker(made.brokers, brokers[-1])
    files.write_private(made.clustered, b"")
    users = broker_users(
        SigningKey.generate().public, [person],
        [Member(project_id="p1", user_id="u1", role=Role.OWNER)], [agent],
        invitations.read_all(made.invitations), brokers,
    )  # fmt: skip
    broker = make_broker(made, studio, users)
    system = cluster_upkeep.system_user(SigningKey.generate())
    text = render_config(
        made.nats, users, port=4222, listen=broker._listen, cluster=broker.cluster,
        system_users=[system],
    )  # fmt: skip
    return json.loads(text)


def everybody(config: dict[str, Any]) -> list[dict[str, Any]]:
    return config["accounts"]["SLATE"]["users"]


def test_nobody_gets_in_without_a_key_or_without_permissions(config: dict[str, Any]) -> None:
    assert not {"no_auth_user", "authorization", "websocket", "mqtt", "leafnodes", "gateway"} & (
        config.keys()
    )
    users = everybody(config) + config["accounts"]["SYS"]["users"]
    assert len(users) == 7
    for user in users:
        assert user["nkey"].startswith("U")
        # An empty or missing list would grant everything.
        assert user["permissions"]["publish"]["allow"]
        assert user["permissions"]["subscribe"]["allow"]
    assert len({user["nkey"] for user in users}) == len(users)


def test_only_the_server_itself_is_a_master_of_streams(config: dict[str, Any]) -> None:
    registrar, *others = everybody(config)
    for user in others:
        for allowed in user["permissions"]["publish"]["allow"]:
            for master in MASTERS:
                assert not contains(allowed, master), allowed
                assert not contains(master, allowed), allowed
            assert allowed not in (">", "slate.>", "*", "$JS.>", "$JS.API.>")
    heard = [p for u in (registrar, *others) for p in u["permissions"]["subscribe"]["allow"]]
    assert not {">", "_INBOX.>", "slate.>", "$JS.>", "$O.slate.>"} & set(heard)


def test_the_system_account_is_apart_and_its_one_user_removes_peers(config: dict[str, Any]) -> None:
    assert config["system_account"] == "SYS"
    (system,) = config["accounts"]["SYS"]["users"]
    assert system["permissions"]["publish"]["allow"] == ["$JS.API.SERVER.REMOVE"]
    assert "jetstream" not in config["accounts"]["SYS"]


def test_everything_is_encrypted_and_bounded(config: dict[str, Any]) -> None:
    assert config["tls"]["handshake_first"] is True
    routes = config["cluster"]
    assert routes["tls"]["verify"] is True
    assert len(routes["tls"]["pinned_certs"]) == 3
    assert all(route.startswith("tls://") for route in routes["routes"])
    assert config["max_payload"] <= 1024**2
    assert config["max_control_line"] <= 4096
    assert config["max_connections"] <= 4096
    assert config["jetstream"]["sync_interval"] == "always"
    assert config["jetstream"]["max_file"] > 0
