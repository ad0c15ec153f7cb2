"""Rules of alerts: what they refuse, what they find, and that nobody is flooded."""

from __future__ import annotations

import asyncio
import time
from typing import Any

import pytest

from slate_desktop.control.alert_feed import AlertFeed
from slate_desktop.control.notices import Notices
from slate_desktop.domain.alert_lines import MAX_COUNTED, Batch, LineMatcher
from slate_desktop.domain.alert_watch import SessionAlerts
from slate_desktop.domain.alerts import (
    Alert,
    AlertKind,
    AlertRule,
    alert_words,
    make_rule,
    rule_words,
    threshold_words,
)
from slate_desktop.domain.logs import LogLevel, LogRecord
from slate_desktop.domain.stats import ContainerStats
from slate_desktop.errors import CommandError

S = 1_000_000_000
GIB = 1024**3


def rule(kind: str, **more: Any) -> AlertRule:
    return make_rule(name=more.pop("name", "watch"), kind=kind, **more)


def lines(*texts: str, first: int = 1, level: str = "info", at_ns: int = S) -> list[LogRecord]:
    return [
        LogRecord(
            seq=first + n, container_id="c", stream="stdout", ts_ns=at_ns + n, ord=0,
            level=LogLevel(level), message=text,
        )
        for n, text in enumerate(texts)
    ]  # fmt: skip


def sample(at_s: float, **more: Any) -> ContainerStats:
    fields: dict[str, Any] = {
        "cpu_percent": 0.0, "memory_usage": 0, "memory_limit": 0,
        "network_rx_bytes": 0, "network_tx_bytes": 0,
    }  # fmt: skip
    return ContainerStats(**{**fields, **more}, sampled_at_ns=int(at_s * S))


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"kind": "text", "pattern": "(a"}, None),
        ({"kind": "text", "pattern": "(a", "is_regex": True}, "pattern"),
        ({"kind": "text", "pattern": "(?<=a)b", "is_regex": True}, "pattern"),
        ({"kind": "text", "pattern": "a*", "is_regex": True}, "pattern"),
        ({"kind": "text", "pattern": r"\Aa", "is_regex": True}, "pattern"),
        ({"kind": "text", "pattern": "a{1,99}" * 60, "is_regex": True}, None),
        ({"kind": "text", "pattern": "(a{1,1000}){1,1000}", "is_regex": True}, "pattern"),
        ({"kind": "text"}, "pattern"),
        ({"kind": "text", "pattern": "a\nb"}, "pattern"),
        ({"kind": "level"}, "level"),
        ({"kind": "level", "level": "loud"}, "level"),
        ({"kind": "noise"}, "kind"),
        ({"kind": "cpu"}, "threshold"),
        ({"kind": "cpu", "threshold": "lots"}, "threshold"),
        ({"kind": "cpu", "threshold": "nan"}, "threshold"),
        ({"kind": "memory", "threshold": "101%"}, "threshold"),
        ({"kind": "memory", "threshold": "-3g"}, "threshold"),
        ({"kind": "network", "threshold": "5%"}, "threshold"),
        ({"kind": "oom", "threshold": "5"}, "threshold"),
        ({"kind": "oom", "cooldown_s": 9}, "cooldown_s"),
        ({"kind": "cpu", "threshold": "5", "held_s": 3601}, "held_s"),
        ({"kind": "oom", "name": " "}, "name"),
        ({"kind": "oom", "name": "x" * 65}, "name"),
    ],
)
def test_bad_rules_are_refused_by_their_field(fields: dict[str, Any], field: str | None) -> None:
    if field is None:
        rule(**fields)
        return
    with pytest.raises(CommandError) as caught:
        rule(**fields)
    assert caught.value.field == field


def test_thresholds_are_written_as_they_are_read() -> None:
    for kind, text, words in (
        ("cpu", "150%", "150 %"),
        ("memory", "80%", "80 % of its limit"),
        ("memory", "3g", "3 GB"),
        ("network", "10m/s", "10 MB/s"),
    ):
        made = rule(kind, threshold=text, held_s=30)
        assert threshold_words(made) == text
        assert rule(kind, threshold=threshold_words(made)).threshold == made.threshold
        assert f" at {words} or more" in rule_words(made)
        assert rule_words(made).endswith("for 30 s")


def test_lines_are_found_by_text_expression_and_level() -> None:
    batch = Batch(
        [*lines("all well", "CRASH at 12", "a crash"), *lines("crash", first=4, level="error")]
    )
    found = LineMatcher(rule("text", pattern="Crash")).find(batch)
    assert found is not None
    assert (found.first, found.last, found.count) == (1, 3, 3)
    found = LineMatcher(rule("text", pattern=r"^crash at \d+$", is_regex=True)).find(batch)
    assert found is not None
    assert (found.first, found.count) == (1, 1)
    found = LineMatcher(rule("text", pattern="crash", level="error")).find(batch)
    assert found is not None
    assert (found.first, found.count) == (3, 1)
    found = LineMatcher(rule("level", level="warn")).find(batch)
    assert found is not None
    assert (found.first, found.count) == (3, 1)
    # An expression never reaches over a line's end.
    assert LineMatcher(rule("text", pattern="well[^x]CRASH", is_regex=True)).find(batch) is None
    assert LineMatcher(rule("text", pattern="not there")).find(batch) is None


def test_hostile_expressions_take_linear_time() -> None:
    batch = Batch(lines(*["a" * 5_000 + "!"] * 20))
    begin = time.process_time()
    assert LineMatcher(rule("text", pattern="(a|aa)+$", is_regex=True)).find(batch) is None
    assert time.process_time() - begin < 5


