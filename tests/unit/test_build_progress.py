"""Progress only rises and ends at 100, whatever the engine counts."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from slate_desktop.domain.builds.eta import about, remaining_s
from slate_desktop.domain.builds.progress import ProgressTracker
from slate_desktop.domain.builds.recipe import BuildRecipe
from slate_desktop.domain.engine import Engine, load_preset

RECIPES = {recipe.id: recipe for engine in Engine for recipe in load_preset(engine).builds}
NUMBER = st.integers(0, 10**6)
MARKERS = st.one_of(
    st.builds("[{}/{} 3s] Csc Library/Bee/x.dll".format, NUMBER, NUMBER),
    st.builds("[{}/{}] Compile Module.Game.cpp".format, NUMBER, NUMBER),
    st.builds(
        "LogCook: Display: Cooked packages {} Packages Remain {} Total 9".format, NUMBER, NUMBER
    ),
    st.builds("@progress 'Cooking' {}%".format, NUMBER),
    st.builds("@progress push {}%".format, NUMBER),
    st.builds("savepack: begin: Packing steps: {}".format, NUMBER),
    st.builds("\tsavepack: step {}: Storing File: res://a.gdc".format, NUMBER),
    st.builds("[ {}% ] reimport | a.png".format, NUMBER),
    st.builds("[  {}% ] savepack | b.tscn".format, NUMBER),
    st.builds("[{}%] Building C object x.o".format, NUMBER),
    st.sampled_from(
        [
            "********** COOK COMMAND STARTED **********",
            "********** BUILD COMMAND STARTED **********",
            "slate: checked 3 scripts, 0 broken",
            "Exiting batchmode successfully now!",
            "noise",
            "",
        ]
    ),
    st.text(max_size=60),
)


@given(recipe=st.sampled_from(list(RECIPES.values())), lines=st.lists(MARKERS, max_size=60))
def test_progress_is_monotonic_and_ends_at_100(recipe: BuildRecipe, lines: list[str]) -> None:
    tracker = ProgressTracker(recipe)
    seen = 0
    for line in lines:
        changed = tracker.feed(line)
        now = tracker.now
        assert changed is None or changed == now
        assert seen <= now.percent < 100
        seen = now.percent
    assert tracker.finish("done").percent == 100
    for line in lines:
        assert tracker.feed(line) is None
    assert tracker.now.percent == 100


def run(recipe_id: str, *lines: str) -> list[tuple[int, str]]:
    tracker = ProgressTracker(RECIPES[recipe_id])
    states = [tracker.feed(line) for line in lines]
    return [(state.percent, state.message) for state in states if state is not None]


def test_steps_are_told_in_words() -> None:
    assert run("unreal", "[212/575] Compile Module.Game.cpp") == [
        (14, "212 of 575: compile: Compile Module.Game.cpp")
    ]
    assert run(
        "godot-3", "savepack: begin: Packing steps: 102", "\tsavepack: step 52: Storing File: x"
    )[-1] == (60, "52 of 102: pack: Storing File: x")


def test_a_total_that_grows_and_shrinks_does_not_take_progress_back() -> None:
    states = run(
        "unreal",
        "LogCook: Display: Cooked packages 50 Packages Remain 50 Total 100",
        "LogCook: Display: Cooked packages 60 Packages Remain 540 Total 600",
        "LogCook: Display: Cooked packages 500 Packages Remain 20 Total 520",
    )
    percents = [percent for percent, _ in states]
    assert percents == sorted(percents)
    assert percents[0] == percents[1] < percents[2]
    assert states[1][1].startswith("60 of 600: cook")


def test_counts_that_start_again_go_on_from_where_they_were() -> None:
    states = run(
        "unity", "[10/10 1s] a", "[1/900 2s] b", "[900/900 9s] c", "[1/3 9s] d", "[3/3 9s] e"
    )
    percents = [percent for percent, _ in states]
    assert percents == sorted(percents)
    assert 40 < percents[0] < 60
    assert percents[2] < percents[4] < 95


def test_prefixes_and_nuls_do_not_hide_a_marker() -> None:
    wide = "".join(f"{letter}\0" for letter in "Log: [7/10] Link Game")
    assert run("unreal", wide)[0][1] == "7 of 10: compile: Link Game"
    assert run("unreal", "\x1b[32m[7/10] Link Game\x1b[0m")[0][1] == "7 of 10: compile: Link Game"


def test_a_phase_before_does_not_become_the_current_one() -> None:
    states = run(
        "unreal",
        "********** COOK COMMAND STARTED **********",
        "[1/10] Compile late.cpp",
        "@progress 'Cooking' 50%",
    )
    assert states[-1][0] == int((0.4 + 0.45 * 0.5) * 100)


def test_the_history_decides_early_and_the_pace_late() -> None:
    assert remaining_s([], 1.0, 0) is None
    assert remaining_s([], 10.0, 50) == pytest.approx(10.0)
    assert remaining_s([100.0, 110.0, 90.0], 10.0, 0) == pytest.approx(90.0)
    late = remaining_s([100.0], 180.0, 90)
    assert late is not None
    assert 10 < late < 30
    assert remaining_s([100.0], 50.0, 100) == 0


@given(
    history=st.lists(st.floats(0, 1e6), max_size=30),
    elapsed=st.floats(0, 1e6),
    percent=st.integers(0, 100),
)
def test_an_estimate_is_never_negative(history: list[float], elapsed: float, percent: int) -> None:
    left = remaining_s(history, elapsed, percent)
    assert left is None or left >= 0


def test_estimates_are_rounded_in_words() -> None:
    assert [about(s) for s in (2, 44, 370, 9000)] == [
        "about 5 s", "about 45 s", "about 6 min", "about 2.5 h",
    ]  # fmt: skip
