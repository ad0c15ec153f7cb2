"""Tasks that misbehave on purpose, so that it can be seen whether the sandbox holds on a machine.

Each does what a codec that was taken over, or that is merely broken, would do.
"""

from __future__ import annotations

import ctypes
import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from slate_desktop.errors import AssetError
from slate_desktop.pipeline.run import Progress
from slate_desktop.settings.paths import python_program

_CHUNK_BYTES = 16 * 1024 * 1024


def answer(arguments: dict[str, Any], work_dir: Path, progress: Progress) -> object:
    """Behave: report progress, leave a file, and return what was given and the surroundings."""
    for step in range(int(arguments.get("steps", 0))):
        progress(step / int(arguments["steps"]), f"step {step}")
    (work_dir / "made").write_text("made", encoding="utf-8")
    return {
        "given": arguments,
        "folder": str(Path.cwd()),
        "environment": sorted(os.environ),
        "modules": sorted(name for name in sys.modules if "." not in name),
        "pid": os.getpid(),
    }


def refuse(arguments: dict[str, Any], work_dir: Path, progress: Progress) -> object:  # noqa: ARG001
    """Refuse the file, as a pipeline does."""
    raise AssetError.invalid(str(arguments["message"]), where="header")


def stumble(arguments: dict[str, Any], work_dir: Path, progress: Progress) -> object:  # noqa: ARG001
    """Raise what no pipeline should."""
    raise KeyError("chunk")


def allocate(arguments: dict[str, Any], work_dir: Path, progress: Progress) -> object:  # noqa: ARG001
    """Take memory without end."""
    held: list[bytes] = []
    while True:
        held.append(b"\1" * _CHUNK_BYTES)


def spin(arguments: dict[str, Any], work_dir: Path, progress: Progress) -> object:  # noqa: ARG001
    """Use the processor without end."""
    while True:
        pass


def flood(arguments: dict[str, Any], work_dir: Path, progress: Progress) -> object:  # noqa: ARG001
    """Write a file without end."""
    with (work_dir / "flood").open("wb", buffering=0) as file:
        while True:
            file.write(bytes(_CHUNK_BYTES))


def crash(arguments: dict[str, Any], work_dir: Path, progress: Progress) -> object:  # noqa: ARG001
    """Read from address 0."""
    return ctypes.string_at(0)


def end(arguments: dict[str, Any], work_dir: Path, progress: Progress) -> object:  # noqa: ARG001
    """Leave without a word."""
    os._exit(int(arguments["status"]))


def be_killed(arguments: dict[str, Any], work_dir: Path, progress: Progress) -> object:  # noqa: ARG001
    """Be ended as the kernel ends who uses too much memory."""
    os.kill(os.getpid(), signal.SIGKILL)
    return None


def hang(arguments: dict[str, Any], work_dir: Path, progress: Progress) -> object:
    """Wait for ever, deaf to being asked, beside a program of its own that does the same."""
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    argv = [python_program(), "-I", "-S", "-c", "import time; time.sleep(3600)"]
    program = subprocess.Popen(argv)  # noqa: S603 - our own interpreter
    (work_dir / "program").write_text(str(program.pid), encoding="ascii")
    progress(0.5, "waiting")
    time.sleep(float(arguments.get("seconds", 3600)))
    return None


def chatter(arguments: dict[str, Any], work_dir: Path, progress: Progress) -> object:  # noqa: ARG001
    """Answer more than is read."""
    return "x" * int(arguments["size"])


def print_much(arguments: dict[str, Any], work_dir: Path, progress: Progress) -> object:  # noqa: ARG001
    """Print, as libraries do, to where the answers once went."""
    for number in (1, 2):
        os.write(number, b'{"result": "forged"}\n' * 1000)
    return "true"


def reach_out(arguments: dict[str, Any], work_dir: Path, progress: Progress) -> object:  # noqa: ARG001
    """Tell which ways out are open: an address, a file to read, a file to write."""
    found: dict[str, str] = {}
    try:
        with socket.create_connection(("127.0.0.1", int(arguments["port"])), timeout=2):
            found["network"] = "open"
    except OSError as exc:
        found["network"] = type(exc).__name__
    for name, mode in (("read", "rb"), ("write", "wb")):
        try:
            with Path(arguments[name]).open(mode):
                found[name] = "open"
        except OSError as exc:
            found[name] = type(exc).__name__
    return found
