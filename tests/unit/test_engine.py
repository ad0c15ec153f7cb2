"""Engines: detection from marker files, and the presets."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from slate_desktop.domain.engine import (
    Engine,
    EngineDetection,
    default_container_config,
    detect_engine,
    load_preset,
    preset_for,
    read_preset,
)
from slate_desktop.domain.sizes import GIB
from slate_desktop.errors import SettingsError

GODOT4 = 'config_version=5\n[application]\nconfig/name="x"\n'


def put(root: Path, name: str, content: str | bytes) -> None:
    path = root / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content if isinstance(content, bytes) else content.encode())


@pytest.mark.parametrize(
    ("content", "version", "flavour"),
    [
        ("m_EditorVersion: 6000.0.43f1\nm_EditorVersionWithRevision: x\n", "6000.0.43f1", None),
        ("m_EditorVersion: 2022.3.62f3c1\r\n", "2022.3.62f3c1", "china"),
        ("\ufeffm_EditorVersion: 2021.3.1b2", "2021.3.1b2", None),
    ],
)
def test_unity_is_detected(tmp_path: Path, content: str, version: str, flavour: str | None) -> None:
    put(tmp_path, "ProjectSettings/ProjectVersion.txt", content)
    assert detect_engine(tmp_path) == EngineDetection(
        engine=Engine.UNITY, version=version, flavour=flavour
    )


@pytest.mark.parametrize("content", [b"", b"\xff\xfe\x00", b"m_EditorVersion: latest"])
def test_unity_without_a_version_says_so(tmp_path: Path, content: bytes) -> None:
    put(tmp_path, "ProjectSettings/ProjectVersion.txt", content)
    found = detect_engine(tmp_path)
    assert found.engine is Engine.UNITY
    assert found.version is None
    assert found.problem


@pytest.mark.parametrize(
    ("data", "version", "flavour"),
    [
        ({"EngineAssociation": "5.4"}, "5.4", "blueprint"),
        ({"EngineAssociation": "{AB-CD}", "Modules": [{"Name": "x"}]}, "{AB-CD}", "cpp"),
        ({"EngineAssociation": ""}, None, "blueprint"),
        ({"EngineAssociation": 5}, None, "blueprint"),
    ],
)
def test_unreal_is_detected(tmp_path: Path, data: dict, version: str | None, flavour: str) -> None:
    put(tmp_path, "Game.uproject", json.dumps(data))
    found = detect_engine(tmp_path)
    assert (found.engine, found.version, found.flavour) == (Engine.UNREAL, version, flavour)
    assert found.candidates == ["Game.uproject"]
    assert found.problem is None


def test_several_unreal_projects_must_be_chosen_from(tmp_path: Path) -> None:
    put(tmp_path, "B.uproject", "{}")
    put(tmp_path, "A.uproject", "{}")
    found = detect_engine(tmp_path)
    assert found.engine is Engine.UNREAL
    assert found.candidates == ["A.uproject", "B.uproject"]
    assert found.problem


@pytest.mark.parametrize("content", [b"", b"[]", b"{", b"\xff", b"[" * 100_000, b"null"])
def test_broken_unreal_project_says_so(tmp_path: Path, content: bytes) -> None:
    put(tmp_path, "A.uproject", content)
    found = detect_engine(tmp_path)
    assert found.engine is Engine.UNREAL
    assert found.problem


@pytest.mark.parametrize(
    ("content", "version", "flavour"),
    [
        (GODOT4, "4", "gdscript"),
        (GODOT4 + 'config/features=PackedStringArray("4.3", "Forward Plus")\n', "4.3", "gdscript"),
        (GODOT4 + 'config/features=PackedStringArray("C#", "4.2")\n[dotnet]\n', "4.2", "csharp"),
        ("; comment\nconfig_version=4\n", "3", "gdscript"),
        ("config_version=4\r\n", "3", "gdscript"),
        ("config_version=99\n", None, "gdscript"),
    ],
)  # fmt: skip
def test_godot_is_detected(tmp_path: Path, content: str, version: str | None, flavour: str) -> None:
    put(tmp_path, "project.godot", content)
    found = detect_engine(tmp_path)
    assert (found.engine, found.version, found.flavour) == (Engine.GODOT, version, flavour)
    assert (found.problem is None) == (version is not None)


def test_godot_with_a_csproj_is_the_csharp_flavour(tmp_path: Path) -> None:
    put(tmp_path, "project.godot", GODOT4)
    put(tmp_path, "Game.csproj", "")
    assert detect_engine(tmp_path).flavour == "csharp"


def test_folder_without_markers_is_custom(tmp_path: Path) -> None:
    put(tmp_path, "main.py", "")
    (tmp_path / "project.godot").mkdir()
    assert detect_engine(tmp_path) == EngineDetection(engine=Engine.CUSTOM)


def test_markers_of_two_engines_are_a_problem(tmp_path: Path) -> None:
    put(tmp_path, "project.godot", GODOT4)
    put(tmp_path, "A.uproject", "{}")
    found = detect_engine(tmp_path)
    assert found.engine is Engine.UNREAL
    assert found.problem is not None
    assert "godot" in found.problem


@pytest.mark.parametrize("name", ["missing", "file"])
def test_folder_that_cannot_be_listed_is_a_problem(tmp_path: Path, name: str) -> None:
    put(tmp_path, "file", "")
    found = detect_engine(tmp_path / name)
    assert found.engine is Engine.CUSTOM
    assert found.problem


def test_marker_that_is_a_pipe_does_not_block(tmp_path: Path) -> None:
    if not hasattr(os, "mkfifo"):
        pytest.skip("pipes with names: not on this platform")
    os.mkfifo(tmp_path / "project.godot")
    assert detect_engine(tmp_path).engine is Engine.CUSTOM


@pytest.mark.parametrize(
    ("engine", "memory", "cpus", "gpu", "gpu_optional", "ports"),
    [
        (Engine.UNITY, 4 * GIB, 2, True, False, {8080: 8080, 7777: 7777}),
        (Engine.UNREAL, 8 * GIB, 4, True, False, {8080: 8080, 7777: 7777}),
        (Engine.GODOT, 2 * GIB, 2, True, True, {}),
        (Engine.CUSTOM, None, None, False, False, {}),
    ],
)
def test_defaults_are_those_of_the_original_system(
    engine: Engine,
    memory: int | None,
    cpus: float | None,
    gpu: bool,
    gpu_optional: bool,
    ports: dict[int, int],
) -> None:
    config = default_container_config(engine)
    assert config.memory_bytes == memory
    assert config.cpus == cpus
    assert (config.gpu, config.gpu_optional) == (gpu, gpu_optional)
    assert config.ports == ports
    assert config.image == (None if engine is Engine.CUSTOM else f"slate/{engine.value}-runtime")


@pytest.mark.parametrize(
    ("version", "flavour", "reference"),
    [
        (None, None, "slate/godot-runtime:latest"),
        ("3", None, "slate/godot-runtime:latest"),
        ("3.5", None, "slate/godot-runtime:latest"),
        ("4", None, "barichello/godot-ci:latest"),
        ("4.3", None, "barichello/godot-ci:4.3"),
        ("4.3", "csharp", "barichello/godot-ci:mono-4.3"),
        ("4.x/../y z", None, "barichello/godot-ci:4.x-..-y-z"),
        ("40", None, "slate/godot-runtime:latest"),
    ],
)
def test_image_follows_the_version(
    version: str | None, flavour: str | None, reference: str
) -> None:
    assert default_container_config(Engine.GODOT, version, flavour=flavour).reference == reference


def test_command_of_the_process_driver_follows_the_version() -> None:
    assert preset_for(Engine.GODOT, "3").binaries[0] == "godot3-server"
    assert "--headless" not in preset_for(Engine.GODOT, "3.5").argv
    assert "--headless" in preset_for(Engine.GODOT, "4.3").argv


def test_preset_is_not_changed_by_its_use() -> None:
    before = dict(load_preset(Engine.GODOT).container)
    preset_for(Engine.GODOT, "4.3", "csharp")
    assert load_preset(Engine.GODOT).container == before


@pytest.mark.parametrize(
    "content",
    [b"", b"engine = 5", b"engine = 'godot'", b"\xff", b"[", b"engine='unity'\ntitle='x'\nx=1",
     b"engine='godot'\ntitle='Godot'"],
)  # fmt: skip
def test_broken_preset_is_refused(tmp_path: Path, content: bytes) -> None:
    put(tmp_path, "unity.toml", content)
    with pytest.raises(SettingsError):
        read_preset(tmp_path / "unity.toml", Engine.UNITY)


def test_missing_preset_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SettingsError):
        read_preset(tmp_path / "none.toml", Engine.UNITY)
