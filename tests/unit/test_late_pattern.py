"""Expressions that are compiled late match as those that are compiled at once."""

from __future__ import annotations

import re

import pytest

from slate_desktop.late_pattern import late_pattern


def test_it_matches_as_the_expression_does(monkeypatch: pytest.MonkeyPatch) -> None:
    compiled: list[object] = []
    original = re.compile
    monkeypatch.setattr(re, "compile", lambda *rest: compiled.append(rest) or original(*rest))
    late = late_pattern(r"(?P<word>[a-z]+)\d", re.IGNORECASE)
    assert compiled == []
    match = late.fullmatch("Ab1")
    assert match is not None
    assert match["word"] == "Ab"
    assert late.fullmatch("ab") is None
    assert late.sub("x", "a1 b2 3") == "x x 3"
    assert late.groupindex == {"word": 1}
    assert late.flags & re.IGNORECASE


def test_bytes_are_matched_by_bytes() -> None:
    assert late_pattern(rb"[0-9]+").findall(b"1 22") == [b"1", b"22"]


def test_what_is_wrong_shows_in_the_first_use() -> None:
    late = late_pattern("(")
    with pytest.raises(re.error):
        late.search("")


def test_a_method_is_the_expressions_own_from_its_second_use_on() -> None:
    late = late_pattern("a")
    assert late.search is late.search
