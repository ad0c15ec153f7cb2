"""The real programs in directories of the benchmark's own."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from slate_desktop.ui.startup import MARK_ENV
from tests.services.stack import OwnStack

_TIMEOUT_S = 60.0


@contextlib.contextmanager
def own_stack() -> Iterator[dict[str, str]]:
    """Start the embedded stack with an agent; gives the environment of its programs."""
    with tempfile.TemporaryDirectory(prefix="slate-bench-") as directory:
        place = Path(directory)
        environment = {k: v for k, v in os.environ.items() if not k.startswith("SLATE_")}
        # Bytecode is kept, as it is wherever a program was started before.
        environment.pop("PYTHONDONTWRITEBYTECODE", None)
        environment["PYTHONPYCACHEPREFIX"] = str(place / "bytecode")
        for name in ("DATA", "CONFIG", "CACHE"):
            environment[f"SLATE_{name}_DIR"] = str(place / name.lower())
        try:
            _slate(environment, "stack", "up")
            yield environment
        finally:
            _slate(environment, "stack", "down")
            OwnStack(place / "data").remove_root_cluster()


def slate_json(environment: dict[str, str], *arguments: str) -> str:
    """Run a command of ``slate`` and return its JSON."""
    return _slate(environment, *arguments, "--json")


@contextlib.contextmanager
def window(environment: dict[str, str]) -> Iterator[tuple[subprocess.Popen[bytes], Marks]]:
    """Start ``slate-desktop``; gives the process and its marks, and closes it at the end."""
    marks = Marks(Path(environment["SLATE_DATA_DIR"]).parent / f"marks-{time.monotonic_ns()}")
    program = Path(sys.executable).with_name("slate-desktop")
    marks.begin()
    with subprocess.Popen(
        [str(program)],
        env={**environment, MARK_ENV: str(marks.path)},
        stderr=subprocess.DEVNULL,
    ) as process:
        try:
            yield process, marks
        finally:
            process.send_signal(signal.SIGTERM)
            process.wait(15)


class Marks:
    """What a program notes in the file of ``SLATE_STARTUP_MARK``."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._begun_ns = 0

    def begin(self) -> None:
        """Now the process is started."""
        self._begun_ns = time.monotonic_ns()

    def wait_ms(self, moment: str) -> tuple[float, float]:
        """Wait for a moment; returns the time since the process' start and its processor time."""
        deadline = time.monotonic() + _TIMEOUT_S
        while time.monotonic() < deadline:
            for line in self.path.read_text().splitlines() if self.path.exists() else []:
                name, *stamps = line.split(" ")
                if name == moment and len(stamps) == 2:
                    return (int(stamps[0]) - self._begun_ns) / 1e6, int(stamps[1]) / 1e6
            time.sleep(0.02)
        raise TimeoutError(f"the program was not {moment} within {_TIMEOUT_S:.0f} s")


def _slate(environment: dict[str, str], *arguments: str) -> str:
    return subprocess.run(
        [sys.executable, "-m", "slate_desktop", *arguments],
        env=environment,
        check=True,
        capture_output=True,
        text=True,
        timeout=180,
    ).stdout
