"""Nine platforms, four engines (Godot in two versions), three types: a command or a reason."""

from __future__ import annotations

import importlib.util
import itertools
from pathlib import Path
from types import ModuleType

import pytest

from slate_desktop.domain.build import BuildType, TargetPlatform
from slate_desktop.domain.builds.commands import plan_build
from slate_desktop.domain.builds.matrix import CONSOLES, Workers, availability
from slate_desktop.domain.builds.options import BuildOptions, parse_build_options
from slate_desktop.domain.builds.source import BuildSource
from slate_desktop.domain.engine import Engine, load_preset
from slate_desktop.errors import CommandError, ErrorCode

ROOT = Path(__file__).parents[2]
P, T = TargetPlatform, BuildType
NONE = frozenset[TargetPlatform]()
# What a lone Linux worker without SDKs cannot build, and a word of the reason.
BLOCKED = {
    "unity": dict.fromkeys(CONSOLES, "module"),
    "unreal": {
        P.WINDOWS: "Windows worker",
        P.MACOS: "Mac",
        P.IOS: "Xcode",
        P.WEBGL: "no WebGL",
        **dict.fromkeys(CONSOLES, "module"),
    },
    "godot-3": {P.IOS: "Xcode", **dict.fromkeys(CONSOLES, "third parties")},
    "godot-4": {P.IOS: "Xcode", **dict.fromkeys(CONSOLES, "third parties")},
    "custom": {P.IOS: "Mac", **dict.fromkeys(CONSOLES, "SDK")},
}
# Words that must stand in the command, by engine and target or type.
WORDS = {
    ("unity", P.WINDOWS): "Win64",
    ("unity", P.MACOS): "OSXUniversal",
    ("unity", P.LINUX): "StandaloneLinux64",
    ("unity", P.WEBGL): "WebGL",
    ("unity", T.DEVELOPMENT): "Development,AllowDebugging",
    ("unity", T.PRODUCTION): "CompressWithLz4HC",
    ("unreal", P.LINUX): "-platform=Linux",
    ("unreal", P.ANDROID): "-platform=Android",
    ("unreal", T.DEVELOPMENT): "-iterate",
    ("unreal", T.PRODUCTION): "-clientconfig=Shipping",
    ("godot-3", T.DEVELOPMENT): "--export-debug",
    ("godot-3", T.STAGING): "--export",
    ("godot-3", T.PRODUCTION): "--export",
    ("godot-4", T.DEVELOPMENT): "--export-debug",
    ("godot-4", T.PRODUCTION): "--export-release",
}


