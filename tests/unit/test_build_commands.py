"""No value of an option can become an argument of its own, or change another one."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from slate_desktop.domain.build import BuildType, TargetPlatform
from slate_desktop.domain.builds.commands import Places, fill, plan_build
from slate_desktop.domain.builds.custom import CustomBuild, parse_custom_build
from slate_desktop.domain.builds.export_presets import ExportPreset
from slate_desktop.domain.builds.matrix import Workers
from slate_desktop.domain.builds.options import (
    MASK,
    BuildOptions,
    masked,
    options_to_json,
    parse_build_options,
)
from slate_desktop.domain.builds.source import BuildSource, file_name, read_source
from slate_desktop.domain.engine import Engine
from slate_desktop.errors import CommandError, ErrorCode, SettingsError

NAMES = st.text(min_size=1, max_size=40)
LINUX, PRODUCTION = TargetPlatform.LINUX, BuildType.PRODUCTION


def source_of(engine: Engine, **more: object) -> BuildSource:
    fields: dict[str, object] = {"engine": engine, "name": "Game"}
    match engine:
        case Engine.UNITY:
            fields["version"] = "6000.0.43f1"
        case Engine.UNREAL:
            fields |= {"version": "5.4", "uproject": "Game.uproject"}
        case Engine.GODOT:
            fields |= {"version": "3", "presets": [ExportPreset(name="L", platform="Linux/X11")]}
        case Engine.CUSTOM:
            fields["custom"] = CustomBuild(command=["make", "all"])
    return BuildSource(**(fields | more))


def argv_of(source: BuildSource, options: BuildOptions, **more: str) -> list[str]:
    plan = plan_build(source, LINUX, PRODUCTION, options, Workers(), Places(tool="t", **more))
    return list(next(s for s in plan.steps if s.id == source.recipe.main).argv)


def parsed(data: dict[str, object]) -> BuildOptions | None:
    """Return options, None when they are refused; any other error is a fault."""
    try:
        return parse_build_options(data)
    except CommandError as error:
        if error.code is not ErrorCode.BAD_REQUEST:
            raise
        return None


def refused_or_argv(source: BuildSource, options: BuildOptions, field: str) -> list[str] | None:
    """Return the command, None when it is refused because of ``field``."""
    try:
        return argv_of(source, options)
    except CommandError as error:
        if error.field != field:
            raise
        return None


@given(name=NAMES)
def test_a_presets_name_is_one_argument_or_refused(name: str) -> None:
    options = parsed({"preset": name})
    if options is None:
        return
    source = source_of(Engine.GODOT, presets=[ExportPreset(name=name, platform="Linux/X11")])
    argv = argv_of(source, options)
    assert argv[:4] == ["t", "--path", "/app/project", "--export"]
    assert argv[4] == name
    assert not name.startswith("-")
    assert len(argv) == 6


@given(name=NAMES)
def test_a_presets_name_from_the_project_is_no_switch_either(name: str) -> None:
    source = source_of(Engine.GODOT, presets=[ExportPreset(name=name, platform="Linux/X11")])
    argv = refused_or_argv(source, BuildOptions(), "preset")
    if argv is None:
        return
    assert argv[4] == name
    assert not name.startswith("-")
    assert len(argv) == 6


@given(method=NAMES)
def test_a_method_is_a_name_or_refused(method: str) -> None:
    options = parsed({"preset": method})
    if options is None:
        return
    argv = refused_or_argv(source_of(Engine.UNITY), options, "preset")
    if argv is None:
        return
    assert argv[argv.index("-executeMethod") + 1] == method
    assert set(method) <= set("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.")


@given(
    words=st.lists(st.text(min_size=1, max_size=30), max_size=6),
    jobs=st.integers(1, 256),
    engine=st.sampled_from([Engine.UNITY, Engine.UNREAL, Engine.CUSTOM]),
)
def test_custom_arguments_stay_whole_and_come_last(
    words: list[str], jobs: int, engine: Engine
) -> None:
    options = parsed({"custom_arguments": words, "parallel_jobs": jobs})
    if options is None:
        return
    source = source_of(engine)
    plain = argv_of(source, parse_build_options({"parallel_jobs": jobs}))
    argv = refused_or_argv(source, options, "custom_arguments")
    if argv is None:
        return
    assert argv[: len(plain)] == plain
    assert argv[len(plain) :] == words


@given(data=st.dictionaries(NAMES, st.one_of(NAMES, st.integers(), st.none(), st.booleans())))
def test_options_of_any_shape_are_read_or_refused(data: dict[str, object]) -> None:
    options = parsed(data)
    if options is not None:
        assert parse_build_options(options_to_json(options)) == options


@given(version=NAMES)
def test_an_engines_version_makes_a_tag_or_is_refused(version: str) -> None:
    options = parsed({"engine_version": version})
    if options is None:
        return
    plan = plan_build(source_of(Engine.UNITY), LINUX, PRODUCTION, options, Workers())
    assert plan.image is not None
    tag = plan.image.tag
    assert set(tag) <= set("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.-")
    # The image is the only thing that a version changes.
    assert argv_of(source_of(Engine.UNITY), options) == argv_of(
        source_of(Engine.UNITY), BuildOptions()
    )


@given(name=st.text(max_size=200))
def test_a_projects_name_becomes_a_plain_file_name(name: str) -> None:
    made = file_name(name)
    assert made
    assert made[0] not in "-."
    assert set(made) <= set("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.-")
    assert len(made) <= 60


def test_a_filled_word_is_not_filled_again() -> None:
    assert fill("{a}", {"a": "{b}", "b": "no"}) == "{b}"
    assert fill("-x={env:SERIAL}", {}) == "-x={env:SERIAL}"
    with pytest.raises(SettingsError):
        fill("{nobody}", {})


@pytest.mark.parametrize(
    "argument",
    ["-projectPath", "-EXECUTEMETHOD", "--quit", "-runTests", "-logFile=x", "-serial"],
)
def test_a_switch_of_slates_cannot_be_given_again(argument: str) -> None:
    options = parse_build_options({"custom_arguments": [argument]})
    with pytest.raises(CommandError) as info:
        argv_of(source_of(Engine.UNITY), options)
    assert info.value.field == "custom_arguments"


def test_unreals_switches_cannot_be_given_again() -> None:
    for argument in ("-project=/etc/x.uproject", "-ArchiveDirectory=/", "/platform=Win64"):
        with pytest.raises(CommandError):
            argv_of(source_of(Engine.UNREAL), parse_build_options({"custom_arguments": [argument]}))
    argv = argv_of(source_of(Engine.UNREAL), parse_build_options({"customArguments": ["-map=A"]}))
    assert argv[-1] == "-map=A"


def test_godot_refuses_arguments_that_it_would_ignore() -> None:
    with pytest.raises(CommandError) as info:
        argv_of(source_of(Engine.GODOT), parse_build_options({"custom_arguments": ["--fast"]}))
    assert "in silence" in str(info.value)


@pytest.mark.parametrize(
    ("data", "field"),
    [
        ({"parallelJobs": 0}, "parallel_jobs"),
        ({"parallelJobs": -1}, "parallel_jobs"),
        ({"parallel_jobs": 10**9}, "parallel_jobs"),
        ({"parallel_jobs": True}, "parallel_jobs"),
        ({"parallel_jobs": 2, "parallelJobs": 3}, "parallel_jobs"),
        ({"clean": "yes"}, "clean"),
        ({"optimization": "most"}, "optimization"),
        ({"compressionFormat": "rar"}, "compression_format"),
        ({"environment": {"LD_PRELOAD": "x"}}, "env"),
        ({"environment": {"A=B": "x"}}, "env"),
        ({"engine_version": "$(x)"}, "engine_version"),
        ({"engine_version": "latest; rm"}, "engine_version"),
        ({"custom_arguments": "a b"}, "custom_arguments"),
        ({"custom_arguments": ["a\0b"]}, "custom_arguments"),
        ({"custom_arguments": ["x"] * 65}, "custom_arguments"),
        ({"preset": "--script=evil.gd"}, "preset"),
        ({"preset": "a\nb"}, "preset"),
        ({"driver": "ssh"}, "driver"),
        ({"time_limit_s": 0}, "time_limit_s"),
        ({"priority": 101}, "priority"),
        ({"paralelJobs": 4}, "options"),
        ([], "options"),
    ],
)
def test_a_bad_option_is_refused_by_name(data: object, field: str) -> None:
    with pytest.raises(CommandError) as info:
        parse_build_options(data)
    assert (info.value.code, info.value.field) == (ErrorCode.BAD_REQUEST, field)


def test_both_spellings_mean_the_same() -> None:
    camel = {"clean": True, "optimization": "full", "compressionFormat": "gzip", "parallelJobs": 8}
    snake = {
        "clean": True, "optimization": "full", "compression_format": "gzip", "parallel_jobs": 8,
    }  # fmt: skip
    assert parse_build_options(camel) == parse_build_options(snake)
    assert options_to_json(parse_build_options(camel)) == snake


def test_secrets_in_options_are_masked() -> None:
    shown = masked({"environment": {"API_TOKEN": "s3cret", "LEVEL": "2"}, "clean": True})
    assert shown == {"environment": {"API_TOKEN": MASK, "LEVEL": "2"}, "clean": True}


def test_options_reach_a_custom_build_as_variables() -> None:
    options = parse_build_options(
        {"parallel_jobs": 3, "compression_format": "brotli", "environment": {"SLATE_JOBS": "9"}}
    )
    plan = plan_build(source_of(Engine.CUSTOM), LINUX, PRODUCTION, options, Workers())
    assert plan.env["SLATE_JOBS"] == "3"
    assert plan.env["SLATE_COMPRESSION"] == "brotli"
    assert plan.env["SLATE_OUTPUT"] == "/app/output"
    assert plan.env["SLATE_PLATFORM"] == "linux"


def test_a_custom_project_without_a_command_says_what_to_do() -> None:
    with pytest.raises(CommandError) as info:
        argv_of(source_of(Engine.CUSTOM, custom=CustomBuild()), BuildOptions())
    assert "[build]" in info.value.hint


def test_a_custom_commands_words_are_filled_once() -> None:
    custom = CustomBuild(command=["{python}", "b.py", "{output}/{x}"])
    argv = argv_of(source_of(Engine.CUSTOM, custom=custom), BuildOptions(), python="py3")
    assert argv == ["py3", "b.py", "/app/output/{x}"]


@pytest.mark.parametrize(
    "table",
    [
        {"command": 3},
        {"command": "unbalanced '"},
        {"command": []},
        {"artifact": "../x"},
        {"artifact": "/etc/passwd"},
        {"artifact": "-x"},
        {"kind": "exe"},
        {"platforms": ["amiga"]},
        {"network": "host"},
        {"method": "-evil"},
        {"shell": "x"},
        "make",
    ],
)
def test_a_bad_build_table_is_refused(table: object) -> None:
    with pytest.raises(CommandError) as info:
        parse_custom_build(table)
    assert info.value.code is ErrorCode.BAD_REQUEST


def test_a_projects_file_limits_platforms_with_a_reason(tmp_path: Path) -> None:
    (tmp_path / "slate.toml").write_text(
        '[build]\ncommand = "make -j2 \'a b\'"\nplatforms = ["linux"]\nartifact = "bin/game"\n'
    )
    source = read_source(tmp_path, Engine.CUSTOM, "My Game!")
    assert source.name == "My-Game"
    assert source.custom.command == ["make", "-j2", "a b"]
    plan = plan_build(source, LINUX, PRODUCTION, BuildOptions(), Workers())
    assert plan.product == "bin/game"
    with pytest.raises(CommandError) as info:
        plan_build(source, TargetPlatform.WINDOWS, PRODUCTION, BuildOptions(), Workers())
    assert "does not list windows" in str(info.value)


def test_a_folder_of_another_engine_is_refused(tmp_path: Path) -> None:
    with pytest.raises(CommandError) as info:
        read_source(tmp_path, Engine.GODOT, "x")
    assert info.value.field == "project_id"


def test_two_uprojects_are_refused(tmp_path: Path) -> None:
    for name in ("A.uproject", "B.uproject"):
        (tmp_path / name).write_text("{}")
    with pytest.raises(CommandError) as info:
        read_source(tmp_path, Engine.UNREAL, "x")
    assert "A.uproject, B.uproject" in str(info.value)


def test_a_plan_is_a_plain_value() -> None:
    plan = plan_build(source_of(Engine.UNITY), LINUX, PRODUCTION, BuildOptions(), Workers())
    assert msgspec.convert(msgspec.to_builtins(plan), type(plan)) == plan
