from __future__ import annotations

import re

import pytest

from slate_desktop.domain.required_text import required_text


@pytest.mark.parametrize(
    ("expression", "text"),
    [
        (r"needle in the \w+stack", "needle in the "),
        (r"Error: .*timeout", "error: "),
        (r"shader\.compiled\(15 ms\)", "shader.compiled(15 ms)"),
        (r"colou?red", "colo"),
        (r"ab*cdef", "cdef"),
        (r"abc+def", "abc"),
        (r"abcd{2}efg", "abc"),
        (r"(?:never|ever) after", " after"),
        (r"(?P<level>warn) in (\w+\))", " in "),
        (r"[abc\]]ready[^]x]", "ready"),
        (r"^\s*loaded$", "loaded"),
        # Nothing is certain here, or too short to help.
        (r"one|two", ""),
        (r"(?i)needle", ""),
        (r"(?x) n e e d l e", ""),
        (r"(?=needle)", ""),
        (r"\x41bcdef", ""),
        (r"(a)\1bcdef", ""),
        (r"\u0041bcdef", ""),
        (r"ab.cd", ""),
        (r"äöü", ""),
        (r"[", ""),
        ("\\", ""),
        ("", ""),
    ],
)
def test_required_text_of(expression: str, text: str) -> None:
    assert required_text(expression) == text


@pytest.mark.parametrize(
    "expression",
    [r"abc?x*d{0,3}e", r"(abc)?def", r"a{2}bcd|", r"x+yz{1}w", r"ab[c-e]{2,}fgh*", r"a(b|c)*def"],
)
def test_every_match_holds_it(expression: str) -> None:
    pool = [
        "abxde",
        "ABE",
        "abdde",
        "def",
        "ABCDEF",
        "aabcd",
        "",
        "xxyzw",
        "XYZW",
        "abcdfg",
        "acbdef",
    ]
    text = required_text(expression)
    matches = [line for line in pool if re.search(expression, line, re.IGNORECASE)]
    assert matches
    assert all(text in line.lower() for line in matches)
