"""Bands of rows in threads: the same on every machine, whatever calls what."""

from __future__ import annotations

import itertools
import threading

import pytest

from slate_desktop.domain.assets.texture import Effort
from slate_desktop.pipeline import threads
from slate_desktop.pipeline.texture.bands import BAND_PIXELS, map_threads, row_bands
from slate_desktop.pipeline.texture.blocks import encode_level, encode_levels
from slate_desktop.pipeline.texture.gpuformats import BY_NAME
from slate_desktop.pipeline.texture.light import Curve
from slate_desktop.pipeline.texture.mips import colour_mips
from tests.services.pictures import landscape


@pytest.mark.parametrize(("height", "width"), [(1, 1), (7, 5000), (666, 1024), (4096, 4096)])
def test_bands_cover_all_rows_and_begin_with_whole_blocks(height: int, width: int) -> None:
    bands = row_bands(height, width, 4)
    assert bands[0][0] == 0
    assert bands[-1][1] == height
    assert all(bottom == top for (_, bottom), (top, _) in itertools.pairwise(bands))
    assert all(top % 4 == 0 for top, _ in bands)
    assert all((bottom - top) * width <= max(BAND_PIXELS, 4 * width) for top, bottom in bands)


def test_picture_of_one_megapixel_has_work_for_several_threads() -> None:
    assert len(row_bands(1024, 1024, 4)) >= 8
    assert len(row_bands(16, 16, 4)) == 1


@pytest.mark.parametrize("has_alpha", [False, True])
@pytest.mark.parametrize("effort", list(Effort))
def test_the_number_of_threads_changes_no_byte(
    effort: Effort, has_alpha: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    levels = colour_mips(landscape(256, 192, alpha=has_alpha), Curve.SRGB, has_alpha=has_alpha)
    made: list[list[bytes]] = []
    for share in (1, 3):
        monkeypatch.setattr(threads, "_share", share)
        told: list[float] = []
        made.append(
            encode_levels(levels, BY_NAME["bc7"], effort, has_alpha=has_alpha, progress=told.append)
        )
        assert told == sorted(told)
        assert told[-1] == 1.0
    assert made[0] == made[1]
    alone = [encode_level(each, BY_NAME["bc7"], effort, has_alpha=has_alpha) for each in levels]
    assert alone == made[0]


def test_work_that_splits_its_own_work_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(threads, "_share", 2)
    found = map_threads(lambda n: sum(map_threads(lambda m: n * m, range(4))), range(8))
    assert found == [6 * n for n in range(8)]


def test_error_of_one_item_is_raised_and_the_threads_serve_on(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(threads, "_share", 2)
    with pytest.raises(ZeroDivisionError):
        map_threads(lambda n: 1 // n, [1, 0, 2])
    assert map_threads(lambda n: n + 1, [1, 2, 3]) == [2, 3, 4]


def test_without_threads_all_is_done_in_this_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(threads, "_share", 5)

    def refuse(_self: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(threading.Thread, "start", refuse)
    names: list[str] = []
    done: list[int] = []
    map_threads(lambda _: names.append(threading.current_thread().name), range(3), done.append)
    assert set(names) == {threading.current_thread().name}
    assert len(names) == 3
    assert done == [0, 1, 2]
