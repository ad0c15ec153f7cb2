"""Places of source files in log lines, as engines, compilers and tracebacks write them."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from slate_desktop.control.source_files import SourceFiles
from slate_desktop.domain.container import Mount
from slate_desktop.domain.source_places import find_places


@pytest.mark.parametrize(
    ("text", "path", "line", "column"),
    [
        ("Look at res://hero.gd:12.", "res://hero.gd", 12, 0),
        ("   at: _process (res://actors/hero.gd:12)", "res://actors/hero.gd", 12, 0),
        ("   At: res://main.gd:7:_ready()", "res://main.gd", 7, 0),
        ("Assets/Scripts/Hero.cs(12,5): error CS1002: ; expected", "Assets/Scripts/Hero.cs", 12, 5),
        ("Hero:Update () (at Assets/Hero.cs:31)", "Assets/Hero.cs", 31, 0),
        ("  at Game.Hero.Run () in /src/Assets/Hero.cs:line 4", "/src/Assets/Hero.cs", 4, 0),
        (r"D:\Game\Source\Hero.cpp(88): error C2065: 'x'", r"D:\Game\Source\Hero.cpp", 88, 0),
        (r"[File:D:\Game\Source\Hero.cpp] [Line: 123] ensure", r"D:\Game\Source\Hero.cpp", 123, 0),
        ('  File "/app/project/my game.py", line 9, in <module>', "/app/project/my game.py", 9, 0),
        ("src/main.c:12:5: error: expected ';'", "src/main.c", 12, 5),
        ("./net/peer.cpp:40: undefined reference", "./net/peer.cpp", 40, 0),
        ("    at run (/app/project/server.js:3:11)", "/app/project/server.js", 3, 11),
        ("panicked at src/main.rs:2:5:", "src/main.rs", 2, 5),
    ],
)
def test_place_is_found(text: str, path: str, line: int, column: int) -> None:
    places = find_places(text)
    assert [(place.path, place.line, place.column) for place in places] == [(path, line, column)]
    assert text[places[0].start :].startswith(path)


@pytest.mark.parametrize(
    "text",
    ["at 12:30:01 o'clock", "http://example.com:8080/x", "127.0.0.1:8080", "v1.2.3:4", "a: 3", ""],
)
def test_no_place_is_found(text: str) -> None:
    assert find_places(text) == []


def test_hostile_lines_are_decided_fast() -> None:
    begin = time.thread_time()
    for text in ("a/" * 40_000, "a." * 40_000, "../" * 30_000, "(1," * 30_000, 'File "' * 20_000):
        find_places(text)
    assert time.thread_time() - begin < 5.0


def test_file_is_found_as_runtimes_name_it(tmp_path: Path) -> None:
    root = tmp_path / "game"
    for name in ("hero.gd", "Assets/Hero.cs", "Source/Game/Hero.cpp"):
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text("x")
    (tmp_path / "secret.txt").write_text("x")
    (root / "link.txt").symlink_to(tmp_path / "secret.txt")
    files = SourceFiles(root, [Mount(host=".", container="/app/project")])
    found = {
        "res://hero.gd": "hero.gd",
        "hero.gd": "hero.gd",
        "/app/project/hero.gd": "hero.gd",
        f"{root}/Assets/Hero.cs": "Assets/Hero.cs",
        r"D:\build\Source\Game\Hero.cpp": "Source/Game/Hero.cpp",
        r"..\..\Assets\Hero.cs": "Assets/Hero.cs",
    }
    for path, expected in found.items():
        assert files.find(path) == (root / expected).resolve(), path
    outside = ("/usr/lib/hero.gd", "../secret.txt", "link.txt", "http://x/hero.gd", "Assets", "\0")
    for path in outside:
        assert files.find(path) is None, path
