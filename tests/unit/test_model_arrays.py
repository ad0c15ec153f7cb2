"""What is done to the arrays of a model at once gives what doing it one by one gives."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import pytest

from slate_desktop.errors import AssetError
from slate_desktop.pipeline.model import meshopt, wasm
from slate_desktop.pipeline.model.document import Accessor, Document, extent_of
from slate_desktop.pipeline.model.lods import Maker
from slate_desktop.pipeline.model.normals import face_vectors
from slate_desktop.pipeline.model.packer import Packer, pack_accessors
from slate_desktop.pipeline.model.survey import bounds_of, check_geometry, warnings_of
from slate_desktop.pipeline.model.uses import Use
from slate_desktop.pipeline.model.wasm import instance


@pytest.mark.parametrize("rows", [1, 3, 99, 100, 5_000])
@pytest.mark.parametrize("dtype", [np.float32, np.uint16])
def test_extents_are_those_of_numpy(rows: int, dtype: type) -> None:
    values = np.random.default_rng(rows).uniform(1, 60_000, (rows, 3)).astype(dtype)
    least, greatest = extent_of(values)
    assert np.array_equal(least, values.min(axis=0))
    assert least.dtype == values.dtype
    assert np.array_equal(greatest, values.max(axis=0))


@pytest.mark.parametrize("rows", [7, 30_000])
def test_packed_accessors_lie_where_they_say_and_state_their_range(rows: int) -> None:
    random = np.random.default_rng(5)
    times = [random.uniform(0, 9, (rows + k, 1)).astype(np.float32) for k in range(4)]
    document = Document({"asset": {"version": "2.0"}})
    for values in times:
        document.add(values, "SCALAR")
    other = document.add(np.arange(rows, dtype=np.float32).reshape(-1, 1), "SCALAR")
    packer = Packer(compress=False)
    uses = dict.fromkeys(range(4), Use.TIME) | {other: Use.OTHER}
    entries = pack_accessors(document, range(5), uses, packer)
    data = b"".join(packer.parts)
    for entry, values in zip(entries, times, strict=False):
        assert entry["min"] == values.min(axis=0).tolist()
        assert entry["max"] == values.max(axis=0).tolist()
        start = packer.views[entry["bufferView"]]["byteOffset"] + entry.get("byteOffset", 0)
        assert data[start : start + values.nbytes] == values.tobytes()
    assert "min" not in entries[other]


def test_short_elements_of_vertices_begin_at_multiples_of_four() -> None:
    values = np.arange(15, dtype=np.uint8).reshape(5, 3)
    document = Document({"asset": {"version": "2.0"}})
    document.add(values, "VEC3")
    packer = Packer(compress=False)
    pack_accessors(document, [0], {0: Use.VERTEX}, packer)
    stored = np.frombuffer(b"".join(packer.parts), np.uint8).reshape(5, 4)
    assert np.array_equal(stored[:, :3], values)
    assert not stored[:, 3].any()


class _Elements:
    """Stored elements that note how often they were read."""

    dtype, width, count = np.dtype(np.float32), 3, 2

    def __init__(self) -> None:
        self.asked = 0

    def data(self) -> memoryview:
        return memoryview(np.ones(6, np.float32).tobytes())

    def array(self) -> np.ndarray[Any, np.dtype[np.float32]]:
        self.asked += 1
        return np.ones((2, 3), np.float32)


def test_values_of_an_accessor_are_read_once_and_when_they_are_asked_for() -> None:
    elements = _Elements()
    accessor = Accessor(elements, "VEC3")
    form = accessor.form
    assert accessor.data == np.ones(6, np.float32).tobytes()
    assert not elements.asked
    assert accessor.values is accessor.values
    assert accessor.floats is accessor.values
    assert accessor.form == form == (np.float32, 3, 2)
    assert accessor.data is None
    assert elements.asked == 1


def test_elements_that_nobody_reads_are_copied_as_bytes() -> None:
    elements = [_Elements() for _ in range(3)]
    document = Document({"asset": {"version": "2.0"}})
    document.accessors = [Accessor(each, "VEC3") for each in elements]
    packer = Packer(compress=False)
    pack_accessors(document, range(3), {}, packer)
    assert b"".join(packer.parts) == np.ones(18, np.float32).tobytes()
    assert not any(each.asked for each in elements)


def _sheet(transform: dict[str, Any]) -> Document:
    random = np.random.default_rng(2)
    document = Document({"asset": {"version": "2.0"}})
    positions = document.add(random.normal(0, 3, (300, 3)).astype(np.float32), "VEC3")
    document.tree["meshes"] = [{"primitives": [{"attributes": {"POSITION": positions}}]}]
    document.tree["nodes"] = [{"mesh": 0, **transform}]
    return document


@pytest.mark.parametrize(
    "transform",
    [
        {},
        {"scale": [2.0, -0.5, 3.0], "translation": [1.0, 2.0, 3.0]},
        {"rotation": [0.0, 0.0, 0.3826834, 0.9238795]},
        {"matrix": [0, 0, 2, 0, 1, 0, 0, 0, 0, -3, 0, 0, 5, 6, 7, 1]},
    ],
)
def test_bounds_are_those_of_every_point(transform: dict[str, Any]) -> None:
    document = _sheet(transform)
    from slate_desktop.pipeline.model.transforms import moved, world_matrices

    points = moved(document.accessors[0].floats, world_matrices(document)[0])
    low, high = bounds_of(document)
    assert low == tuple(points.min(axis=0).tolist())
    assert high == tuple(points.max(axis=0).tolist())


def test_faces_point_where_the_cross_product_does() -> None:
    random = np.random.default_rng(4)
    points = random.normal(0, 1, (50, 3)).astype(np.float32)
    triangles = random.integers(0, 50, (200, 3)).astype(np.uint32)
    a, b, c = (points[triangles[:, corner]] for corner in range(3))
    assert np.array_equal(face_vectors(points, triangles), np.cross(b - a, c - a))


def test_geometry_whose_only_area_is_in_its_last_triangle_is_shown() -> None:
    document = _sheet({})
    corners = np.zeros((5_000, 3), np.uint32)
    corners[-1] = (0, 1, 2)
    document.set_indices(document.tree["meshes"][0]["primitives"][0], corners.reshape(-1))
    check_geometry(document)


def test_rooms_of_a_module_are_apart_and_given_back() -> None:
    values = np.arange(100_000, dtype=np.uint32)
    places: set[tuple[int, int]] = set()
    with instance("encoder", 0) as lent:
        pass
    for _ in range(20):
        with instance("encoder", 0) as module, instance("encoder", 0) as other:
            assert module is lent
            assert other is not module
            first, second = module.put(values), module.put(values[::-1])
            assert second >= first + values.nbytes
            other.put(values + 7)
            assert np.array_equal(module.take(first, np.uint32, values.size), values)
            places.add((first, second))
    assert len(places) == 1


def test_a_module_that_broke_off_is_not_lent_again() -> None:
    lent: list[object] = []
    far = -16  # as an address, the last bytes of 4 GiB

    def order(address: int) -> None:
        with instance("encoder", 0) as module:
            lent.append(module)
            module.call("meshopt_optimizeVertexCacheStrip", module.room(12), address, 3, 3)

    with instance("encoder", 0) as module:
        sound = module.put(np.arange(3, dtype=np.uint32))
    order(sound)
    with pytest.raises(AssetError, match="memory"):
        order(far)
    assert lent[0] is lent[1]
    with instance("encoder", 0) as module:
        assert module is not lent[0]


def _hills(side: int, *, is_split: bool) -> tuple[Any, Any]:
    """Return triangles and positions of a square of hills, whose triangles may share nothing."""
    y, x = np.mgrid[0:side, 0:side]
    heights = np.sin(x / 9) * np.cos(y / 7) * 3
    positions = np.stack((x, y, heights), axis=-1).reshape(-1, 3).astype(np.float32)
    first = (np.arange(side - 1)[:, None] * side + np.arange(side - 1)).reshape(-1)
    corners = (first, first + 1, first + side, first + 1, first + side + 1, first + side)
    triangles = np.stack(corners, axis=-1).reshape(-1).astype(np.uint32)
    if is_split:
        return np.arange(triangles.size, dtype=np.uint32), positions[triangles]
    return triangles, positions


@pytest.mark.parametrize("is_split", [False, True])
@pytest.mark.parametrize("width", [0, 3, 9])
@pytest.mark.parametrize("spare", [0, 50_000])
def test_modules_need_no_more_memory_than_is_asked_for(
    is_split: bool, width: int, spare: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    triangles, positions = _hills(120, is_split=is_split)
    positions = np.concatenate((positions, np.zeros((spare, 3), np.float32)))
    attributes = np.random.default_rng(1).random((len(positions), width)).astype(np.float32)
    needs: dict[str, int] = {}
    sizes: dict[str, int] = {}

    @contextmanager
    def watched(name: str, need: int) -> Iterator[wasm.Instance]:
        module = wasm.Instance(name, is_still=True)
        before = module.size
        yield module
        needs[name], sizes[name] = need, module.size - before

    monkeypatch.setattr(meshopt, "instance", watched)
    weights = np.full(width, 0.3, np.float32)
    fewer, _ = meshopt.simplify(
        triangles, positions, attributes, weights, target=triangles.size // 12 * 3, max_error=0.5
    )
    assert fewer.size
    assert sizes["simplifier"] <= needs["simplifier"]
    values = np.ascontiguousarray(positions).view(np.uint8)
    for use in (
        lambda: meshopt.order_triangles(triangles, len(positions)),
        lambda: meshopt.vertex_order(triangles, len(positions)),
        lambda: meshopt.encode_vertices(values),
        lambda: meshopt.encode_triangles(triangles, len(positions)),
        lambda: meshopt.encode_sequence(triangles, len(positions)),
        lambda: meshopt.encode_filter("EXPONENTIAL", positions, 12, 15),
    ):
        use()
        assert sizes["encoder"] <= needs["encoder"]
    packed = meshopt.encode_vertices(values)
    assert meshopt.decode(packed, len(values), 12, "ATTRIBUTES") == values.tobytes()
    assert sizes["decoder"] <= needs["decoder"]


def test_memory_that_moves_gives_what_memory_that_stays_does(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    triangles, positions = _hills(60, is_split=False)
    attributes = positions[:, 2:] / 3
    form: dict[str, Any] = {"target": triangles.size // 12 * 3, "max_error": 0.5}
    weights = np.ones(1, np.float32)
    still = meshopt.simplify(triangles, positions, attributes, weights, **form)
    monkeypatch.setattr(wasm, "_MODULE_BYTES", wasm._STILL_BYTES)
    moving = meshopt.simplify(triangles, positions, attributes, weights, **form)
    assert np.array_equal(still[0], moving[0])
    assert still[1] == moving[1]
    assert wasm._idle["simplifier", False]


@pytest.mark.parametrize(("share", "is_told"), [(0.02, False), (0.2, True)])
def test_normals_that_look_inwards_are_told_by_their_share(share: float, is_told: bool) -> None:
    triangles, positions = _hills(150, is_split=True)
    up = np.tile(np.array([0, 0, 1], np.float32), (len(positions), 1))
    is_turned = np.random.default_rng(3).random(len(triangles) // 3) < share
    up[np.repeat(is_turned, 3)] *= -1
    told = warnings_of(_mesh(triangles, positions, NORMAL=up))
    assert any("look into the surface" in each for each in told) is is_told


@pytest.mark.parametrize("step", [1, 0.1, 1 / 3, 1024])
@pytest.mark.parametrize("is_split", [False, True])
def test_edges_of_more_than_two_faces_are_found(step: float, is_split: bool) -> None:
    triangles, positions = _hills(200, is_split=is_split)
    positions = positions * np.float32(step)
    extra = np.array([triangles[0], triangles[1], triangles[-1]], np.uint32)
    flat = np.full(9, 7, np.uint32)
    crowded = "edges of more than two faces"
    assert crowded not in " ".join(warnings_of(_mesh(triangles, positions)))
    for added, is_told in ((flat, False), (np.concatenate((extra, extra)), True)):
        told = warnings_of(_mesh(np.concatenate((triangles, added)), positions))
        assert (crowded in " ".join(told)) is is_told


def _mesh(triangles: Any, positions: Any, **attributes: Any) -> Document:
    document = Document({"asset": {"version": "2.0"}})
    named = {"POSITION": positions, **attributes}
    numbers = {name: document.add(each, "VEC3") for name, each in named.items()}
    primitive = {"attributes": numbers}
    document.tree["meshes"] = [{"primitives": [primitive]}]
    document.set_indices(primitive, triangles)
    return document


def test_a_level_that_fails_is_told_where_it_is_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    document = _sheet({})
    primitive = document.tree["meshes"][0]["primitives"][0]
    document.set_indices(primitive, np.arange(300, dtype=np.uint32))
    simplify = meshopt.simplify

    def fail_later(*arrays: Any, target: int, max_error: float) -> Any:
        if target < 100:
            raise AssetError.limit("too much")
        return simplify(*arrays, target=target, max_error=max_error)

    monkeypatch.setattr(meshopt, "simplify", fail_later)
    with Maker(document, (0.75, 0.25, 0.1)) as maker:
        levels = maker.levels()
        assert next(levels).fraction == 0.75
        with pytest.raises(AssetError, match="too much"):
            next(levels)
        with pytest.raises(AssetError, match="too much"):
            maker.wait()
