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
import tomllib
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent)]

import shipped  # noqa: E402
import slim  # noqa: E402
import version  # noqa: E402

MAX_SIZE_BYTES = 500_000_000
NAME = "slate-desktop"
# Further names of the one program, see bundle_main.py.
NAMES = ("slate", "slate-python")
_QT = ("libQt6", "Qt6", "libpyside6", "pyside6", "libshiboken6", "shiboken6")


def main() -> int:
    """Build, check and describe the directory."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--output", type=Path, default=HERE.parents[1] / "build" / "bundle")
    output: Path = parser.parse_args().output.resolve()
    parts = [shipped.read(name) for name in shipped.closure()]
    found = list(shipped.problems(parts))
    carried: dict[str, str] = {}
    if not found:
        run_pyinstaller(output)
        for programs in program_folders(output):
            link_names(programs)
        print(f"without symbols: {slim.slim(output / NAME):,} bytes less", file=sys.stderr)
        for internal in library_folders(output):
            settle_metadata(internal)
        check_imports(output / NAME)
        check_start(output / NAME)
        carried, found = system_libraries(output / NAME / "_internal", wheel_libraries(parts))
    for text in found:
        print(f"licence: {text}", file=sys.stderr)
    if found:
        return 1
    bundle = output / NAME
    bill = json.dumps(shipped.sbom(parts, carried, str(version.read())), indent=2) + "\n"
    for folder in (bundle, output / "SLATE.app" / "Contents" / "Resources"):
        if folder.is_dir():
            text = shipped.notices(parts, carried)
            (folder / "THIRD-PARTY-LICENCES.txt").write_text(text, encoding="utf-8")
            (folder / "sbom.cdx.json").write_text(bill, encoding="utf-8")
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
    env = {"SOURCE_DATE_EPOCH": str(version.source_date()), "PYTHONHASHSEED": "1", **os.environ}
    subprocess.run(command, check=True, env=env)


def program_folders(output: Path) -> list[Path]:
    """Return where the programs lie: in the bundle, and in the app that macOS makes of it."""
    app = output / "SLATE.app" / "Contents" / "MacOS"
    return [output / NAME, *([app] if app.is_dir() else [])]


def library_folders(output: Path) -> list[Path]:
    """Return where the libraries and the metadata of distributions lie."""
    contents = output / "SLATE.app" / "Contents"
    inside = [contents / name for name in ("Frameworks", "Resources")]
    return [output / NAME / "_internal", *[folder for folder in inside if folder.is_dir()]]


def link_names(bundle: Path) -> None:
    """Give the program its other names; on Windows the recipe makes programs of their own."""
    if sys.platform == "win32":
        return
    for name in NAMES:
        (bundle / name).symlink_to(NAME)


def check_imports(bundle: Path) -> None:
    """Import every module of SLATE by the program that was built, and what they name late."""
    code = (
        "import importlib, pkgutil, slate_desktop as s\n"
        "import slate_desktop.ui.plain_imports, pyqtgraph, keyring, docker, wasmtime\n"
        "[importlib.import_module(m.name)"
        " for m in pkgutil.walk_packages(s.__path__, 'slate_desktop.')"
        " if not m.name.endswith('__main__')]\n"
        "import archspec.cpu; archspec.cpu.host()\n"
        "if importlib.util.find_spec('f3d'): import f3d"
    )
    program = bundle / ("slate-python.exe" if sys.platform == "win32" else "slate-python")
    env = {**os.environ, "QT_QPA_PLATFORM": "offscreen"}
    subprocess.run([str(program), "-c", code], check=True, env=env, timeout=300)


def check_start(bundle: Path) -> None:
    """See that a process that shows nothing, such as an agent, has nothing of Qt in it."""
    if sys.platform != "linux":
        return
    code = "import sys; sys.exit('Qt is there' if 'shiboken6' in sys.modules else 0)"
    subprocess.run([str(bundle / "slate-python"), "-c", code], check=True, timeout=60)


def settle_metadata(internal: Path) -> None:
    """Keep of the distributions' metadata what says nothing of the machine they were installed on.

    ``RECORD`` stays, as the licences are found by it: it names what is here. The sums go, since
    those of scripts are of texts that name a place.
    """
    for folder in internal.glob("*.dist-info"):
        for name in ("direct_url.json", "INSTALLER", "REQUESTED", "RECORD"):
            (folder / name).unlink(missing_ok=True)
        kept = sorted(
            file.relative_to(internal).as_posix() for file in folder.rglob("*") if file.is_file()
        )
        lines = "".join(f"{name},,\n" for name in kept)
        (folder / "RECORD").write_text(lines, encoding="utf-8")


def wheel_libraries(parts: list[shipped.Shipped]) -> set[str]:
    """Return the names of the libraries that wheels bring, which their own licences cover."""
    names: set[str] = set()
    for part in parts:
        for file in importlib.metadata.distribution(part.name).files or []:
            if ".so" in file.name or file.suffix in (".dll", ".dylib", ".pyd"):
                names.add(file.name)
    return names


def system_libraries(directory: Path, known: set[str]) -> tuple[dict[str, str], list[str]]:
    """Return the libraries that came from this system with their licences, and what is wrong.

    The licences are those of ``libraries.toml``; a library that it does not name is a fault.
    """
    carried: dict[str, str] = {}
    faults: list[str] = []
    table = tomllib.loads((HERE / "libraries.toml").read_text(encoding="utf-8"))["licences"]
    patterns = {"win32": ["*.dll"], "darwin": ["*.dylib"]}.get(sys.platform, ["*.so*"])
    for file in sorted(file for pattern in patterns for file in directory.rglob(pattern)):
        is_extension = re.search(r"\.(cpython|abi3|pypy)", file.name) is not None
        if file.name in known or is_extension or "lib-dynload" in file.parts:
            continue
        if file.name.startswith(_QT):
            continue
        starts = [start for start in table if file.name.startswith(start)]
        if starts:
            carried[file.name] = table[max(starts, key=len)]
        else:
            faults.append(
                f"{file.relative_to(directory)} is carried along, and its licence is not known"
            )
    return carried, faults


if __name__ == "__main__":
    sys.exit(main())
