"""The command ``slate`` as scripts use it: a process per command."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

LOOP = """
import sys, time
number = 0
while True:
    number += 1
    print("line", number, flush=True)
    if number % 5 == 0:
        print("ERROR trouble", number, file=sys.stderr, flush=True)
    time.sleep(0.05)
"""


@dataclass
class Result:
    """What one command did."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> dict[str, Any]:
        lines = self.out.splitlines()
        assert len(lines) == 1, f"not one line: {self.out!r} {self.err!r}"
        return json.loads(lines[0])

    @property
    def lines(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.out.splitlines()]


@dataclass
class Cli:
    """Runs commands on one data directory."""

    data_dir: Path
    env: dict[str, str] = field(default_factory=dict)

    def __call__(self, *arguments: str, timeout_s: float = 110, code: int | None = None) -> Result:
        done = subprocess.run(
            self.command(arguments),
            capture_output=True,
            text=True,
            timeout=timeout_s,
            env=self.environment(),
            check=False,
        )
        result = Result(done.returncode, done.stdout, done.stderr)
        assert code is None or result.code == code, result
        return result

    def json(self, *arguments: str, timeout_s: float = 110) -> dict[str, Any]:
        """Run a command that succeeds with ``--json`` and return its object."""
        at = arguments.index("--") if "--" in arguments else len(arguments)
        spread = (*arguments[:at], "--json", *arguments[at:])
        return self(*spread, timeout_s=timeout_s, code=0).json

    def command(self, arguments: Sequence[str]) -> list[str]:
        return [sys.executable, "-m", "slate_desktop", *arguments]

    def environment(self) -> dict[str, str]:
        env = {name: value for name, value in os.environ.items() if not name.startswith("SLATE_")}
        return {
            **env,
            "SLATE_DATA_DIR": str(self.data_dir),
            "SLATE_CONFIG_DIR": str(self.data_dir / "config"),
            **self.env,
        }
