"""The command ``slate`` as scripts use it: a process per command, one stack per module."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from tests.e2e.commands import LOOP, Cli, Result
from tests.e2e.studio import annas, studio
from tests.services.stack import OwnStack, require_stack


@pytest.fixture(scope="module")
def stack_env() -> dict[str, str]:
    """Variables for every command and the stack; a module may override it."""
    return {}


@pytest.fixture(scope="module")
def slate(tmp_path_factory: pytest.TempPathFactory, stack_env: dict[str, str]) -> Iterator[Cli]:
    """A running stack with an agent."""
    require_stack()
    data_dir = tmp_path_factory.mktemp("slate") / "data"
    cli = Cli(data_dir, dict(stack_env))
    try:
        cli("stack", "up", "--json", timeout_s=120, code=0)
        yield cli
    finally:
        for session in cli("session", "list", "--active", "--json").json["sessions"]:
            cli("session", "stop", session["id"], "--wait")
        cli("stack", "down", timeout_s=90)
        OwnStack(data_dir).remove_root_cluster()


@pytest.fixture(scope="module")
def looping(slate: Cli, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """A project whose command prints for ever."""
    root = tmp_path_factory.mktemp("looping")
    (root / "loop.py").write_text(LOOP)
    return slate.json(
        "project", "add", str(root), "--name", "looping", "--command", "{python} {root}/loop.py"
    )


__all__ = ["LOOP", "Cli", "Result", "annas", "studio"]
