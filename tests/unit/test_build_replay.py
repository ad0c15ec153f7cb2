"""Logs in the engines' own form, replayed: progress, findings and the verdict they lead to."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import pytest

from slate_desktop.domain.builds.findings import FindingCollector, digest
from slate_desktop.domain.builds.judgement import StepExit, Verdict, judge
from slate_desktop.domain.builds.progress import ProgressTracker
from slate_desktop.domain.engine import Engine, load_preset

LOGS = Path(__file__).parents[1] / "data" / "builds"
RECIPES = {recipe.id: recipe for engine in Engine for recipe in load_preset(engine).builds}
P, F, S = Verdict.PASSED, Verdict.FAILED, Verdict.SUSPECT


class Case(NamedTuple):
    log: str
    recipe: str
    exit_code: int
    artifact_problem: str
    verdict: Verdict
    witness: str
    first_error: tuple[str | None, int | None] | None
    errors: int
    least_percent: int


CASES = [
    Case("unity-good", "unity", 0, "", P, "", None, 0, 60),
    Case("unity-compile-error-lies", "unity", 0, "Game is not there", F, "exit",
         ("Assets/Scripts/Player.cs", 42), 4, 10),
    Case("unity-compile-error-lies", "unity", 0, "", F, "exit",
         ("Assets/Scripts/Player.cs", 42), 4, 10),
    Case("unity-exit1-good", "unity", 1, "", S, "exit", None, 0, 40),
    Case("unity-good", "unity", 0, "Game.x86_64 is not there", F, "artifact", None, 0, 60),
    Case("unreal-good", "unreal", 0, "", P, "", None, 0, 89),
    Case("unreal-cook-failed-lies", "unreal", 0, "", F, "artifact",
         (None, None), 5, 40),
    Case("unreal-good", "unreal", 0, "Linux holds no files", F, "artifact", None, 0, 89),
    Case("godot3-good", "godot-3", 0, "", P, "", None, 0, 99),
    Case("godot3-script-error-lies", "godot-3", 0, "", S, "errors", ("Pulse.gd", 82), 1, 99),
    Case("godot3-good", "godot-3", 1, "", S, "exit", None, 0, 99),
    Case("godot3-good", "godot-3", 1, "pulse.x86_64 is not there", F, "errors", None, 0, 99),
    Case("godot4-good", "godot-4", 0, "", P, "", None, 0, 75),
    Case("godot4-script-error-lies", "godot-4", 0, "", S, "errors", ("player.gd", 12), 2, 95),
    Case("custom-good", "custom", 0, "", P, "", None, 0, 30),
    Case("custom-error", "custom", 2, "the build left no file behind", F, "",
         ("game.c", 14), 3, 10),
]  # fmt: skip


def replay(case: Case) -> tuple[ProgressTracker, FindingCollector]:
    recipe = RECIPES[case.recipe]
    tracker, collector = ProgressTracker(recipe), FindingCollector(recipe, ["/app/project"])
    lines = (LOGS / f"{case.log}.log").read_text(encoding="utf-8").splitlines()
    for number, line in enumerate(lines, start=1):
        tracker.feed(line)
        collector.feed(line, seq=number)
    return tracker, collector


@pytest.mark.parametrize(
    "case", CASES, ids=lambda case: f"{case.log}-{case.exit_code}-{case.verdict}-{case.witness}"
)
def test_a_log_leads_to_its_verdict(case: Case) -> None:
    tracker, collector = replay(case)
    found = judge(
        [StepExit(step="build", code=case.exit_code)],
        collector.errors,
        case.artifact_problem,
        tool_exit_code=collector.exit_code,
    )
    assert (found.verdict, found.witness) == (case.verdict, case.witness), found.reason
    assert len(collector.errors) == case.errors, collector.errors
    if case.first_error is not None:
        first = collector.errors[0]
        assert (first.file, first.line) == case.first_error
    assert case.least_percent <= tracker.now.percent < 100
    assert found.reason


def test_errors_carry_file_line_column_code_and_count() -> None:
    _, collector = replay(CASES[1])
    first = collector.errors[0]
    assert (first.file, first.line, first.column, first.code) == (
        "Assets/Scripts/Player.cs", 42, 17, "CS0103",
    )  # fmt: skip
    assert first.count == 2
    assert first.seq == 2
    shader = next(f for f in collector.errors if f.file == "Custom/Water")
    assert shader.line == 31


def test_the_workspace_is_cut_off_the_front_of_files() -> None:
    _, collector = replay(CASES[6])
    files = [(f.file, f.line) for f in collector.errors]
    assert ("Source/Game/Door.cpp", 88) in files
    assert ("D:/Game/Source/Game/Lock.cpp", 17) in files


def test_the_tools_own_exit_code_is_heard() -> None:
    _, collector = replay(CASES[6])
    assert collector.exit_code == 25


def test_a_traceback_names_the_place_where_it_was_raised() -> None:
    _, collector = replay(CASES[-1])
    raised = next(f for f in collector.errors if "no compiler" in f.message)
    assert (raised.file, raised.line) == ("build.py", 12)


def test_output_in_utf16_is_read_like_any_other() -> None:
    recipe = RECIPES["unreal"]
    collector = FindingCollector(recipe)
    for line in ("LogCook: Error: no skeleton", "ERROR: Cook failed."):
        collector.feed("".join(f"{letter}\0" for letter in line))
    assert [f.message for f in collector.errors] == ["no skeleton", "Cook failed."]


def test_the_digest_groups_and_counts_the_gravest_first() -> None:
    _, collector = replay(CASES[1])
    groups = digest(collector.errors + collector.warnings)
    assert groups[0].title == "Scripts have compiler errors."
    by_title = {group.title.split(":")[0]: group.count for group in groups}
    assert by_title["CS0103"] == 2
    assert by_title["CS0246"] == 1


def test_the_digest_joins_the_same_words_of_different_places() -> None:
    collector = FindingCollector(RECIPES["custom"])
    for number in range(5):
        collector.feed(f"a{number}.c:{number + 1}:1: error: 3 unknown types")
    assert [(g.count, len(g.findings)) for g in digest(collector.errors)] == [(5, 5)]


def test_an_endless_list_of_errors_stays_bounded() -> None:
    collector = FindingCollector(RECIPES["custom"])
    for number in range(2000):
        collector.feed(f"a.c:{number + 1}: error: e{number}")
    assert len(collector.errors) == 500
    assert collector.dropped == 1500


def test_a_step_that_is_no_evidence_is_not_held_against_the_build() -> None:
    exits = [StepExit(step="import", code=1, is_evidence=False), StepExit(step="export", code=0)]
    assert judge(exits, [], "").verdict is Verdict.PASSED


def test_an_unknown_end_is_never_passed() -> None:
    found = judge([StepExit(step="build", code=None)], [], "")
    assert (found.verdict, found.witness) == (Verdict.SUSPECT, "exit")
