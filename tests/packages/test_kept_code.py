"""Bytecode of PySide's helpers is made once, and anew for other sources and other Pythons."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from slate_desktop.ui import kept_code
from slate_desktop.ui.kept_code import KeptCode

_COUNT = """
import builtins
original, made = builtins.compile, []
def count(source, filename, *rest, **options):
    made.append(filename)
    return original(source, filename, *rest, **options)
builtins.compile = count
from slate_desktop.ui import plain_imports
builtins.compile = original
print(len([name for name in made if str(name).startswith(("shibokensupport", "signature_boot"))]))
plain_imports.kept_code.save()
from PySide6.QtCore import QObject
try:
    QObject(1)
except TypeError as error:
    print(error)
"""


def _start(cache: Path) -> tuple[int, str]:
    done = subprocess.run(
        [sys.executable, "-c", _COUNT],
        env={**os.environ, "SLATE_CACHE_DIR": str(cache), "QT_QPA_PLATFORM": "offscreen"},
        check=True,
        capture_output=True,
        text=True,
        timeout=60,
    )
    count, words = done.stdout.split("\n", 1)
    return int(count), words


def test_the_second_start_compiles_nothing_of_pyside(tmp_path: Path) -> None:
    made, words = _start(tmp_path)
    assert made > 5
    again, words_again = _start(tmp_path)
    assert again == 0
    assert words_again == words != ""
    (file,) = (tmp_path / "bytecode").iterdir()
    file.write_bytes(b"no code")
    assert _start(tmp_path) == (made, words)


def _value(kept: KeptCode, source: str) -> tuple[int, bool]:
    is_made = False

    def make() -> object:
        nonlocal is_made
        is_made = True
        return compile(source, "name", "exec")

    space: dict[str, int] = {}
    exec(kept.code("name", source, make), space)  # type: ignore[arg-type]
    return space["x"], is_made


def test_another_source_and_another_python_have_other_code(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "kept" / "code"
    kept = KeptCode(path)
    assert _value(kept, "x = 1") == (1, True)
    assert _value(kept, "x = 1") == (1, False)
    kept.save()
    assert _value(KeptCode(path), "x = 1") == (1, False)
    assert _value(KeptCode(path), "x = 2") == (2, True)
    monkeypatch.setattr(kept_code.sys, "version", "another one")
    assert _value(KeptCode(path), "x = 1") == (1, True)


def test_code_that_others_may_write_is_not_used(tmp_path: Path) -> None:
    path = tmp_path / "kept" / "code"
    kept = KeptCode(path)
    _value(kept, "x = 1")
    kept.save()
    path.chmod(0o666)
    assert _value(KeptCode(path), "x = 1") == (1, True)


def test_a_disk_that_takes_nothing_is_no_failure(tmp_path: Path) -> None:
    (tmp_path / "kept").write_text("a file where the folder should be")
    kept = KeptCode(tmp_path / "kept" / "code")
    assert _value(kept, "x = 1") == (1, True)
    kept.save()
    assert _value(KeptCode(tmp_path / "kept" / "code"), "x = 1") == (1, True)
