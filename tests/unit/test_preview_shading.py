"""Texels as they are looked at: channels, exposure, normals, differences, tiles and levels."""

from __future__ import annotations

import numpy as np
import pytest

from slate_desktop.pipeline.preview.planes import halve, map_plane, write_plane
from slate_desktop.pipeline.preview.shading import Channel, Look, cut, difference, shade


def pixels(*texels: tuple[int, ...]) -> np.ndarray:
    return np.array([texels], dtype=np.uint8)


@pytest.mark.parametrize(
    ("channel", "shown"),
    [
        (Channel.RGBA, (10, 20, 30, 40)),
        (Channel.RGB, (10, 20, 30, 255)),
        (Channel.RED, (10, 10, 10, 255)),
        (Channel.GREEN, (20, 20, 20, 255)),
        (Channel.BLUE, (30, 30, 30, 255)),
        (Channel.ALPHA, (40, 40, 40, 255)),
    ],
)
def test_channel(channel: Channel, shown: tuple[int, ...]) -> None:
    assert tuple(shade(pixels((10, 20, 30, 40)), Look(channel=channel))[0, 0]) == shown


def test_luminance_weighs_linear_light() -> None:
    shown = shade(pixels((255, 0, 0, 0), (255, 255, 255, 9)), Look(channel=Channel.LUMINANCE))
    # 0.2126 of linear light is 127 in sRGB.
    assert tuple(shown[0, 0]) == (127, 127, 127, 255)
    assert tuple(shown[0, 1]) == (255, 255, 255, 255)


def test_exposure_doubles_light_and_leaves_alpha() -> None:
    shown = shade(pixels((128, 64, 0, 77)), Look(exposure=1.0))
    assert tuple(shown[0, 0]) == (176, 90, 0, 77)


def test_float_texels_are_encoded_and_odd_values_do_no_harm() -> None:
    level = np.array([[[0.5, 4.0, np.nan, 1.0], [np.inf, -1.0, 0.0, np.nan]]], dtype=np.float32)
    shown = shade(level, Look())
    assert tuple(shown[0, 0]) == (188, 255, 0, 255)
    assert tuple(shown[0, 1]) == (255, 0, 0, 0)
    assert shade(level, Look(exposure=-2.0))[0, 0, 1] == 255
    assert shade(level, Look(exposure=-3.0))[0, 0, 1] == 188


def test_normal_map_is_lit_from_the_upper_left() -> None:
    flat, left, right = (128, 128, 255, 255), (38, 128, 218, 255), (218, 128, 218, 255)
    two_channels = (128, 128, 0, 255)
    look = Look(is_normal_map=True)
    shown = shade(pixels(flat, left, right, two_channels), look)[0, :, 0].astype(int)
    assert shown[1] > shown[0] > shown[2]
    assert abs(shown[3] - shown[0]) <= 1
    up = pixels((128, 218, 218, 255))
    down = Look(is_normal_map=True, is_green_down=True)
    assert shade(up, look)[0, 0, 0] > shade(up, down)[0, 0, 0]


def test_difference_shows_alpha_too() -> None:
    shown = difference(pixels((10, 10, 10, 255)), pixels((10, 12, 10, 245)), gain=8)
    assert tuple(shown[0, 0]) == (80, 80, 80, 255)


def test_tiles_repeat_in_every_direction() -> None:
    level = np.arange(6 * 4, dtype=np.uint8).reshape(2, 3, 4)
    piece = cut(level, -1, -1, 5, 4, is_tiled=True)
    assert piece.shape == (4, 5, 4)
    assert (piece[0, 0] == level[1, 2]).all()
    assert (piece[3, 4] == level[0, 0]).all()
    assert (cut(level, 1, 0, 2, 2, is_tiled=False) == level[0:2, 1:3]).all()


@pytest.mark.parametrize("shape", [(1, 1), (1, 5), (5, 1), (4, 6), (7, 3)])
@pytest.mark.parametrize("kind", [np.uint8, np.float32])
def test_halved_levels_end_at_one_pixel_and_keep_a_flat_colour(
    shape: tuple[int, int], kind: type
) -> None:
    level = np.full((*shape, 4), 100, dtype=kind)
    while max(level.shape[:2]) > 1:
        level = halve(level)
        assert (level == 100).all()
        assert level.dtype == kind
    assert level.shape == (1, 1, 4)


def test_plane_comes_back_and_a_false_description_is_refused(tmp_path) -> None:
    pixels_ = np.arange(24, dtype=np.uint8).reshape(2, 3, 4)
    plane = write_plane(tmp_path / "a", pixels_)
    assert (map_plane(tmp_path, plane) == pixels_).all()
    for false in (
        {"file": "../a"},
        {"shape": [2, 3, 400]},
        {"shape": [2, -3, 4]},
        {"type": "object"},
        {"shape": [2.5, 3, 4]},
    ):
        with pytest.raises((ValueError, TypeError)):
            map_plane(tmp_path, plane | false)
