"""Small parts of the embedded stack that need no server."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from slate_desktop.bus import permissions
from slate_desktop.errors import StackError
from slate_desktop.stack import credentials, locks, nats_server, process
from slate_desktop.stack.nats_server import NatsUser
from slate_desktop.stack.restarts import RestartPolicy


def test_restarts_back_off_and_end() -> None:
    now = [0.0]
    policy = RestartPolicy(lambda: now[0])
    assert [policy.next_delay_s() for _ in range(6)] == [1, 2, 4, 8, 16, None]
    now[0] = 121.0
    assert policy.next_delay_s() == 1


def test_lock_is_held_once(tmp_path: Path) -> None:
    lock = locks.FileLock.acquire(tmp_path / "l")
    assert lock is not None
    assert locks.FileLock.acquire(tmp_path / "l") is None
    assert locks.is_held(tmp_path / "l")
    lock.release()
    assert not locks.is_held(tmp_path / "l")


def test_files_of_clients_that_are_gone_are_swept(tmp_path: Path) -> None:
    held = locks.hold_client(tmp_path)
    (tmp_path / "999-dead.lock").touch()
    assert locks.count_clients(tmp_path) == 1
    assert [path.name for path in tmp_path.iterdir()] == [held.path.name]
    held.release(is_removed=True)
    assert locks.count_clients(tmp_path) == 0


def test_process_is_judged_by_start_time_and_program() -> None:
    me = process.identify(os.getpid())
    assert me is not None
    assert me.is_running()
    assert not process.Identity(me.pid, me.start_time + 1, me.exe).is_running()
    assert not process.Identity(me.pid, me.start_time, "/bin/other").is_running()


def test_credentials_are_kept_and_damaged_ones_set_aside(tmp_path: Path) -> None:
    first = credentials.load_or_create(tmp_path / "keys")
    assert credentials.load_or_create(tmp_path / "keys") == first
    assert first.user_seed not in repr(first)
    (tmp_path / "keys" / credentials.FILE_NAME).write_bytes(b"{")
    assert credentials.load_or_create(tmp_path / "keys") != first
    assert len(list((tmp_path / "keys").glob("*.damaged-*"))) == 1


def test_broker_configuration_admits_nobody_without_permissions(tmp_path: Path) -> None:
    user = NatsUser(public_key="UAAA", permissions=permissions.user("UAAA"))
    config = json.loads(nats_server.render_config(tmp_path, [user], port=-1))
    assert config["listen"] == "127.0.0.1:-1"
    assert config["jetstream"]["sync_interval"] == "always"
    assert config["system_account"] == "SYS"
    assert config["accounts"]["SYS"]["users"] == []
    assert "no_auth_user" not in config
    for entry in config["accounts"]["SLATE"]["users"]:
        assert entry["permissions"]["publish"]["allow"]
        assert entry["permissions"]["subscribe"]["allow"]
    with pytest.raises(StackError):
        nats_server.render_config(tmp_path, [], port=-1)


@pytest.mark.parametrize(
    ("pattern", "subject", "is_inside"),
    [
        ("a.*", "a.b", True),
        ("a.*", "a.b.c", False),
        ("a.>", "a.b.c", True),
        ("a.>", "a", False),
        ("a.*", "a.*", True),
        ("a.*", "a.>", False),
        ("a.b", "a.*", False),
        ("_INBOX_U.>", "_INBOX_V.x", False),
    ],
)
def test_wildcards_cover_what_the_broker_says(pattern: str, subject: str, is_inside: bool) -> None:
    assert permissions.contains(pattern, subject) is is_inside


def test_agent_may_not_delete_streams_nor_speak_for_another_agent() -> None:
    allowed = permissions.agent("a1", "UKEY")
    for verb in ("DELETE", "PURGE", "UPDATE"):
        assert not allowed.can_publish(f"$JS.API.STREAM.{verb}.ASSETS")
    assert not allowed.can_publish("slate.agent.a2.heartbeat")
    assert not allowed.can_subscribe("_INBOX_UOTHER.>")
