"""All ways to start a child hold to the same behaviour: spawned, forked, and forked before."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import socket
import sys
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import msgspec
import psutil
import pytest

from slate_desktop.errors import AssetError, CommandError, ErrorCode, Retry
from slate_desktop.pipeline.sandbox.limits import GIB, Limits
from slate_desktop.pipeline.sandbox.parent import Sandbox, run_in_child
from slate_desktop.pipeline.sandbox.request import ChildRequest, codec_of

IS_LINUX = sys.platform == "linux"
fork_server = pytest.mark.skipif(not IS_LINUX, reason="fork server: not on this platform")
WAYS = ["spawned", *(pytest.param(way, marks=fork_server) for way in ("forked", "spare"))]
linux = pytest.mark.skipif(not IS_LINUX, reason="kernel limits: not on this platform")
QUICK = Limits(wall_s=0.5, grace_s=0.2)


@pytest.fixture(params=WAYS)
async def sandbox(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Sandbox]:
    async with Sandbox(is_warm=request.param != "spawned") as sandbox:
        if request.param == "spare":
            await _spare_of(sandbox, tmp_path_factory.mktemp("first"))
        yield sandbox


async def _spare_of(sandbox: Sandbox, folder: Path) -> int:
    """Have the server do something, and wait for the child that it makes ready then."""
    await sandbox.run(_request(folder, "chatter", size=1))
    server = psutil.Process(sandbox.server_pid)
    deadline = time.monotonic() + 30
    while True:
        for each in server.children():
            with contextlib.suppress(psutil.Error):
                if each.status() == psutil.STATUS_SLEEPING and os.getsid(each.pid) == each.pid:
                    return each.pid
        assert time.monotonic() < deadline, "no spare was made"
        await asyncio.sleep(0.01)


def _request(folder: Path, task: str, **arguments: Any) -> ChildRequest:
    return ChildRequest(
        target=f"slate_desktop.pipeline.sandbox.drill:{task}",
        arguments=arguments,
        work_dir=str(folder),
    )


async def _fail(sandbox: Sandbox, request: ChildRequest, **more: Any) -> CommandError:
    with pytest.raises(CommandError) as caught:
        await sandbox.run(request, **more)
    return caught.value


async def test_child_answers_reports_progress_and_leaves_files(
    sandbox: Sandbox, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SLATE_DATABASE_URL", "postgresql://u:secret@h/d")
    heard: list[tuple[float, str]] = []
    result = await sandbox.run(
        _request(tmp_path, "answer", steps=3, name="ü\u202e\n\udcff"),
        on_progress=lambda fraction, words: heard.append((fraction, words)),
    )
    assert isinstance(result, dict)
    assert result["given"] == {"steps": 3, "name": "ü\u202e\n\udcff"}
    assert Path(result["folder"]) == tmp_path
    assert set(result["environment"]) <= {
        *("PATH", "LANG", "LC_CTYPE", "TMPDIR", "OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS"),
        *("SYSTEMROOT", "SYSTEMDRIVE", "WINDIR", "PATHEXT"),
    }
    assert not {"PySide6", "asyncpg", "nats"} & set(result["modules"])
    assert result["pid"] != os.getpid()
    assert heard[0] == (0.0, "step 0")
    assert _names(tmp_path) == ["made"]


async def test_refusal_keeps_code_words_and_details(sandbox: Sandbox, tmp_path: Path) -> None:
    error = await _fail(sandbox, _request(tmp_path, "refuse", message="No sound in it."))
    assert isinstance(error, AssetError)
    assert (error.code, str(error)) == (ErrorCode.ASSET_INVALID, "No sound in it.")
    assert error.details == {"where": "header"}


# Row 67 of the table of bad inputs.
@linux
@pytest.mark.fault
@pytest.mark.parametrize(
    ("task", "limits", "code", "words"),
    [
        ("stumble", Limits(), ErrorCode.ASSET_CRASH, "KeyError"),
        ("allocate", Limits(memory_bytes=GIB // 2), ErrorCode.ASSET_LIMIT, "memory"),
        ("be_killed", Limits(), ErrorCode.ASSET_LIMIT, "memory"),
        ("spin", Limits(cpu_s=1), ErrorCode.ASSET_LIMIT, "processor"),
        ("flood", Limits(file_bytes=2**20), ErrorCode.ASSET_LIMIT, "larger"),
        ("crash", Limits(), ErrorCode.ASSET_CRASH, "SIGSEGV"),
        ("hang", QUICK, ErrorCode.ASSET_LIMIT, "longer than 0.5 s"),
    ],
)
async def test_child_that_goes_too_far_is_named_and_the_next_one_works(
    sandbox: Sandbox, tmp_path: Path, task: str, limits: Limits, code: ErrorCode, words: str
) -> None:
    error = await _fail(sandbox, _request(tmp_path, task), limits=limits)
    assert isinstance(error, AssetError)
    assert error.code is code
    assert words in str(error)
    assert await sandbox.run(_request(tmp_path, "chatter", size=1)) == "x"


async def test_child_that_leaves_without_a_word_crashed(sandbox: Sandbox, tmp_path: Path) -> None:
    error = await _fail(sandbox, _request(tmp_path, "end", status=3))
    assert (error.code, error.details) == (ErrorCode.ASSET_CRASH, {"status": 3})


async def test_answer_is_bounded(sandbox: Sandbox, tmp_path: Path) -> None:
    assert await sandbox.run(_request(tmp_path, "chatter", size=1000 * 1000)) == "x" * 10**6
    error = await _fail(sandbox, _request(tmp_path, "chatter", size=2**20))
    assert error.code is ErrorCode.ASSET_LIMIT


async def test_what_libraries_print_is_no_answer(sandbox: Sandbox, tmp_path: Path) -> None:
    assert await sandbox.run(_request(tmp_path, "print_much")) == "true"


@pytest.mark.fault
async def test_cancel_ends_the_child_and_its_programs(sandbox: Sandbox, tmp_path: Path) -> None:
    cancel = asyncio.Event()
    error = await _fail(
        sandbox,
        _request(tmp_path, "hang"),
        limits=Limits(grace_s=0.1),
        cancel=cancel,
        on_progress=lambda *_: cancel.set(),
    )
    assert error.code is ErrorCode.CANCELLED
    await _gone(int((tmp_path / "program").read_text()))


@pytest.mark.fault
async def test_cancelled_task_ends_the_child(sandbox: Sandbox, tmp_path: Path) -> None:
    waiting = asyncio.Event()
    task = asyncio.create_task(
        sandbox.run(_request(tmp_path, "hang"), on_progress=lambda *_: waiting.set())
    )
    await asyncio.wait_for(waiting.wait(), 30)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    await _gone(int((tmp_path / "program").read_text()))


async def test_cancel_before_the_start_starts_nothing(sandbox: Sandbox, tmp_path: Path) -> None:
    cancel = asyncio.Event()
    cancel.set()
    error = await _fail(
        sandbox, _request(tmp_path, "hang"), cancel=cancel, limits=Limits(grace_s=0.1)
    )
    assert error.code is ErrorCode.CANCELLED


@linux
async def test_no_way_leads_out(sandbox: Sandbox, tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_text("s")
    work = tmp_path / "work"
    work.mkdir()
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        found = await sandbox.run(
            _request(
                work, "reach_out", port=port, read=str(secret), write=str(tmp_path / "planted")
            )
        )
    assert isinstance(found, dict)
    assert "open" not in found.values()
    assert found.keys() == {"network", "read", "write"}
    assert not (tmp_path / "planted").exists()


async def test_many_children_at_once(sandbox: Sandbox, tmp_path: Path) -> None:
    folders = [tmp_path / str(number) for number in range(6)]
    for folder in folders:
        folder.mkdir()
    results = await asyncio.gather(
        *(sandbox.run(_request(folder, "answer", n=n)) for n, folder in enumerate(folders))
    )
    assert [r["given"]["n"] for r in results if isinstance(r, dict)] == list(range(6))


@linux
@pytest.mark.fault
async def test_lost_fork_server_fails_its_children_and_comes_back(tmp_path: Path) -> None:
    async with Sandbox() as sandbox:
        waiting = asyncio.Event()
        task = asyncio.create_task(
            sandbox.run(_request(tmp_path, "hang"), on_progress=lambda *_: waiting.set())
        )
        await asyncio.wait_for(waiting.wait(), 30)
        pid = sandbox.server_pid
        assert pid is not None
        program = int((tmp_path / "program").read_text())
        os.kill(pid, signal.SIGKILL)
        with pytest.raises(AssetError) as caught:
            await task
        await _gone(program)
        assert (caught.value.code, caught.value.retry) == (ErrorCode.ASSET_CRASH, Retry.LATER)
        assert await sandbox.run(_request(tmp_path, "chatter", size=1)) == "x"
        assert sandbox.server_pid not in (None, pid)
        pid = sandbox.server_pid
    assert pid is not None
    await _gone(pid)


@linux
async def test_next_request_goes_to_the_spare(tmp_path: Path) -> None:
    async with Sandbox() as sandbox:
        for number in range(3):
            spare = await _spare_of(sandbox, tmp_path)
            answer = await sandbox.run(_request(tmp_path, "answer", n=number))
            assert isinstance(answer, dict)
            assert answer["pid"] == spare


@linux
async def test_codec_that_a_spare_lacks_is_loaded_for_another_child(tmp_path: Path) -> None:
    async with Sandbox() as sandbox:
        spare = await _spare_of(sandbox, tmp_path)
        request = msgspec.structs.replace(
            _request(tmp_path, "answer"), codec=codec_of(Path("a.stl"))
        )
        answer = await sandbox.run(request)
        await _gone(spare)
    assert isinstance(answer, dict)
    assert answer["pid"] != spare


@linux
@pytest.mark.fault
async def test_spare_that_was_killed_is_replaced(tmp_path: Path) -> None:
    async with Sandbox() as sandbox:
        spare = await _spare_of(sandbox, tmp_path)
        os.kill(spare, signal.SIGKILL)
        await _gone(spare)
        answer = await sandbox.run(_request(tmp_path, "answer"))
        assert isinstance(answer, dict)
        assert answer["pid"] != spare
        assert await _spare_of(sandbox, tmp_path) not in (spare, answer["pid"])


@linux
@pytest.mark.fault
@pytest.mark.parametrize("number", [signal.SIGKILL, None], ids=["killed", "closed"])
async def test_spare_ends_with_its_server(tmp_path: Path, number: int | None) -> None:
    async with Sandbox() as sandbox:
        spare = await _spare_of(sandbox, tmp_path)
        if number is not None:
            assert sandbox.server_pid is not None
            os.kill(sandbox.server_pid, number)
            await _gone(spare)
    await _gone(spare)


def test_target_outside_the_pipeline_is_refused(tmp_path: Path) -> None:
    for target in ("os:system", "slate_desktop.pipeline:x", "slate_desktop.bus.port:Bus", ""):
        with pytest.raises(CommandError) as caught:
            ChildRequest(target=target, work_dir=str(tmp_path))
        assert caught.value.code is ErrorCode.INTERNAL


async def test_one_call_needs_no_sandbox(tmp_path: Path) -> None:
    assert await run_in_child(_request(tmp_path, "chatter", size=2)) == "xx"


async def _gone(pid: int) -> None:
    deadline = time.monotonic() + 30
    while psutil.pid_exists(pid) and psutil.Process(pid).status() != psutil.STATUS_ZOMBIE:
        assert time.monotonic() < deadline, f"{pid} still runs"
        await asyncio.sleep(0.02)


def _names(folder: Path) -> list[str]:
    return [path.name for path in folder.iterdir()]
