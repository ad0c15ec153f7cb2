"""Lines of output: clean text and levels."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from slate_desktop.domain.levels import (
    clean_line,
    clean_text,
    detect_level,
    detect_levels,
    hints_of,
    strip_ansi,
)
from slate_desktop.domain.logs import LogLevel

LINES: list[tuple[str, str]] = [
    # Godot
    ("Godot Engine v3.2.3.stable.custom_build - https://godotengine.org", "info"),
    ("ERROR: Condition \"!is_inside_tree()\" is true.", "error"),
    ("ERROR: get_node: Node not found: x", "error"),
    ("**ERROR**: The NavigationPolygon", "error"),
    ("SCRIPT ERROR: Parse Error: Expected", "error"),
    ("USER SCRIPT ERROR: x", "error"),
    ("USER WARNING: careful", "warn"),
    ("WARNING: ObjectDB instances leaked at exit", "warn"),
    ("   At: scene/main/node.cpp:1379.", "info"),
    ("handle_crash: Program crashed with signal 11", "error"),
    ("\x1b[1;31mERROR:\x1b[0;91m x\x1b[0m", "error"),
    ("\x1b[33;1m[\x1b[0mWARN] x", "warn"),
    ("USER ERROR: no such state", "error"),
    ("   at: push_error (core/variant/variant_utility.cpp:1098)", "info"),
    # Unity
    ("Assets/A.cs(10,5): error CS1002: ; expected", "error"),
    ("Assets/A.cs(10,5): warning CS0168: unused", "warn"),
    ("Shader error in 'X': syntax", "error"),
    ("Shader warning in 'X': y", "warn"),
    ("BuildFailedException: x", "error"),
    ("Scripts have compiler errors.", "error"),
    ("Aborting batchmode due to failure:", "error"),
    ("NullReferenceException: Object reference not set", "error"),
    ("UnityEngine.MissingReferenceException: x", "error"),
    ("Exiting batchmode successfully now!", "info"),
    ("[ 12/200  3s] Csc Library/Bee", "info"),
    ("Crash!!!", "error"),
    ("Caught fatal signal - signo:11 code:1 errno:0", "error"),
    ("UnityEngine.Debug:LogError (object)", "info"),
    ("Unhandled exception. System.InvalidOperationException: x", "error"),
    # Unreal
    ("Assertion failed: IsValid() [File:D:\\Game\\Hero.cpp] [Line: 12]", "error"),
    ("Ensure condition failed: bReady", "error"),
    ("[2024.01.01-00.00.00:000][  0]LogWindows: Error: === Critical error: ===", "error"),
    ("[2024.01.01-00.00.00:000][  0]LogTemp: Warning: text", "warn"),
    ("[2024.01.01-00.00.00:000][123]LogNet: Error: text", "error"),
    ("[2024.01.01-00.00.00:000][123]LogNet: Display: no error here", "info"),
    ("[2024.01.01-00.00.00:000][123]LogNet: an error is named", "info"),
    ("LogInit: Fatal: text", "error"),
    ("LogCook: Verbose: text", "debug"),
    ("LogCook: VeryVerbose: text", "debug"),
    ("LogCook: Display: Cooked packages 5 Packages Remain 6", "info"),
    ("BUILD FAILED", "error"),
    # Python
    ("WARNING:root:careful", "warn"),
    ("DEBUG:asyncio:Using selector", "debug"),
    ("2024-01-01 10:00:00,123 - mod - WARNING - text", "warn"),
    ("2024-01-01 10:00:00,123 ERROR mod: text", "error"),
    ("2024-01-01 10:00:00 [debug    ] event", "debug"),
    ("Traceback (most recent call last):", "error"),
    ("ValueError: no", "error"),
    ("KeyError", "error"),
    ("asyncio.exceptions.CancelledError", "error"),
    ("x.py:3: DeprecationWarning: old", "warn"),
    # JSON
    ('{"level":"warn","msg":"x"}', "warn"),
    ('{"ts":1,"level":"ERROR"}', "error"),
    ('{"severity": "CRITICAL", "message": "x"}', "error"),
    ('{"levelname": "DEBUG"}', "debug"),
    ('{"level":30,"msg":"error in text"}', "info"),
    ('{"level":50}', "error"),
    ('{"level":40}', "warn"),
    ('{"level":20}', "debug"),
    ('{"level":"trace"}', "debug"),
    ('{"a": 1}', "info"),
    # Others
    ("level=warning msg=x", "warn"),
    ("time=2024 level=error msg=x", "error"),
    ("E0102 15:04:05.000000 1 file.cc:1] x", "error"),
    ("W0102 15:04:05.000000 1 file.cc:1] x", "warn"),
    ("I0102 15:04:05.000000 1 file.cc:1] error in text", "info"),
    ("[warn] x", "warn"),
    ("[ERROR] x", "error"),
    ("<debug> x", "debug"),
    ("error: x", "error"),
    ("Warning: x", "warn"),
    ("FATAL x", "error"),
    ("panic: runtime error", "error"),
    ("thread 'main' panicked at x", "error"),
    ("main.c:3:5: error: expected", "error"),
    ("main.c:3:5: warning: unused", "warn"),
    ("Segmentation fault (core dumped)", "error"),
    ("12:00:00.000 [main] ERROR com.x.Y - text", "error"),
    ("[12:00:00] [Server thread/WARN]: text", "warn"),
    ("./Game.x86_64: error while loading shared libraries: libGL.so.1: no such file", "error"),
    ("terminate called after throwing an instance of 'std::bad_alloc'", "error"),
    ("Aborted (core dumped)", "error"),
    ("npm ERR! code ELIFECYCLE", "error"),
    ("the signal was caught", "info"),
    ("make sure that it ensures nothing", "info"),
    # Plain lines that only talk about such things
    ("0 errors, 0 warnings", "info"),
    ("Loaded error_dialog.tscn", "info"),
    ("errors are handled", "info"),
    ("The debugger is off", "info"),
    ("information about failure modes", "info"),
    ("", "info"),
    ("   ", "info"),
    ("hello", "info"),
]  # fmt: skip


@pytest.mark.parametrize(("line", "level"), LINES)
def test_level_is_the_one_the_line_gives_itself(line: str, level: str) -> None:
    assert detect_level(line) == LogLevel(level)


def test_long_and_hostile_lines_are_decided_fast() -> None:
    lines = [
        "x" * 1_000_000, "a.A." * 20_000, "\x1b[" * 20_000, "\x1b]" * 20_000, "[" * 50_000,
        "err " * 20_000, "{" + '"level":' * 10_000, "12:00:00 " + "[ " * 20_000 + "err",
        "thread '" * 10_000, "error" + "A" * 50_000, "<error " * 5_000,
    ]  # fmt: skip
    start = time.process_time()
    for line in lines:
        detect_level(line)
        strip_ansi(line)
    assert time.process_time() - start < 1


@pytest.mark.parametrize(
    ("data", "text"),
    [
        (b"plain", "plain"),
        (b"a\tb", "a\tb"),
        (b"a\x00b\x07c\r", "abc"),
        (b"\x1b[31mred\x1b[0m", "\x1b[31mred\x1b[0m"),
        (b"\xff\xfe", "\ufffd\ufffd"),
        ("é\x00ü\x85".encode(), "éü"),
        (b"\xed\xa0\x80", "\ufffd\ufffd\ufffd"),
        (b"U\x00T\x00F\x00", "UTF"),
        ("日本 😀".encode(), "日本 😀"),
        (b"<b>&amp;", "<b>&amp;"),
        (b"\x7f", ""),
        (b"", ""),
    ],
)
def test_line_is_cleaned(data: bytes, text: str) -> None:
    assert clean_line(data) == text


@given(st.binary(max_size=400))
def test_any_line_can_be_stored(data: bytes) -> None:
    text = clean_line(data)
    assert text.encode("utf-8").decode("utf-8") == text
    assert "\x00" not in text
    assert "\n" not in text
    assert clean_text(text) == text
    assert detect_level(text) in LogLevel


def test_clean_text_drops_half_characters() -> None:
    assert clean_text("a\ud800b\x00") == "ab"


@pytest.mark.parametrize(
    ("text", "bare"),
    [
        ("\x1b[1;31mx\x1b[0m", "x"),
        ("\x1b]0;title\x07x", "x"),
        ("\x1b]8;;http://x\x1b\\link\x1b]8;;\x1b\\", "link"),
        ("\x1b(Bx", "x"),
        ("\x1bMx", "x"),
        ("x\x1b", "x"),
        ("x\x1b[31", "x"),
        ("x", "x"),
    ],
)
def test_escape_sequences_are_taken_out(text: str, bare: str) -> None:
    assert strip_ansi(text) == bare


@given(st.lists(st.one_of(st.sampled_from([line for line, _ in LINES]), st.text()), max_size=8))
def test_levels_of_many_lines_are_those_of_each(lines: list[str]) -> None:
    hints = hints_of(lines)
    assert [detect_level(line, hints) for line in lines] == [detect_level(line) for line in lines]
    assert detect_levels(lines) == [detect_level(line) for line in lines]


@pytest.mark.parametrize(("line", "level"), LINES)
def test_one_line_with_a_level_is_found_among_many_without(line: str, level: LogLevel) -> None:
    plain = [f"{number:08d} LogShaders: built 15 ms" for number in range(3)]
    assert detect_levels([*plain, line, *plain]) == [LogLevel.INFO] * 3 + [level] + (
        [LogLevel.INFO] * 3
    )
