"""Options that choose lines: what they mean, and what is refused before anything is asked."""

from __future__ import annotations

import time

import pytest
import typer

from slate_desktop.cli.log_filters import read_filter, read_moment
from slate_desktop.cli.options import LevelChoice


def test_options_become_one_filter() -> None:
    before = time.time_ns()
    wanted = read_filter(LevelChoice.WARN, r"a\d", "10m", "5m", is_regex=True)
    assert (wanted.min_level, wanted.text, wanted.is_regex) == ("warn", r"a\d", True)
    assert wanted.since_ns is not None
    assert wanted.until_ns is not None
    assert 0 <= wanted.since_ns - (before - 600 * 10**9) < 60 * 10**9
    assert wanted.until_ns - wanted.since_ns == pytest.approx(300e9, abs=1e9)
    nothing = read_filter(None, None, None, None, is_regex=False)
    assert (nothing.min_level, nothing.text, nothing.since_ns, nothing.until_ns) == (None,) * 4


@pytest.mark.parametrize("grep", [None, "", "(", "a{2,1}", "[", "(?P<n"])
def test_what_is_no_expression_is_refused(grep: str | None) -> None:
    with pytest.raises(typer.BadParameter):
        read_filter(None, grep, None, None, is_regex=True)


def test_text_may_hold_what_no_expression_may() -> None:
    assert read_filter(None, "(", None, None, is_regex=False).text == "("


@pytest.mark.parametrize(("since", "until"), [("5m", "10m"), ("2026-05-02", "2026-05-01")])
def test_a_span_that_ends_before_it_begins_is_refused(since: str, until: str) -> None:
    with pytest.raises(typer.BadParameter):
        read_filter(None, None, since, until, is_regex=False)


@pytest.mark.parametrize("text", ["yesterday", "10", "31d", "-5m"])
def test_no_time_is_refused(text: str) -> None:
    with pytest.raises(typer.BadParameter):
        read_moment("--since", text)
