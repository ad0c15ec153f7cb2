"""Blocking work of a build ends with the build, and never outlives it."""

from __future__ import annotations

import asyncio
import threading
from pathlib import Path

import pytest

from slate_desktop.agent.builds.threads import in_thread
from slate_desktop.agent.builds.workspace import MANIFEST, Workspace
from slate_desktop.errors import CommandError, ErrorCode


async def test_a_result_and_an_error_come_back() -> None:
    def fail(stop: threading.Event) -> int:
        raise CommandError(ErrorCode.DISK_LOW, "full")

    assert await in_thread(lambda stop: 7, asyncio.Event()) == 7
    with pytest.raises(CommandError, match="full"):
        await in_thread(fail, asyncio.Event())


async def test_the_users_wish_stops_the_work() -> None:
    cancel = asyncio.Event()
    cancel.set()
    assert await in_thread(lambda stop: stop.wait(60), cancel)


async def test_a_cancelled_caller_waits_for_its_thread() -> None:
    begun, ended = threading.Event(), threading.Event()

    def work(stop: threading.Event) -> None:
        begun.set()
        stop.wait(60)
        ended.set()
        raise CommandError(ErrorCode.CANCELLED, "ended")

    task = asyncio.create_task(in_thread(work, asyncio.Event()))
    await asyncio.to_thread(begun.wait, 60)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert ended.is_set()


def test_a_copy_that_is_stopped_leaves_no_manifest(tmp_path: Path) -> None:
    project = tmp_path / "project"
    project.mkdir()
    (project / "a").write_text("a")
    workspace = Workspace(tmp_path / "work")
    stop = threading.Event()
    stop.set()
    with pytest.raises(CommandError) as info:
        workspace.prepare(project, is_clean=False, caches=(), stop=stop)
    assert info.value.code is ErrorCode.CANCELLED
    assert not (workspace.base / MANIFEST).exists()
    stop.clear()
    state = workspace.prepare(project, is_clean=False, caches=(), stop=stop)
    assert (state.files, state.copied) == (1, 1)