def test_many_matches_of_an_expression_are_counted_up_to_a_limit() -> None:
    batch = Batch(lines(*["tick"] * (MAX_COUNTED + 50)))
    found = LineMatcher(rule("text", pattern="t.ck", is_regex=True)).find(batch)
    assert found is not None
    assert (found.count, found.is_at_least) == (MAX_COUNTED, True)
    found = LineMatcher(rule("text", pattern="tick")).find(batch)
    assert found is not None
    assert (found.count, found.is_at_least) == (MAX_COUNTED + 50, False)


def test_a_flood_gives_one_alert_and_a_count() -> None:
    watch = SessionAlerts("p", "s", [rule("text", pattern="boom", cooldown_s=60)])
    begun = watch.lines(lines("fine", "boom 1", "boom 2"))
    assert [(a.seq, a.words, a.count) for a in begun] == [(2, "boom 1", 2)]
    for n in range(100):
        assert watch.lines(lines(*["boom"] * 1000, at_ns=S + n * S // 10)) == []
    counted = watch.take_counted()
    assert [(a.id, a.count) for a in counted] == [(begun[0].id, 100_002)]
    assert watch.take_counted() == []
    assert alert_words(counted[0]) == "watch: boom 1 (and 100,001 more)"
    assert watch.take_cooled(30 * S) == []
    assert [a.count for a in watch.take_cooled(62 * S)] == [100_002]
    assert watch.take_cooled(62 * S) == []
    again = watch.lines(lines("boom", at_ns=70 * S))
    assert len(again) == 1
    assert again[0].id != begun[0].id


def test_cool_down_of_an_earlier_process_and_of_a_changed_rule_goes_on() -> None:
    first = rule("text", pattern="boom", cooldown_s=60)
    watch = SessionAlerts("p", "s", [first])
    told = watch.lines(lines("boom"))[0]
    later = SessionAlerts("p", "s", [first], [told])
    assert later.lines(lines("boom", at_ns=20 * S)) == []
    assert later.take_counted()[0].count == 2
    changed = rule("text", pattern="bo+m", is_regex=True, cooldown_s=60, rule_id=first.id)
    later.set_rules([changed])
    assert later.lines(lines("booom", at_ns=30 * S)) == []
    later.set_rules([])
    assert later.lines(lines("boom", at_ns=300 * S)) == []
    assert not later.looks_at_lines


def test_figures_are_held_tell_once_and_again_after_they_fell() -> None:
    watch = SessionAlerts("p", "s", [rule("cpu", threshold="150%", held_s=3, cooldown_s=10)])
    told = [bool(watch.figures(sample(at, cpu_percent=200))) for at in range(8)]
    assert told == [False, False, False, True, False, False, False, False]
    assert watch.figures(sample(20, cpu_percent=10)) == []
    assert watch.figures(sample(21, cpu_percent=160)) == []
    assert watch.figures(sample(24, cpu_percent=160))[0].words == "CPU at 160 %"


def test_memory_is_bytes_or_percent_and_network_a_rate() -> None:
    watch = SessionAlerts(
        "p",
        "s",
        [
            rule("memory", name="most", threshold="80%"),
            rule("memory", name="much", threshold="3g"),
            rule("network", name="net", threshold="10m"),
        ],
    )
    assert watch.figures(sample(1, memory_usage=GIB, memory_limit=0)) == []
    names = [a.rule_name for a in watch.figures(sample(2, memory_usage=4 * GIB))]
    assert names == ["much"]
    begun = watch.figures(sample(3, memory_usage=4 * GIB, memory_limit=4 * GIB))
    assert [(a.rule_name, a.words) for a in begun] == [("most", "memory at 100 % of its limit")]
    moved = sample(5, network_rx_bytes=15 << 20, network_tx_bytes=10 << 20)
    assert [a.words for a in watch.figures(moved)] == ["network at 12.5 MB/s"]
    # A restart begins to count at nothing.
    assert watch.figures(sample(6, network_rx_bytes=5)) == []


def test_ends_are_told_by_their_kind() -> None:
    watch = SessionAlerts("p", "s", [rule("exit", name="ended"), rule("oom", name="short")])
    assert watch.ended(S, has_failed=False, is_oom=False, words="") == []
    begun = watch.ended(S, has_failed=True, is_oom=True, words="killed at 4 GB")
    assert [(a.rule_name, a.kind, a.words) for a in begun] == [
        ("ended", AlertKind.EXIT, "killed at 4 GB"),
        ("short", AlertKind.OOM, "killed at 4 GB"),
    ]


async def test_notices_of_many_alerts_are_gathered() -> None:
    notices, told = Notices(), asyncio.Event()
    feed = AlertFeed(notices, lambda name: f"game {name}", told.set, gather_s=0)
    watch = SessionAlerts("p", "s", [rule("text", pattern="boom")])
    one = watch.lines(lines("boom <b>1</b>"))[0]
    feed.take(one)
    await asyncio.wait_for(told.wait(), 10)
    notice = notices.items[-1]
    assert (notice.title, notice.text, notice.session_id) == (
        "watch – game s", "boom <b>1</b>", "s",
    )  # fmt: skip
    for _ in range(7):
        feed.take(one)
    told.clear()
    await asyncio.wait_for(told.wait(), 10)
    assert len(notices.items) == 2
    assert notices.items[-1].title == "7 alerts of 1 session"
    assert notices.items[-1].text.endswith("… and 2 more")
    feed.take(one)
    feed.close()
    assert len(notices.items) == 2
    assert isinstance(one, Alert)
