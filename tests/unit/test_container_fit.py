"""Layers of a configuration, and its size on a host."""

from __future__ import annotations

import pytest

from slate_desktop.domain.container import ContainerConfig, fit_to_host, merge_config
from slate_desktop.domain.engine import Engine, default_container_config
from slate_desktop.domain.sizes import GIB, MIB
from slate_desktop.errors import CommandError, ErrorCode

NONE: frozenset[str] = frozenset()


def test_preset_that_fits_is_not_changed() -> None:
    config = default_container_config(Engine.UNREAL)
    assert fit_to_host(config, 64 * GIB, 16, True, explicit=NONE) == (config, [])


def test_preset_larger_than_the_host_is_sized_down_with_notes() -> None:
    config, notes = fit_to_host(
        default_container_config(Engine.UNREAL), 4 * GIB, 2, False, explicit=NONE
    )
    assert config.memory_bytes == 3 * GIB
    assert config.cpus == 2
    assert not config.gpu
    assert [note.partition(":")[0] for note in notes] == ["Memory", "CPUs", "GPU"]


@pytest.mark.parametrize(
    ("config", "field", "code"),
    [
        (ContainerConfig(memory_bytes=5 * GIB), "memory", ErrorCode.LIMIT_DENIED),
        (ContainerConfig(cpus=99), "cpus", ErrorCode.LIMIT_DENIED),
        (ContainerConfig(gpu=True), "gpu", ErrorCode.GPU_UNAVAILABLE),
    ],
)
def test_explicit_value_larger_than_the_host_is_refused(
    config: ContainerConfig, field: str, code: ErrorCode
) -> None:
    with pytest.raises(CommandError) as caught:
        fit_to_host(config, 4 * GIB, 2, False, explicit=frozenset({field}))
    assert caught.value.code is code
    assert caught.value.field == field


def test_explicit_value_for_one_field_leaves_the_others_to_the_preset() -> None:
    config = default_container_config(Engine.UNREAL)
    fitted, notes = fit_to_host(config, 64 * GIB, 2, True, explicit=frozenset({"memory"}))
    assert fitted.cpus == 2
    assert len(notes) == 1


def test_optional_gpu_is_switched_off_with_a_note() -> None:
    config = ContainerConfig(gpu=True, gpu_optional=True)
    fitted, notes = fit_to_host(config, GIB, 1, False, explicit=frozenset({"gpu", "gpuOptional"}))
    assert not fitted.gpu
    assert len(notes) == 1


def test_host_exactly_as_large_as_asked_is_large_enough() -> None:
    config = ContainerConfig(memory_bytes=4 * GIB, cpus=2)
    explicit = frozenset({"memory", "cpus"})
    assert fit_to_host(config, 4 * GIB, 2, False, explicit=explicit) == (config, [])


def test_tiny_host_still_gets_what_engines_accept() -> None:
    fitted, _ = fit_to_host(ContainerConfig(memory_bytes=GIB), 7 * MIB, 1, False, explicit=NONE)
    assert fitted.memory_bytes == 6 * MIB


def test_later_layers_win() -> None:
    preset = default_container_config(Engine.GODOT)
    merged = merge_config(
        preset,
        {"memory": "1g", "cpus": 1, "env": {"A": "1", "B": "1"}},
        {"memory": "512m", "env": {"B": "2"}, "network_mode": "none"},
    )
    assert merged.memory_bytes == 512 * MIB
    assert merged.cpus == 1
    assert merged.env == {**preset.env, "A": "1", "B": "2"}
    assert merged.network_mode == "none"
    assert merged.image == preset.image
    assert merged.command == preset.command


def test_null_takes_a_value_back() -> None:
    merged = merge_config(default_container_config(Engine.GODOT), {}, {"command": None})
    assert merged.command is None


def test_other_image_does_not_keep_tag_and_digest() -> None:
    digest = "sha256:" + "a" * 64
    merged = merge_config(ContainerConfig(), {"image": f"x:1@{digest}"}, {"image": "host:5000/y"})
    assert merged.reference == "host:5000/y:latest"


def test_later_tag_replaces_the_one_in_an_earlier_image() -> None:
    merged = merge_config(ContainerConfig(), {"image": "x:1"}, {"tag": "2"})
    assert merged.reference == "x:2"


@pytest.mark.parametrize(
    ("project", "overrides"), [({"privileged": True}, {}), ({}, {"memory": "4gg"})]
)
def test_bad_layer_is_refused(project: dict, overrides: dict) -> None:
    with pytest.raises(CommandError):
        merge_config(ContainerConfig(), project, overrides)


def test_mounts_of_a_layer_replace_those_below() -> None:
    merged = merge_config(
        default_container_config(Engine.UNITY), {}, {"volumes": [], "ports": {"1": 8081}}
    )
    assert merged.volumes == []
    assert merged.ports == {1: 8081}