def matrix_module() -> ModuleType:
    path = ROOT / "packaging" / "build_matrix.py"
    spec = importlib.util.spec_from_file_location("slate_build_matrix", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


MATRIX = matrix_module()
SOURCES: list[BuildSource] = MATRIX.sources()


@pytest.mark.parametrize(
    ("source", "platform", "build_type"),
    [
        pytest.param(s, p, t, id=f"{s.recipe.id}-{p}-{t}")
        for s, p, t in itertools.product(SOURCES, TargetPlatform, BuildType)
    ],
)
def test_every_target_has_a_command_or_a_reason(
    source: BuildSource, platform: TargetPlatform, build_type: BuildType
) -> None:
    recipe = source.recipe
    found = availability(recipe, platform, build_type, Workers())
    reason = BLOCKED[recipe.id].get(platform)
    if reason is not None:
        assert not found.is_available
        assert reason in found.reason
        with pytest.raises(CommandError) as info:
            plan_build(source, platform, build_type, BuildOptions(), Workers())
        assert (info.value.code, info.value.field) == (ErrorCode.BAD_REQUEST, "target_platform")
        assert str(info.value) == found.reason
        return
    assert found.is_available, found.reason
    plan = plan_build(source, platform, build_type, BuildOptions(), Workers())
    main = next(step for step in plan.steps if step.id == recipe.main)
    assert main.argv
    assert all(isinstance(word, str) and word for word in main.argv)
    # No placeholder is left over, and the engine's own words are there.
    assert not any("{" in word and "}" in word for word in main.argv)
    for key in (platform, build_type):
        if (recipe.id, key) in WORDS:
            assert WORDS[recipe.id, key] in main.argv


def test_all_four_engines_are_in_the_table() -> None:
    assert {source.engine for source in SOURCES} == set(Engine)
    for engine in Engine:
        for recipe in load_preset(engine).builds:
            assert set(recipe.platforms) == set(TargetPlatform)
            assert set(recipe.types) == set(BuildType)


def test_the_document_is_the_table() -> None:
    text = (ROOT / "docs" / "build-matrix.md").read_text(encoding="utf-8")
    assert text == MATRIX.render(), "run: python packaging/build_matrix.py"


@pytest.mark.parametrize("platform", CONSOLES)
def test_a_console_opens_where_a_worker_advertises_it(platform: TargetPlatform) -> None:
    workers = Workers(capabilities=frozenset({f"console:{platform.value}"}))
    by_id = {source.recipe.id: source for source in SOURCES}
    for engine in ("unity", "unreal", "custom"):
        plan = plan_build(by_id[engine], platform, T.PRODUCTION, BuildOptions(), workers)
        assert plan.capability == f"console:{platform.value}"
    for engine in ("godot-3", "godot-4"):
        with pytest.raises(CommandError):
            plan_build(by_id[engine], platform, T.PRODUCTION, BuildOptions(), workers)


def test_hosts_open_their_targets() -> None:
    unreal = SOURCES[1]
    for platform, system in ((P.WINDOWS, "windows"), (P.MACOS, "macos"), (P.IOS, "macos")):
        workers = Workers(systems=frozenset({system}))
        assert plan_build(unreal, platform, T.STAGING, BuildOptions(), workers).systems == (system,)


def test_an_engine_built_from_source_has_the_test_configuration() -> None:
    import msgspec

    unreal = msgspec.structs.replace(SOURCES[1], version="{A1B2}")
    plan = plan_build(unreal, P.LINUX, T.STAGING, BuildOptions(), Workers())
    assert "-clientconfig=Test" in plan.steps[0].argv


def test_options_become_the_engines_own_words_or_a_note() -> None:
    options = parse_build_options(
        {"clean": True, "optimization": "full", "compressionFormat": "gzip", "parallelJobs": 8}
    )
    words = {}
    notes = {}
    for source in SOURCES:
        plan = plan_build(source, P.LINUX, T.PRODUCTION, options, Workers())
        main = next(step for step in plan.steps if step.id == source.recipe.main)
        words[source.recipe.id], notes[source.recipe.id] = main.argv, " ".join(plan.notes)
    assert {"-job-worker-count", "8", "-slateCleanBuildCache"} <= set(words["unity"])
    assert "WebGL only" in notes["unity"]
    assert {"-clean", "-MaxParallelActions=8", "-compressed"} <= set(words["unreal"])
    assert words["unreal"].count("-compressed") == 1
    assert "-iterate" not in words["unreal"]
    assert "no setting for parallel jobs" in notes["godot-3"]
    webgl = plan_build(SOURCES[0], P.WEBGL, T.PRODUCTION, options, Workers())
    assert "gzip" in webgl.steps[1].argv


def test_a_licence_is_taken_and_always_given_back() -> None:
    plan = plan_build(SOURCES[0], P.LINUX, T.PRODUCTION, BuildOptions(), Workers())
    assert plan.licence == "unity"
    assert [step.id for step in plan.steps] == ["activate", "build", "return-floating", "return"]
    assert [step.always for step in plan.steps] == [False, False, True, True]
    assert plan.steps[2].needs_env == ("UNITY_LICENSING_SERVER",)
    # Secrets are named, never written out.
    assert "{env:UNITY_SERIAL}" in plan.steps[0].argv
