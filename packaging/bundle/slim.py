"""Takes out of a bundle's libraries what only a debugger reads.

Wheels are built with it as often as not: half of the size of some. A library that no longer loads
afterwards (some were patched in ways that strip does not understand) is put back as it was.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

# Below it, a section table is not worth the try.
_MIN_SAVED_BYTES = 16 * 1024
_ELF = b"\x7fELF"
# Loads what it is given, with all symbols looked up; Python's own are those of this interpreter.
_LOAD = "import ctypes, sys; ctypes.CDLL(sys.argv[1], mode=sys.getdlopenflags())"


def slim(directory: Path) -> int:
    """Strip every library and program below a directory; returns the bytes that were saved."""
    program = shutil.which("strip")
    if program is None or sys.platform != "linux":
        return 0
    files = sorted(binaries(directory))
    with tempfile.TemporaryDirectory() as folder:
        with ThreadPoolExecutor() as pool:
            made = list(
                pool.map(
                    lambda n: _stripped(program, files[n], Path(folder, str(n))), range(len(files))
                )
            )
        # One after the other: a library is tried beside those that it needs, as they are then.
        worth = [(file, new) for file, new in zip(files, made, strict=True) if new is not None]
        return sum(_exchange(file, new) for file, new in worth)


def binaries(directory: Path) -> Iterator[Path]:
    """Yield the shared libraries and programs below a directory, each once."""
    for file in directory.rglob("*"):
        is_named = ".so" in file.name or not file.suffix
        if is_named and file.is_file() and not file.is_symlink():
            with file.open("rb") as opened:
                if opened.read(4) == _ELF:
                    yield file


def _stripped(program: str, file: Path, target: Path) -> Path | None:
    """Make a copy without symbols; None where it is not much smaller, or does not load as it is."""
    command = [program, "--strip-unneeded", "-o", str(target), str(file)]
    done = subprocess.run(command, check=False, capture_output=True)
    if done.returncode != 0 or file.stat().st_size - target.stat().st_size < _MIN_SAVED_BYTES:
        return None
    return target if _loads(file) else None


def _exchange(file: Path, stripped: Path) -> int:
    before = file.stat().st_size
    kept = stripped.with_suffix(".kept")
    shutil.copy2(file, kept)
    shutil.copyfile(stripped, file)
    if not _loads(file):
        shutil.copy2(kept, file)
        print(f"{file.name} does not load without its symbols; kept as it was", file=sys.stderr)
    return before - file.stat().st_size


def _loads(file: Path) -> bool:
    """Whether a library loads, or a program tells its version, where it lies."""
    command = [sys.executable, "-c", _LOAD, str(file)]
    if ".so" not in file.name:
        command = [str(file), "--version"]
    done = subprocess.run(command, check=False, capture_output=True, timeout=60)
    return done.returncode == 0
