"""Kept bytecode of PySide's helpers is run only where it is ours, whole and of their text."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from slate_desktop.ui.helper_code import HelperCode

TEXT = b"answer = 6 * 7"


def keep(path: Path) -> None:
    code = HelperCode(path)
    code.add("helper.py", TEXT, compile(TEXT, "helper.py", "exec"))
    code.save()


def run(path: Path, name: str = "helper.py", text: bytes = TEXT) -> object:
    code = HelperCode(path).get(name, text)
    if code is None:
        return None
    found: dict[str, object] = {}
    exec(code, found)
    return found["answer"]


def test_code_is_kept(tmp_path: Path) -> None:
    path = tmp_path / "code" / "pyside.bin"
    assert run(path) is None
    keep(path)
    assert run(path) == 42
    if os.name == "posix":
        assert path.stat().st_mode & 0o777 == 0o600


def test_another_helper_or_text_has_none(tmp_path: Path) -> None:
    path = tmp_path / "code" / "pyside.bin"
    keep(path)
    assert run(path, name="other.py") is None
    assert run(path, text=TEXT + b"\n") is None


@pytest.mark.parametrize("place", [0, 5, 20, 60, -1])
def test_a_file_that_is_not_as_it_was_written_counts_as_none(tmp_path: Path, place: int) -> None:
    path = tmp_path / "code" / "pyside.bin"
    keep(path)
    data = bytearray(path.read_bytes())
    data[place] ^= 0x40
    path.write_bytes(data)
    assert run(path) is None


@pytest.mark.parametrize("length", [0, 3, 30, 80])
def test_half_a_file_counts_as_none(tmp_path: Path, length: int) -> None:
    path = tmp_path / "code" / "pyside.bin"
    keep(path)
    path.write_bytes(path.read_bytes()[:length])
    assert run(path) is None


@pytest.mark.skipif(os.name != "posix", reason="permissions of POSIX: not on this platform")
def test_what_others_may_open_or_put_there_is_not_run(tmp_path: Path) -> None:
    path = tmp_path / "code" / "pyside.bin"
    keep(path)
    path.chmod(0o666)
    assert run(path) is None
    path.chmod(0o600)
    link = tmp_path / "link.bin"
    link.symlink_to(path)
    assert run(link) is None


def test_a_disk_that_takes_nothing_is_no_error(tmp_path: Path) -> None:
    (tmp_path / "code").write_text("a file where a folder should be")
    keep(tmp_path / "code" / "pyside.bin")
    assert (tmp_path / "code").read_text() == "a file where a folder should be"


def test_pyside_is_imported_from_kept_code(tmp_path: Path) -> None:
    script = (
        "import builtins\n"
        "original, compiled = builtins.compile, []\n"
        "def note(source, name, *rest, **options):\n"
        "    compiled.append(name)\n"
        "    return original(source, name, *rest, **options)\n"
        "builtins.compile = note\n"
        "import slate_desktop.ui.plain_imports\n"
        "from PySide6.QtWidgets import QLabel\n"
        "print(len([n for n in compiled if str(n).startswith(('shiboken', 'signature'))]))\n"
        "from PySide6.support.signature import get_signature\n"
        "print(QLabel.__doc__, get_signature(QLabel.setText))\n"
    )

    def start() -> list[str]:
        environment = {"QT_QPA_PLATFORM": "offscreen", "SLATE_CACHE_DIR": str(tmp_path)}
        ran = subprocess.run(
            [sys.executable, "-c", script],
            env=environment,
            check=True,
            capture_output=True,
            text=True,
            timeout=60,
        )
        return ran.stdout.split("\n", 1)

    first, second = start(), start()
    assert int(first[0]) > 10
    # What help texts need is compiled once somebody asks for one.
    assert int(second[0]) < int(first[0]) - 8
    assert first[1] == second[1]
