"""Sets of build options under a name: what is kept, and what is refused."""

from __future__ import annotations

import pytest

from slate_desktop.domain.build import BuildType, TargetPlatform
from slate_desktop.domain.builds.presets import MAX_NAME, BuildPreset, make_preset
from slate_desktop.errors import CommandError, ErrorCode


def make(name: object = "Steam", **more: object) -> BuildPreset:
    return make_preset(name, BuildType.PRODUCTION, TargetPlatform.LINUX, **more)  # type: ignore[arg-type]


def test_a_preset_holds_options_as_rows_do() -> None:
    preset = make(
        "  Nightly für Steam ",
        source_commit="abcdef1",
        options={"parallelJobs": 4, "env": {"A": "1"}, "clean": False},
    )
    assert preset.name == "Nightly für Steam"
    assert preset.options == {"parallel_jobs": 4, "environment": {"A": "1"}}
    assert preset.source_commit == "abcdef1"


@pytest.mark.parametrize(
    "name", ["", "   ", "a\nb", "a\x00", "\x9b", "x" * (MAX_NAME + 1), None, 3]
)
def test_a_name_that_is_no_line_is_refused(name: object) -> None:
    with pytest.raises(CommandError) as info:
        make(name)
    assert (info.value.code, info.value.field) == (ErrorCode.BAD_REQUEST, "name")


@pytest.mark.parametrize(
    ("more", "field"),
    [
        ({"options": {"parallel_jobs": 0}}, "parallel_jobs"),
        ({"options": {"colour": "red"}}, "options"),
        ({"source_commit": "main"}, "source_commit"),
    ],
)
def test_options_that_no_build_takes_are_refused(more: dict[str, object], field: str) -> None:
    with pytest.raises(CommandError) as info:
        make(**more)
    assert info.value.field == field
