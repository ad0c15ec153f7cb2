"""The queue explains itself."""

from __future__ import annotations

from slate_desktop.domain.builds.waiting import Needs, Running, Worker, explain

GIB = 1 << 30


def say(needs: Needs, queue: list[str], running: list[Running], workers: list[Worker]) -> str:
    return explain(needs, queue, running, workers).reason


def test_a_queue_without_workers_says_so() -> None:
    assert say(Needs(build_id="b"), ["b"], [], []) == "No worker is there: start an agent."


def test_a_missing_capability_is_named() -> None:
    needs = Needs(build_id="b", capability="console:ps5")
    assert "console:ps5" in say(needs, ["b"], [], [Worker(agent_id="a")])
    needs = Needs(build_id="b", systems=("macos",))
    assert "macos machine" in say(needs, ["b"], [], [Worker(agent_id="a")])


def test_a_seat_in_use_names_its_holder_and_the_time() -> None:
    worker = Worker(agent_id="a", licences={"unity": 1}, slots=4)
    running = [Running(build_id="41", agent_id="a", licence="unity", remaining_s=360)]
    needs = Needs(build_id="b", licence="unity")
    assert say(needs, ["b"], running, [worker]) == (
        "Unity licence 1 of 1 in use by build 41, about 6 min."
    )
    assert "No Unity licence is configured" in say(needs, ["b"], [], [Worker(agent_id="a")])


def test_position_and_slots_are_told() -> None:
    worker = Worker(agent_id="a")
    running = [Running(build_id="r1", agent_id="a", remaining_s=30)]
    found = explain(Needs(build_id="c"), ["a", "b", "c"], running, [worker])
    assert (found.position, found.of) == (3, 3)
    assert found.reason == "2 builds before this one, about 30 s."
    assert say(Needs(build_id="a"), ["a"], running, [worker]) == (
        "1 of 1 build slots in use by r1, about 30 s."
    )


def test_memory_that_is_missing_names_who_holds_it() -> None:
    worker = Worker(
        agent_id="a",
        slots=2,
        memory_bytes=16 * GIB,
        held=(("session A", 8 * GIB), ("session B", 4 * GIB)),
    )
    text = say(Needs(build_id="b", memory_bytes=8 * GIB), ["b"], [], [worker])
    assert "8 GB of memory, 4 GB free" in text
    assert "session A and session B hold 12 GB" in text


def test_the_next_one_starts_in_a_moment() -> None:
    assert say(Needs(build_id="b"), ["b"], [], [Worker(agent_id="a")]) == "Starts in a moment."


def test_builds_hold_memory_too_and_nobody_asks_for_more_than_there_is() -> None:
    worker = Worker(agent_id="a", slots=2, memory_bytes=4 * GIB)
    needs = Needs(build_id="b", memory_bytes=8 * GIB)
    assert say(needs, ["b"], [], [worker]) == "Starts in a moment."
    running = [Running(build_id="r1", agent_id="a", memory_bytes=GIB)]
    assert say(needs, ["b"], running, [worker]) == (
        "4 GB of memory, 3 GB free: build r1 holds 1 GB."
    )
    # A worker that does not say how much it has takes anything.
    assert say(needs, ["b"], running, [worker, Worker(agent_id="c")]) == "Starts in a moment."
