"""What is dropped of logs, and what is refused."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from slate_desktop.domain.retention import StoredSession, check_policy, drop_for_size
from slate_desktop.errors import CommandError


def stored(name: str, first: int, last: int, *, is_over: bool = True) -> StoredSession:
    return StoredSession(session_id=name, is_over=is_over, first_seq=first, last_seq=last)


def test_oldest_sessions_go_first_and_keep_their_last_line() -> None:
    sessions = [stored("a", 1, 100), stored("b", 11, 110), stored("c", 1, 100)]
    assert drop_for_size(sessions, 100.0, 15_000) == {"a": 99, "b": 61}
    assert drop_for_size(sessions, 100.0, 30_000) == {}
    assert drop_for_size(sessions, 100.0, None) == {}


def test_sessions_that_run_lose_nothing_by_size() -> None:
    sessions = [stored("a", 1, 100, is_over=False), stored("b", 1, 100)]
    assert drop_for_size(sessions, 100.0, 5_000) == {"b": 99}


@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    st.lists(st.tuples(st.integers(1, 1000), st.integers(0, 1000), st.booleans()), max_size=8),
    st.integers(1, 2000),
)
def test_what_is_left_fits_or_nothing_more_may_go(
    seen: list[tuple[int, int, bool]], lines: int
) -> None:
    sessions = [
        stored(str(n), first, first + count, is_over=over)
        for n, (first, count, over) in enumerate(seen)
    ]
    upto = drop_for_size(sessions, 10.0, lines * 10)
    left = 0
    for session in sessions:
        last = upto.get(session.session_id, session.first_seq - 1)
        assert session.first_seq - 1 <= last < session.last_seq or not session.is_over
        assert session.is_over or session.session_id not in upto
        left += session.last_seq - last
    spare = sum(1 if s.is_over else s.lines for s in sessions)
    assert left <= max(lines, spare)
    # Never more than has to go.
    assert not upto or left == max(lines, left)


@pytest.mark.parametrize(("days", "size"), [(0, None), (3651, None), (None, 1000), (None, 1 << 60)])
def test_limits_out_of_range_are_refused(days: int | None, size: int | None) -> None:
    with pytest.raises(CommandError) as caught:
        check_policy(days, size)
    assert caught.value.field in ("max_age_days", "max_bytes")
