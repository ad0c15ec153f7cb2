"""What the installed program is made of: names of one program, stripped libraries, no strangers."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
BUNDLE = ROOT / "packaging" / "bundle"


@pytest.fixture(autouse=True)
def importable(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.syspath_prepend(str(BUNDLE))
    before = set(sys.modules)
    yield
    for name in {"bundle_main", "python_main", "slim", "shipped", "without_opengl"} - before:
        sys.modules.pop(name, None)


@pytest.mark.parametrize(
    ("called", "part"),
    [
        ("slate", "command"),
        ("/usr/bin/slate", "command"),
        ("C:\\Program Files\\SLATE\\slate.exe", "command"),
        ("/opt/slate/slate-python", "python"),
        ("slate-desktop", "window"),
        ("./SLATE-Desktop.exe", "window"),
        ("renamed", "window"),
    ],
)
def test_the_program_does_what_its_name_says(
    called: str, part: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    import bundle_main
    import python_main

    from slate_desktop import __main__

    seen: list[str] = []
    monkeypatch.setattr(__main__, "main", lambda: seen.append("command") or 0)
    monkeypatch.setattr(__main__, "main_desktop", lambda: seen.append("window"))
    monkeypatch.setattr(python_main, "main", lambda: seen.append("python"))
    monkeypatch.setattr(sys, "argv", [called])
    before = list(sys.meta_path)
    assert bundle_main.main() == 0
    sys.meta_path[:] = before
    assert seen == [part]


def test_parts_are_started_by_the_name_that_a_bundle_has() -> None:
    """In a bundle ``sys.executable`` is the window."""
    allowed = {
        "settings/paths.py": "knows the name",
        "pipeline/sandbox/landlock.py": "lets the file be read",
        "stack/nats_server.py": "looks beside it",
        "diagnosis/machine.py": "names it",
    }
    package = ROOT / "slate_desktop"
    users = {
        file.relative_to(package).as_posix()
        for file in package.rglob("*.py")
        if re.search(r"\bsys\.executable\b", file.read_text(encoding="utf-8"))
    }
    assert users == set(allowed)


def test_tools_of_developers_stay_out() -> None:
    import shipped

    strangers = shipped.strangers()
    assert "_pytest" in strangers
    assert not {"slate_desktop", "msgspec", "asyncpg", "typer"} & set(strangers)


@pytest.mark.skipif(
    sys.platform != "linux" or shutil.which("strip") is None, reason="needs Linux and binutils"
)
def test_libraries_lose_their_symbols_and_still_load(tmp_path: Path) -> None:
    import asyncpg.protocol.protocol as large
    import slim

    assert large.__file__ is not None
    copy = tmp_path / Path(large.__file__).name
    shutil.copy2(large.__file__, copy)
    (tmp_path / "link.so").symlink_to(copy.name)
    (tmp_path / "notes.so.txt").write_text("no library")
    assert list(slim.binaries(tmp_path)) == [copy]
    before = copy.stat().st_size
    saved = slim.slim(tmp_path)
    assert copy.stat().st_size == before - saved
    assert slim._loads(copy)
    assert slim.slim(tmp_path) == 0


def test_graphs_are_made_without_opengl() -> None:
    pytest.importorskip("PySide6", reason="Qt is not installed")
    code = (
        "import sys\n"
        "import importlib.machinery as m\n"
        "real = m.PathFinder.find_spec\n"
        "hide = lambda n, *a, **k: None if '.QtOpenGL' in n else real(n, *a, **k)\n"
        "m.PathFinder.find_spec = hide\n"
        f"sys.path.insert(0, {str(BUNDLE)!r})\n"
        "import without_opengl; without_opengl.install(); without_opengl.install()\n"
        "import pyqtgraph\n"
        "from PySide6.QtWidgets import QApplication; app = QApplication([])\n"
        "plot = pyqtgraph.PlotWidget(); plot.plot([1, 2, 3]); plot.grab()\n"
        "print(sys.modules['PySide6.QtOpenGL'].QOpenGLBuffer.__doc__)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, "QT_QPA_PLATFORM": "offscreen"},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert done.stdout.strip() == "Not carried along.", done.stderr
