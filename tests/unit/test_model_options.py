"""Options of model jobs: what is read, and what is refused by name."""

from __future__ import annotations

import math
from typing import Any

import pytest

from slate_desktop.domain.assets.kinds import AssetKind
from slate_desktop.domain.assets.model import (
    LodLayout,
    MeshCompression,
    ModelFormat,
    ModelOptions,
    parse_model_options,
)
from slate_desktop.domain.assets.options import options_to_json, parse_options
from slate_desktop.errors import CommandError, ErrorCode


def test_names_of_the_original_system_are_read() -> None:
    options = parse_model_options(
        {
            "format": "glb",
            "scale": 2,
            "optimize": True,
            "generateLODs": True,
            "lodLevels": [0.75, 0.5, 0.25],
            "bakeLighting": True,
        }
    )
    assert options == ModelOptions(scale=2.0, optimize=True, generate_lods=True, bake_lighting=True)


def test_options_survive_their_json_form() -> None:
    options = ModelOptions(
        format=ModelFormat.GLTF,
        compression=MeshCompression.MESHOPT,
        lod_levels=(0.5, 0.1),
        lod_layout=LodLayout.NODE,
    )
    assert parse_options(AssetKind.MODEL, options_to_json(options)) == options


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("format", "exe"),
        ("format", "fbx"),
        ("scale", 0),
        ("scale", -1),
        ("scale", math.nan),
        ("scale", math.inf),
        ("scale", 1e300),
        ("scale", "2"),
        ("scale", True),
        ("lod_levels", [1.5]),
        ("lod_levels", [0.25, 0.5]),
        ("lod_levels", [0.5, 0.5]),
        ("lod_levels", []),
        ("lod_levels", [1 - n / 2000 for n in range(1000)]),
        ("lod_levels", [0]),
        ("lod_levels", [math.nan]),
        ("lod_levels", 0.5),
        ("lod_levels", "0.5"),
        ("optimize", 1),
        ("compression", "draco"),
        ("rays", 0),
        ("rays", 10**9),
        ("bones", 3),
    ],
)
def test_bad_value_is_refused_by_name(field: str, value: Any) -> None:
    with pytest.raises(CommandError) as caught:
        parse_model_options({field: value})
    assert (caught.value.code, caught.value.field) == (ErrorCode.BAD_REQUEST, field)


@pytest.mark.parametrize(
    ("field", "value"), [("quantize", True), ("compression", "meshopt"), ("lod_layout", "node")]
)
def test_what_only_gltf_holds_is_refused_for_other_formats(field: str, value: Any) -> None:
    with pytest.raises(CommandError) as caught:
        parse_model_options({"format": "obj", field: value})
    assert caught.value.field == field
