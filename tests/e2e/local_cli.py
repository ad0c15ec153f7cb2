"""``slate asset`` in this process, in a folder with a cache of its own."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from slate_desktop.cli.app import main


class Answer(NamedTuple):
    """What a command printed, and its exit status."""

    returncode: int
    stdout: str
    stderr: str


class Cli:
    """Runs ``slate asset`` in a folder with a cache of its own, in this process."""

    def __init__(self, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
        self.folder = folder
        self._capsys = capsys

    def run(self, *arguments: str) -> Answer:
        status = main(["asset", *arguments])
        printed = self._capsys.readouterr()
        return Answer(status, printed.out, printed.err)

    def json(self, *arguments: str, status: int = 0) -> dict[str, Any]:
        answer = self.run(*arguments, "--json")
        assert answer.returncode == status, answer.stderr
        return json.loads(answer.stdout)


@pytest.fixture
def cli(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Cli:
    for name in ("CACHE", "DATA", "CONFIG"):
        monkeypatch.setenv(f"SLATE_{name}_DIR", str(tmp_path / f".{name.lower()}"))
    monkeypatch.chdir(tmp_path)
    return Cli(tmp_path, capsys)
