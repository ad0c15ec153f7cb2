"""What somebody else on this machine can do with the embedded stack, and what its logs tell."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from nats.aio.client import Client as PlainClient
from nats.errors import Error as NatsError

from slate_desktop.bus.nats_bus import NatsBus
from slate_desktop.bus.port import Message
from slate_desktop.control import Slate
from slate_desktop.errors import DeniedError, SlateError
from slate_desktop.stack import client
from tests.services.stack import OwnStack, require_stack

pytestmark = [
    pytest.mark.nats,
    pytest.mark.postgres,
    pytest.mark.timeout(120),
    pytest.mark.skipif(sys.platform != "linux", reason="not on this platform"),
]
STRANGER = 61_234
# Run by another user; prints what it could reach.
PROBE = """
import json, os, socket, sys
reached = []
for path in json.loads(sys.argv[1]):
    try:
        os.listdir(path) if os.path.isdir(path) else open(path, "rb").read(1)
        reached.append(path)
    except OSError:
        pass
for path in json.loads(sys.argv[2]):
    with socket.socket(socket.AF_UNIX) as probe:
        try:
            probe.connect(path)
            reached.append(path)
        except OSError:
            pass
print(json.dumps(reached))
"""


@pytest.fixture
async def open_stack(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[OwnStack]:
    """A stack in a directory whose parents everybody may enter."""
    require_stack()
    parent = open_directory()
    monkeypatch.setenv("SLATE_DATA_DIR", str(parent / "data"))
    stack = OwnStack(parent / "data")
    yield stack
    await asyncio.shield(stack.clean())
    shutil.rmtree(parent, ignore_errors=True)


def run_as_stranger(arguments: list[str]) -> bytes:
    return subprocess.run(
        ["/usr/bin/env", "-i", "/usr/bin/python3", "-c", PROBE, *arguments],
        user=STRANGER,
        group=STRANGER,
        extra_groups=[],
        cwd="/",
        capture_output=True,
        check=True,
    ).stdout


def open_directory() -> Path:
    """Make a directory that everybody may enter."""
    parent = Path(tempfile.mkdtemp(prefix="slate-open-"))
    parent.chmod(0o755)
    return parent


def sockets() -> list[str]:
    """Every Unix socket of a PostgreSQL server on this machine."""
    lines = Path("/proc/net/unix").read_text().splitlines()
    return sorted({line.split()[-1] for line in lines if ".s.PGSQL." in line and "/" in line})


@pytest.mark.skipif(
    not hasattr(os, "geteuid") or os.geteuid() != 0,
    reason="not on this platform: only root can act as somebody else",
)
async def test_another_user_reaches_nothing(open_stack: OwnStack) -> None:
    info = await open_stack.up(agent=True)
    files = sorted(str(path) for path in open_stack.data_dir.rglob("*"))
    assert [path for path in files if path.endswith("stack.json")]
    assert sockets()
    places = [str(open_stack.data_dir.parent), str(open_stack.data_dir)]
    arguments = [json.dumps([*places, *files]), json.dumps(sockets())]
    done = await asyncio.to_thread(run_as_stranger, arguments)
    # The parent is open to everybody: the probe does look.
    assert json.loads(done) == [str(open_stack.data_dir.parent)]
    assert info.nats_url.startswith("nats://127.0.0.1:")
    logins: list[dict[str, Any]] = [{}, {"user": "slate", "password": "x"}, {"token": "x"}]
    for login in logins:
        stranger = PlainClient()
        with pytest.raises((NatsError, OSError)):
            await stranger.connect(info.nats_url, allow_reconnect=False, error_cb=_ignore, **login)
        await stranger.close()


async def _hear(_message: Message) -> None:
    """Nothing is ever heard."""


async def _ignore(_error: Exception) -> None:
    """Refusals are what is tested."""


def granted(user: dict[str, Any], action: str) -> list[str]:
    permissions = user["permissions"]
    assert set(permissions) <= {"publish", "subscribe", "allow_responses"}
    assert set(permissions[action]) == {"allow"}
    assert permissions[action]["allow"]
    return permissions[action]["allow"]


async def test_brokers_configuration_grants_no_more_than_each_role_needs(
    own_stack: OwnStack,
) -> None:
    await own_stack.up()
    config = json.loads((own_stack.files.nats / "nats-server.conf").read_text())
    assert config["listen"].startswith("127.0.0.1:")
    for name in ("no_auth_user", "authorization", "http", "https", "cluster", "leafnodes",
                 "gateway", "websocket", "mqtt", "monitor_port"):  # fmt: skip
        assert name not in config
    assert config["max_payload"] <= 1_048_576
    assert config["max_control_line"] <= 4096
    assert config["max_connections"] <= 1000
    assert config["jetstream"]["sync_interval"] == "always"
    assert config["jetstream"]["max_mem"]
    assert config["jetstream"]["max_file"]
    assert config["system_account"] == "SYS"
    assert set(config["accounts"]) == {"SYS", "SLATE"}
    assert config["accounts"]["SYS"]["users"] == []
    users = config["accounts"]["SLATE"]["users"]
    assert len(users) >= 2
    for user in users:
        assert ("nkey" in user) != ("password" in user)
        for subject in granted(user, "publish"):
            own = ("slate.", "$JS.API.", "$JS.ACK.", "$JS.FC.OBJ_slate.", "$O.slate.")
            assert subject.startswith(own), subject
            if (
                subject == "$JS.API.STREAM.PURGE.OBJ_slate"
                and "allow_responses" in (user["permissions"])
            ):
                continue  # agents remove what uploads that never ended have left
            for verb in ("DELETE", "PURGE", "UPDATE", ">"):
                assert not subject.startswith(f"$JS.API.STREAM.{verb}"), subject
            assert subject != "$JS.API.>"
        for subject in granted(user, "subscribe"):
            assert subject.startswith(("slate.", "_INBOX_U")), subject
    agents = [user for user in users if "allow_responses" in user["permissions"]]
    assert len(agents) == 1
    # Two: the broker takes a start's second delivery for an answer.
    assert agents[0]["permissions"]["allow_responses"] == {"max": 2, "expires": "60s"}


async def test_broker_refuses_what_a_role_may_not_do(own_stack: OwnStack) -> None:
    info = await own_stack.up()
    endpoint = client.agent_endpoint()
    assert endpoint is not None
    agent = await NatsBus.connect(info.nats_url, seed=endpoint.seed, name="agent")
    user = await NatsBus.connect(info.nats_url, seed=info.user_seed, name="user")
    try:
        for verb in ("DELETE", "PURGE", "UPDATE"):
            for bus in (agent, user):
                with pytest.raises(DeniedError):
                    await bus.request(f"$JS.API.STREAM.{verb}.ASSETS", b"")
        for subject in ("slate.runtime.p1.s1.status", "slate.agent.x.heartbeat", "_INBOX.x"):
            with pytest.raises(DeniedError):
                await user.request(subject, b"")
        for subject in (">", "slate.container.*.*", "_INBOX.>", "$SYS.>"):
            with pytest.raises(DeniedError):
                await user.subscribe(subject, _hear)
    finally:
        await agent.aclose()
        await user.aclose()


async def test_logs_of_a_whole_run_hold_no_secret(own_stack: OwnStack, tmp_path: Path) -> None:
    root = tmp_path / "project"
    root.mkdir()
    async with await Slate.connect("local") as slate:
        project = await slate.add_project(
            root, command=["{python}", "-c", "import time; time.sleep(600)"]
        )
        hidden = {"env": {"API_TOKEN": "hunter2-api-token", "DB_PASSWORD": "hunter2-password"}}
        row = await slate.create_runtime_session(project.id, {"driver": "process"} | hidden)
        await slate.start_container(row.id, wait=True, timeout_s=30)
        await slate.execute_command(row.id, ["echo", "hello"])
        await slate.stop_container(row.id, wait=True)
        for bad in ({"memory": "999g"}, {"env": {"LD_PRELOAD": "hunter2-preload"}}):
            with pytest.raises(SlateError):
                await slate.start_container(row.id, bad)
    secrets = json.loads((own_stack.files.keys / "stack.json").read_text())
    needles = [v for k, v in secrets.items() if k.endswith(("_seed", "_password"))]
    needles += ["hunter2"]
    assert len(needles) >= 6
    logs = [path for path in own_stack.files.logs.rglob("*") if path.is_file()]
    assert any(path.stat().st_size for path in logs)
    for path in logs:
        text = path.read_text(errors="replace")
        assert [n for n in needles if n in text] == [], path
