from __future__ import annotations

import math
import random

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from slate_desktop.control.stats_history import StatsHistory
from slate_desktop.domain.stats import STEPS, ContainerStats, choose_step, down_sample

NS = 1_000_000_000


def sample(second: float, *, cpu: float = 1.0, rx: int = 0, memory: int = 5) -> ContainerStats:
    return ContainerStats(
        cpu_percent=cpu,
        memory_usage=memory,
        memory_limit=100,
        network_rx_bytes=rx,
        network_tx_bytes=rx * 2,
        sampled_at_ns=int((10_000 + second) * NS),
    )


def test_rates_are_differences_per_second():
    history = StatsHistory()
    for second in range(5):
        history.add(sample(second, rx=second * second * 100))
    series = history.series(60, end_ns=10_004 * NS)
    assert list(series.time_s) == [-4, -3, -2, -1, 0]
    assert list(series.rx_bytes_per_s) == [0, 100, 300, 500, 700]
    assert list(series.tx_bytes_per_s) == [0, 200, 600, 1000, 1400]
    assert series.memory_limit == 100


def test_a_counter_that_falls_is_no_negative_rate():
    history = StatsHistory()
    history.add(sample(0, rx=1000))
    history.add(sample(1, rx=0))
    assert min(history.series(60, end_ns=10_001 * NS).rx_bytes_per_s) == 0


def test_stored_samples_go_below_live_ones():
    history = StatsHistory()
    history.add(sample(100))
    history.load([sample(90), sample(80), sample(100), sample(110)])
    assert list(history.series(300, end_ns=10_100 * NS).time_s) == [-20, -10, 0]


def test_old_samples_are_ignored():
    history = StatsHistory()
    history.add(sample(5))
    history.add(sample(4))
    assert len(history) == 1


def test_the_hour_has_a_point_each_ten_seconds():
    history = StatsHistory()
    for second in range(4000):
        history.add(sample(second))
    series = history.series(3600, end_ns=13_999 * NS)
    assert 359 <= len(series.time_s) <= 362
    assert len(history) < 4200
    assert len(history.series(60, end_ns=13_999 * NS).time_s) == 61


def test_a_long_silence_breaks_the_line():
    history = StatsHistory()
    history.add(sample(0))
    history.add(sample(100))
    series = history.series(300, end_ns=10_100 * NS)
    assert [math.isnan(value) for value in series.cpu_percent] == [False, True, False]


def test_points_of_long_spans_go_before_live_samples_with_mean_and_peak():
    history = StatsHistory()
    history.load_span(down_sample([sample(second, cpu=second) for second in range(0, 7000, 5)], 60))
    for second in range(7000, 7200):
        history.add(sample(second, cpu=10.0 if second % 2 else 90.0))
    series = history.series(6 * 3600, end_ns=17_200 * NS)
    assert series.time_s[0] <= -7190
    assert list(series.time_s) == sorted(series.time_s)
    assert not any(math.isnan(value) for value in series.cpu_percent)
    assert (series.cpu_percent[-2], series.cpu_percent_max[-2]) == (50.0, 90.0)


def test_figures_that_nobody_measures_are_nan():
    history = StatsHistory()
    history.add(sample(0))
    history.add(msgspec.structs.replace(sample(1), gpu_percent=40.0, gpu_memory=7))
    series = history.series(60, end_ns=10_001 * NS)
    assert math.isnan(series.gpu_percent[0])
    assert (series.gpu_percent[1], series.gpu_memory_bytes[1]) == (40.0, 7.0)


@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(st.tuples(st.integers(0, 300), st.floats(0, 800)), min_size=1, max_size=60))
def test_down_sampling_in_two_goes_is_down_sampling_in_one(seen: list[tuple[int, float]]) -> None:
    samples = [sample(second, cpu=cpu) for second, cpu in seen]
    points = down_sample(samples, 10)
    assert sum(point.samples for point in points) == len(samples)
    assert [point.at_ns for point in points] == sorted({p.at_ns for p in points})
    for point in points:
        assert point.cpu_percent_min - 1e-9 <= point.cpu_percent <= point.cpu_percent_max + 1e-9
    whole = sum(point.cpu_percent * point.samples for point in points) / len(samples)
    assert math.isclose(whole, sum(cpu for _, cpu in seen) / len(seen), abs_tol=1e-6)


@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.integers(1, 30 * 86_400), st.integers(0, 29 * 86_400), st.integers(1, 5000))
def test_step_that_is_chosen_is_still_kept(span_s: int, ago_s: int, points: int) -> None:
    now = 10**18
    end = now - ago_s * NS
    step_s = choose_step(end - span_s * NS, end, now, points)
    assert step_s == 60 or ago_s + span_s <= dict(STEPS)[step_s] + 60


def test_clear_forgets_everything():
    history = StatsHistory()
    history.add(sample(0))
    history.clear()
    assert history.latest is None
    assert len(history.series(60).time_s) == 0


def test_samples_to_keep_are_the_newest_minute_whole_and_a_few_of_the_rest():
    history = StatsHistory()
    assert history.samples() == []
    for second in range(3):
        history.add(sample(second))
    assert len(history.samples()) == 3  # a run of seconds has its graph, too
    for second in range(3, 601):
        history.add(sample(second))
    times = [kept.sampled_at_ns // NS - 10_000 for kept in history.samples()]
    assert times == [*range(9, 539, 10), 539, *range(540, 601)]


@pytest.mark.parametrize("span_s", [60, 300, 3600])
def test_points_that_go_on_are_those_that_are_made_anew(span_s: int) -> None:
    pick = random.Random(span_s)
    kept = StatsHistory()
    taken: list[ContainerStats] = []
    second, memory = 1000.0, 100
    # Stored samples below the live ones, gaps, counters that fall, and rows that are let go.
    stored = [sample(10 * number, rx=number) for number in range(100)]
    kept.load(stored)
    for number in range(5000):
        second += 1.0 if number % 700 else 90.0
        memory = max(0, memory + pick.randint(-20, 20))
        rx = number % 500 * 1000
        taken.append(sample(second, cpu=pick.random() * 100, memory=memory, rx=rx))
        kept.add(taken[-1])
        if number % 97:
            continue
        end_ns = taken[-1].sampled_at_ns + pick.randint(0, 900_000_000)
        fresh = StatsHistory()
        fresh.load(stored)
        for item in taken:
            fresh.add(item)
        ours, theirs = (history.series(span_s, end_ns=end_ns) for history in (kept, fresh))
        assert len(ours.time_s) in (len(theirs.time_s), len(theirs.time_s) + 1)
        for name in ours.__struct_fields__:
            mine, other = getattr(ours, name), getattr(theirs, name)
            if isinstance(other, int):
                assert mine == other
                continue
            # The span begins within a step, of which the one made anew knows only the rest.
            rest = list(other)[1:]
            assert list(mine)[len(mine) - len(rest) :] == pytest.approx(rest, nan_ok=True), name


def test_an_earlier_or_longer_span_is_not_cut_from_what_was_drawn() -> None:
    history = StatsHistory()
    for second in range(600):
        history.add(sample(second, cpu=second))
    end_ns = 10_599 * NS
    assert len(history.series(60, end_ns=end_ns).time_s) == 61
    assert len(history.series(300, end_ns=end_ns).time_s) == 301
    earlier = history.series(60, end_ns=10_200 * NS)
    assert list(earlier.cpu_percent) == [float(second) for second in range(140, 201)]
    assert list(history.series(60, end_ns=end_ns).cpu_percent)[-1] == 599.0
    history.clear()
    assert len(history.series(60, end_ns=end_ns).time_s) == 0
