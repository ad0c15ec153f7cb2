"""Logging: secrets stay out, the file is private, what nobody caught is written down."""

from __future__ import annotations

import asyncio
import json
import logging
import os
import stat
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from slate_desktop.log import configure, crash, mask_env, redact
from slate_desktop.wire.keys import SigningKey


@pytest.fixture
def log_file(tmp_path: Path) -> Iterator[Path]:
    root = logging.getLogger()
    level = root.level
    path = tmp_path / "slate.log"
    configure("debug", file=path, is_stream_on=False)
    yield path
    configure("info", is_stream_on=False)
    root.setLevel(level)


def lines_of(path: Path) -> list[dict[str, object]]:
    return [json.loads(line) for line in path.read_text().splitlines()]


@pytest.mark.parametrize(
    ("text", "secret"),
    [
        ("key {seed} used", "{seed}"),
        ("postgresql://slate:hunter2@host/db", "hunter2"),
        ("redis://:hunter2@host", "hunter2"),
        ("Authorization: Bearer hunter2", "hunter2"),
        ("{{'Authorization': 'Basic hunter2=='}}", "hunter2"),
        ('"X-Registry-Auth": "hunter2"', "hunter2"),
        ("host=h password=hunter2 dbname=d", "hunter2"),
        ("password: 'hunter2'", "hunter2"),
    ],
)
def test_secret_is_masked_in_any_text(text: str, secret: str) -> None:
    seed = SigningKey.generate().seed
    cleaned = redact(text.format(seed=seed))
    assert secret.format(seed=seed) not in cleaned
    assert "***" in cleaned


def test_text_without_secrets_is_left_alone() -> None:
    text = "session s1 of nats://127.0.0.1:4222 user@host path /a:b@c SUNDAY"
    assert redact(text) == text


def test_secrets_never_reach_the_file(log_file: Path) -> None:
    seed = SigningKey.generate().seed
    log = logging.getLogger("slate_desktop.test")
    log.info("key %s", seed, extra={"dsn": "postgresql://u:hunter2@h/d", "password": "hunter3"})
    try:
        raise ValueError(f"cannot use {seed}")
    except ValueError:
        log.exception("failed", extra={"nested": {"api_key": "hunter4", "list": [seed]}})
    text = log_file.read_text()
    for secret in (seed, "hunter2", "hunter3", "hunter4"):
        assert secret not in text
    assert lines_of(log_file)[1]["event"] == "failed"


@pytest.mark.skipif(os.name == "nt", reason="not on this platform")
def test_log_file_is_private_and_rotated(log_file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    handler = next(h for h in logging.getLogger().handlers if getattr(h, "is_slate", False))
    monkeypatch.setattr(handler, "maxBytes", 2000)
    for number in range(50):
        logging.getLogger("slate_desktop.test").info("line %d", number, extra={"pad": "x" * 50})
    rotated = log_file.with_name("slate.log.1")
    for path in (log_file, rotated):
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
        assert path.stat().st_size <= 2000


def test_extra_fields_are_fields_of_the_line(log_file: Path) -> None:
    logging.getLogger("slate_desktop.test").warning("changed", extra={"session": "s1"})
    line = lines_of(log_file)[0]
    assert (line["event"], line["session"], line["level"]) == ("changed", "s1", "warning")


def test_env_with_secret_names_is_masked() -> None:
    env = {
        "UNITY_SERIAL": "x",
        "API_KEY": "x",
        "DB_PASSWORD": "x",
        "A": "redis://:p@h",
        "PATH": "/",
    }
    masked = mask_env(env)
    assert "x" not in masked.values()
    assert masked["A"] == "redis://:***@h"
    assert masked["PATH"] == "/"


async def test_uncaught_errors_of_thread_and_task_are_logged(
    log_file: Path, tmp_path: Path
) -> None:
    seen: list[BaseException] = []
    crash.install(tmp_path / "crash.log", on_error=seen.append)
    try:
        crash.install_on_loop(asyncio.get_running_loop())

        def fail() -> None:
            raise ValueError("in thread")

        thread = threading.Thread(target=fail)
        thread.start()
        thread.join()
        asyncio.get_running_loop().call_exception_handler(
            {"message": "task failed", "exception": ValueError("in task")}
        )
    finally:
        crash.uninstall()
    exceptions = "".join(str(line.get("exception")) for line in lines_of(log_file))
    assert "in thread" in exceptions
    assert "in task" in exceptions
    assert [str(exc) for exc in seen] == ["in thread"]
