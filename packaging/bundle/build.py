"""Builds the installed program: one directory with everything in it but the system's own libraries.

    python packaging/bundle/build.py [--output build/bundle]

Fails when a part is under the GPL, or when a library of the build system is carried along whose
licence ``libraries.toml`` does not name. Writes the licences of all parts and a bill of materials
into the directory, and prints what was built as one JSON object.
"""

from __future__ import annotations

import argparse
import importlib.metadata
import json
import os
import re
import subprocess
import sys
import time
import tomllib
from collections.abc import Iterator
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE))

import shipped  # noqa: E402

MAX_SIZE_BYTES = 500 * 1024 * 1024
NAME = "slate-desktop"


def main() -> int:
    """Build, check and describe the directory."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--output", type=Path, default=HERE.parents[1] / "build" / "bundle")
    output: Path = parser.parse_args().output.resolve()
    parts = [shipped.read(name) for name in shipped.closure()]
    found = list(shipped.problems(parts))
    if not found:
        run_pyinstaller(output)
        found = list(unnamed_libraries(output / NAME / "_internal", wheel_libraries(parts)))
    for text in found:
        print(f"licence: {text}", file=sys.stderr)
    if found:
        return 1
    bundle = output / NAME
    (bundle / "THIRD-PARTY-LICENCES.txt").write_text(shipped.notices(parts), encoding="utf-8")
    bill = json.dumps(shipped.sbom(parts), indent=2) + "\n"
    (bundle / "sbom.cdx.json").write_text(bill, encoding="utf-8")
    size = sum(f.lstat().st_size for f in bundle.rglob("*") if f.is_file() and not f.is_symlink())
    print(json.dumps({"path": str(bundle), "size": size, "parts": len(parts)}))
    if size > MAX_SIZE_BYTES:
        print(f"the bundle has {size:,} bytes, more than {MAX_SIZE_BYTES:,}", file=sys.stderr)
        return 1
    return 0


def run_pyinstaller(output: Path) -> None:
    """Run PyInstaller; the same sources give the same bytes."""
    command = [sys.executable, "-m", "PyInstaller", "--noconfirm", "--log-level=WARN"]
    command += [f"--distpath={output}", f"--workpath={output}/work", str(HERE / "slate.spec")]
    # Source: https://pyinstaller.org/en/stable/advanced-topics.html#creating-a-reproducible-build
    env = {"SOURCE_DATE_EPOCH": source_date(), "PYTHONHASHSEED": "1", **os.environ}
    subprocess.run(command, check=True, env=env)


def source_date() -> str:
    """Return the time of the last commit, in seconds, or of now outside of a checkout."""
    git = ["git", "-C", str(HERE), "log", "-1", "--format=%ct"]
    found = subprocess.run(git, capture_output=True, text=True, check=False).stdout.strip()
    return found or str(int(time.time()))


def wheel_libraries(parts: list[shipped.Shipped]) -> set[str]:
    """Return the names of the libraries that wheels bring, which their own licences cover."""
    names: set[str] = set()
    for part in parts:
        for file in importlib.metadata.distribution(part.name).files or []:
            if ".so" in file.name or file.suffix in (".dll", ".dylib", ".pyd"):
                names.add(file.name)
    return names


def unnamed_libraries(directory: Path, known: set[str]) -> Iterator[str]:
    """Say which libraries came from this system without a licence in ``libraries.toml``."""
    table = tomllib.loads((HERE / "libraries.toml").read_text(encoding="utf-8"))["licences"]
    for file in sorted(directory.rglob("*.so*")):
        is_extension = re.search(r"\.(cpython|abi3|pypy)", file.name) is not None
        if file.name in known or is_extension or "lib-dynload" in file.parts:
            continue
        if file.name.startswith(("libQt6", "libpyside6", "libshiboken6")):
            continue
        if not any(file.name.startswith(start) for start in table):
            yield f"{file.relative_to(directory)} is carried along, and its licence is not known"


if __name__ == "__main__":
    sys.exit(main())
