from __future__ import annotations

import math

from slate_desktop.control.stats_history import StatsHistory, Window
from slate_desktop.domain.stats import ContainerStats

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
    series = history.series(Window.MINUTE, now_ns=10_004 * NS)
    assert list(series.time_s) == [-4, -3, -2, -1, 0]
    assert list(series.rx_bytes_per_s) == [0, 100, 300, 500, 700]
    assert list(series.tx_bytes_per_s) == [0, 200, 600, 1000, 1400]
    assert series.memory_limit == 100


def test_a_counter_that_falls_is_no_negative_rate():
    history = StatsHistory()
    history.add(sample(0, rx=1000))
    history.add(sample(1, rx=0))
    assert min(history.series(Window.MINUTE, now_ns=10_001 * NS).rx_bytes_per_s) == 0


def test_stored_samples_go_below_live_ones():
    history = StatsHistory()
    history.add(sample(100))
    history.load([sample(90), sample(80), sample(100), sample(110)])
    assert list(history.series(Window.FIVE_MINUTES, now_ns=10_100 * NS).time_s) == [-20, -10, 0]


def test_old_samples_are_ignored():
    history = StatsHistory()
    history.add(sample(5))
    history.add(sample(4))
    assert len(history) == 1


def test_the_hour_has_a_point_each_ten_seconds():
    history = StatsHistory()
    for second in range(4000):
        history.add(sample(second))
    series = history.series(Window.HOUR, now_ns=13_999 * NS)
    assert 359 <= len(series.time_s) <= 362
    assert len(history) < 4200
    assert len(history.series(Window.MINUTE, now_ns=13_999 * NS).time_s) == 61


def test_a_long_silence_breaks_the_line():
    history = StatsHistory()
    history.add(sample(0))
    history.add(sample(100))
    series = history.series(Window.FIVE_MINUTES, now_ns=10_100 * NS)
    assert [math.isnan(value) for value in series.cpu_percent] == [False, True, False]


def test_clear_forgets_everything():
    history = StatsHistory()
    history.add(sample(0))
    history.clear()
    assert history.latest is None
    assert len(history.series(Window.MINUTE).time_s) == 0
