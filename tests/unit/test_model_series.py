"""Levels that are written and read together: what is alike is packed once and compared."""

from __future__ import annotations

import json
import struct
from pathlib import Path

import numpy as np
import pytest

from slate_desktop.domain.assets.model import ModelOptions, ModelReport
from slate_desktop.errors import AssetError, CommandError, ErrorCode
from slate_desktop.pipeline import model
from slate_desktop.pipeline.model import product
from slate_desktop.pipeline.model.lod_nodes import documents_of
from slate_desktop.pipeline.model.lods import make_levels
from slate_desktop.pipeline.model.prune import drop_accessors
from slate_desktop.pipeline.model.read import read
from slate_desktop.pipeline.model.reread import Reader
from slate_desktop.pipeline.model.save import save_glb
from slate_desktop.pipeline.model.series import Series
from tests.services.gltf import Reader as OtherReader
from tests.services.small_models import rich_model


def levels_in(folder: Path, *, compress: bool = False) -> tuple[Series, list[Path], list[bytes]]:
    """Write the rich model and two levels as a series; also return what each is on its own."""
    document = read(rich_model(folder / "rich.glb"))
    drop_accessors(document)
    levels = make_levels(document, (0.5, 0.25))
    documents = [document, *(each for _, each in documents_of(document, levels))]
    series = Series(document, compress=compress)
    paths: list[Path] = []
    alone: list[bytes] = []
    for number, each in enumerate(documents):
        paths.append(folder / f"level{number}.glb")
        paths[-1].write_bytes(b"".join(series.save(each)))
        alone.append(b"".join(save_glb(each, compress=compress)))
    return series, paths, alone


def change(path: Path, old: bytes, new: bytes) -> None:
    """Replace a part of a file by one of equal length."""
    data = path.read_bytes()
    assert data.count(old) >= 1
    assert len(old) == len(new)
    path.write_bytes(data.replace(old, new, 1))


@pytest.mark.parametrize("compress", [False, True])
def test_a_series_holds_what_each_level_holds_alone(tmp_path: Path, compress: bool) -> None:
    series, paths, alone = levels_in(tmp_path, compress=compress)
    reader = Reader(series.extent)
    assert series.extent.accessors > 0
    for path, expected in zip(paths, alone, strict=True):
        (tmp_path / "alone.glb").write_bytes(expected)
        ours, theirs, whole = reader.read(path), read(tmp_path / "alone.glb"), read(path)
        assert ours.tree["meshes"] == whole.tree["meshes"]
        for one, other in zip(ours.primitives(), theirs.primitives(), strict=True):
            assert one["attributes"].keys() == other["attributes"].keys()
            for name, index in one["attributes"].items():
                values = ours.accessors[index].values
                assert np.array_equal(values, theirs.accessors[other["attributes"][name]].values)
        for one, other in zip(ours.accessors, whole.accessors, strict=True):
            assert np.array_equal(one.values, other.values)


def test_levels_share_their_first_bytes(tmp_path: Path) -> None:
    series, paths, _ = levels_in(tmp_path)
    bodies = []
    for path in paths:
        data = path.read_bytes()
        bodies.append(data[20 + struct.unpack_from("<I", data, 12)[0] + 8 :])
    size = series.extent.size
    assert size > 300  # animations, the skin and the picture
    assert all(body[:size] == bodies[0][:size] for body in bodies)
    trees = [OtherReader(path).tree for path in paths]
    assert all(tree["animations"] == trees[0]["animations"] for tree in trees)


@pytest.mark.parametrize("what", ["animation", "picture"])
def test_a_level_that_differs_where_it_should_not_is_refused(tmp_path: Path, what: str) -> None:
    series, paths, _ = levels_in(tmp_path)
    reader = Reader(series.extent)
    reader.read(paths[0])
    if what == "animation":
        change(paths[1], b'"path":"rotation"', b'"path":"rotatixn"')
    else:
        change(paths[1], b"\x89PNG", b"\x89PNX")
    with pytest.raises(CommandError) as caught:
        reader.read(paths[1])
    assert caught.value.code is ErrorCode.INTERNAL
    reader.read(paths[2])


@pytest.mark.parametrize("what", ["index", "count", "not finite"])
def test_what_a_level_has_of_its_own_is_checked(tmp_path: Path, what: str) -> None:
    series, paths, _ = levels_in(tmp_path)
    reader = Reader(series.extent)
    reader.read(paths[0])
    data = paths[1].read_bytes()
    length = struct.unpack_from("<I", data, 12)[0]
    tree, body = json.loads(data[20 : 20 + length]), bytearray(data[28 + length :])
    primitive = tree["meshes"][0]["primitives"][0]
    entry = tree["accessors"][primitive["attributes"]["POSITION"]]
    if what == "index":
        entry = tree["accessors"][primitive["indices"]]
        view = tree["bufferViews"][entry["bufferView"]]
        struct.pack_into("<H", body, view["byteOffset"] + entry.get("byteOffset", 0), 60_000)
    elif what == "count":
        tree["accessors"][-1]["count"] += 100_000
    else:
        view = tree["bufferViews"][entry["bufferView"]]
        struct.pack_into("<f", body, view["byteOffset"] + entry.get("byteOffset", 0), float("nan"))
    # The JSON stays as short as it was, so that what is alike lies where it lay.
    text = json.dumps(tree, separators=(",", ":"), ensure_ascii=False)
    paths[1].write_bytes(_glb(text.encode(), bytes(body)))
    with pytest.raises(AssetError) as caught:
        reader.read(paths[1])
    assert caught.value.code is ErrorCode.ASSET_INVALID


def test_large_models_are_written_one_by_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = rich_model(tmp_path / "rich.glb")
    found: list[list[int]] = []
    for limit in (product.LARGE_BYTES, 0):
        monkeypatch.setattr(product, "LARGE_BYTES", limit)
        out = tmp_path / f"out{limit}"
        out.mkdir()
        result = model.process(
            source, out, ModelOptions(generate_lods=True), progress=lambda *_: None
        )
        assert isinstance(result.report, ModelReport)
        found.append([result.report.after.triangles, *(e.triangles for e in result.report.lods)])
        assert [each.role for each in result.products] == ["primary", "lod1", "lod2", "lod3"]
    assert found[0] == found[1]


def _glb(text: bytes, body: bytes) -> bytes:
    text += b" " * (-len(text) % 4)
    body += b"\0" * (-len(body) % 4)
    chunks = struct.pack("<I4s", len(text), b"JSON") + text
    chunks += struct.pack("<I4s", len(body), b"BIN\0") + body
    return struct.pack("<4sII", b"glTF", 2, 12 + len(chunks)) + chunks


def test_a_product_that_became_empty_is_no_model(tmp_path: Path) -> None:
    series, paths, _ = levels_in(tmp_path)
    paths[0].write_bytes(b"")
    with pytest.raises(AssetError, match=r"level0\.glb is empty"):
        Reader(series.extent).read(paths[0])
