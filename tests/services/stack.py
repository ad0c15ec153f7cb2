"""The embedded stack in a directory of the test's own."""

from __future__ import annotations

import asyncio
import os
import shutil
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from slate_desktop.errors import SlateError, StackError
from slate_desktop.settings import files
from slate_desktop.stack import client, nats_server, process
from slate_desktop.stack.client import StackInfo
from slate_desktop.stack.state import StackFiles
from tests.services.ports import free_port


class OwnStack:
    """Starts and ends the stack of one data directory."""

    def __init__(self, data_dir: Path) -> None:
        self.data_dir = data_dir
        self.files = StackFiles(data_dir)

    async def up(self, **options: object) -> StackInfo:
        """``client.ensure_up``, without an agent unless the test asks for one."""
        options.setdefault("agent", False)
        return await client.ensure_up(**options)  # type: ignore[arg-type]

    def name_port(self) -> None:
        """Have the broker's port be one that nobody is given while it is down."""
        files.ensure_private_dir(self.data_dir)
        place = files.ensure_private_dir(self.files.nats) / "port"
        files.write_private(place, str(free_port()).encode())

    async def kill_supervisor(self) -> process.Identity:
        """Kill it as a crash would, and return what it was."""
        state = self.files.read_endpoint()
        assert state is not None
        os.kill(state.supervisor.pid, 9)
        assert await state.supervisor.wait_gone(30)
        return state.supervisor

    def agent_command(self, mode: str = "stay") -> tuple[str, ...]:
        """A program that registers as the agent does; ``agent_starts`` tells what it was given."""
        script = Path(__file__).with_name("fake_agent.py")
        return (sys.executable, "-P", str(script), str(self.data_dir / "fake-agent"), mode)

    def agent_starts(self) -> list[str]:
        note = self.data_dir / "fake-agent"
        return note.read_text().splitlines() if note.exists() else []

    def children(self) -> dict[str, process.Identity]:
        return dict(self.files.read_children().processes)

    async def clean(self) -> None:
        try:
            await client.down(timeout_s=60)
        finally:
            self.remove_root_cluster()

    def remove_root_cluster(self) -> None:
        """Remove what root's cluster keeps outside of the data directory."""
        if os.name == "nt" or os.geteuid() != 0 or not self.files.postgres.is_dir():
            return
        from slate_desktop.stack.postgres_home import ROOT_BASE, find_home

        try:
            root = find_home(self.files.postgres).root
        except SlateError:
            return
        if root.is_relative_to(ROOT_BASE):
            shutil.rmtree(root, ignore_errors=True)


def require_stack() -> None:
    from tests.conftest import require_service

    try:
        nats_server.find_binary()
    except StackError as exc:
        require_service("stack", str(exc))


@pytest.fixture
async def own_stack(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[OwnStack]:
    """A data directory with a space in its name; nothing runs in it yet."""
    require_stack()
    data_dir = tmp_path / "data dir"
    monkeypatch.setenv("SLATE_DATA_DIR", str(data_dir))
    stack = OwnStack(data_dir)
    yield stack
    await asyncio.shield(stack.clean())
