"""Advice from runs, bursts of errors, marks of runs, and spans that are moved and zoomed."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from slate_desktop.control.monitor import marks_of_run
from slate_desktop.domain.marks import MarkKind, error_bursts
from slate_desktop.domain.runs import Run, advise, round_memory

GIB = 1024**3
BEGAN = datetime(2026, 1, 1, tzinfo=UTC)


def run(
    peak: float = 1.0,
    limit: float = 4.0,
    *,
    killed: bool = False,
    number: int = 1,
    cpu: float = 100.0,
    cpus: float = 0,
    status: str = "stopped",
) -> Run:
    return Run(
        session_id="s",
        attempt=number,
        project_id="p",
        runtime_type="godot",
        status="failed" if killed else status,
        started_at=BEGAN + timedelta(hours=number),
        stopped_at=BEGAN + timedelta(hours=number, minutes=5),
        oom_killed=killed,
        memory_limit=int(limit * GIB),
        memory_peak=int(peak * GIB),
        cpu_peak=cpu,
        cpu_limit=cpus,
    )


def test_runs_that_were_killed_need_more() -> None:
    runs = [run(6.3, 8, number=n) for n in range(1, 10)]
    runs += [run(4, 4, killed=True, number=n) for n in range(10, 13)]
    advice = advise(runs)
    assert advice is not None
    assert (advice.runs, advice.killed, advice.killed_at) == (12, 3, 4 * GIB)
    assert advice.memory_peak == int(6.3 * GIB)
    assert advice.memory_bytes == 8 * GIB
    assert advice.cpus is None


def test_runs_that_fit_need_no_change_and_runs_without_figures_say_nothing() -> None:
    advice = advise([run(2.5, 4, number=n) for n in range(1, 6)])
    assert advice is not None
    assert not advice.is_change
    assert advise([]) is None
    assert advise([run(0, 4)]) is None


def test_much_too_much_is_said_after_three_runs() -> None:
    assert [
        advice.memory_bytes if (advice := advise([run(0.5, 8, number=n)] * n)) else 0
        for n in (1, 2, 3)
    ] == [None, None, int(0.75 * GIB)]


def test_cpu_is_advised_by_the_cores_kept_busy() -> None:
    short = advise([run(2.5, 4, cpu=199.0, cpus=2)])
    plenty = advise([run(2.5, 4, cpu=80.0, cpus=8, number=n) for n in (1, 2, 3)])
    assert short is not None
    assert short.cpus == 2.5
    assert plenty is not None
    assert plenty.cpus == 1.0


sizes = st.floats(0.01, 64)


@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    st.lists(
        st.tuples(sizes, sizes, st.booleans(), st.floats(0, 3200), st.floats(0, 32)),
        min_size=1,
        max_size=12,
    )
)
def test_advice_always_holds_what_was_used(
    seen: list[tuple[float, float, bool, float, float]],
) -> None:
    runs = [
        run(peak, limit, killed=killed, number=n, cpu=cpu, cpus=cpus)
        for n, (peak, limit, killed, cpu, cpus) in enumerate(seen, 1)
    ]
    advice = advise(runs)
    assert advice is not None
    if advice.memory_bytes is not None:
        assert advice.memory_bytes >= max(r.memory_peak for r in runs)
        assert advice.memory_bytes > advice.killed_at
        assert advice.memory_bytes != advice.memory_limit
        assert advice.memory_bytes == round_memory(advice.memory_bytes)
    if advice.cpus is not None:
        assert advice.cpus * 100 >= max(r.cpu_peak for r in runs)
        assert advice.cpus != advice.cpu_limit
    if advice.killed and advice.memory_limit <= advice.killed_at:
        assert advice.memory_bytes is not None


def test_errors_that_come_thick_are_one_burst() -> None:
    times = [n * 10**9 for n in (0, 100, 101, 102, 103, 104, 300, 301)]
    assert error_bursts(times) == [(100 * 10**9, 5)]


@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(st.integers(0, 10**12), max_size=60))
def test_bursts_hold_no_error_twice(times: list[int]) -> None:
    bursts = error_bursts(times, least=2)
    assert sum(count for _, count in bursts) <= len(times)
    assert all(at in times and count >= 2 for at, count in bursts)


def test_marks_of_runs_say_how_they_began_and_ended() -> None:
    kinds = [mark.kind for mark in marks_of_run(run())]
    assert kinds == [MarkKind.START, MarkKind.STOP]
    assert [m.kind for m in marks_of_run(run(killed=True, number=2))] == [
        MarkKind.RESTART,
        MarkKind.OOM,
    ]
    assert marks_of_run(run(status="failed"))[1].kind is MarkKind.FAILED
