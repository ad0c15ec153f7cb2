"""The drawing of one graph: places, gaps, and what is not drawn again."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest
from PySide6.QtCore import Qt
from PySide6.QtGui import QColor, QImage
from PySide6.QtWidgets import QApplication

from slate_desktop.ui.monitor.axes import time_ticks
from slate_desktop.ui.monitor.plot import Look, Plot
from slate_desktop.ui.theme import Theme

LINE = Look("graph.cpu", is_filled=False, is_faint=False)
NAN = float("nan")


@pytest.fixture
def plot(qapp: QApplication) -> Iterator[Plot]:
    theme = Theme(qapp)
    plot = Plot(theme, lambda value: f"{value:g} %")
    plot.resize(466, 120)
    plot.set_top(100.0)
    plot.set_span(60.0, None)
    # The end of the only window would end the program.
    plot.setAttribute(Qt.WidgetAttribute.WA_QuitOnClose, on=False)
    plot.show()
    yield plot
    plot.deleteLater()
    theme.deleteLater()


def curve(plot: Plot, times: list[float], values: list[float], look: Look = LINE) -> QImage:
    plot.set_curves([look], [(np.array(times), np.array(values))])
    return plot.grab().toImage()


def has_ink(image: QImage, ground: QColor, x: float, y: float) -> bool:
    """Tell whether a pixel near a place is clearly another one than the ground."""
    near = (image.pixelColor(round(x), round(y) + dy) for dy in (-1, 0, 1))
    return any(abs(found.blue() - ground.blue()) > 40 for found in near)


def test_places_and_moments_are_each_others_inverse(plot: Plot) -> None:
    for time_s in (-60.0, -31.5, 0.0):
        x = plot.x_of(time_s)
        assert plot.time_at(x, plot.y_of(50.0)) == pytest.approx(time_s, abs=1e-6)
    assert plot.time_at(plot.area.right(), plot.y_of(50.0)) == 0.0
    assert plot.time_at(plot.area.left() - 2, plot.y_of(50.0)) is None
    assert plot.y_of(100.0) < plot.y_of(50.0) < plot.y_of(0.0) < plot.area.bottom()


def test_a_gap_is_left_where_nothing_was_measured(plot: Plot) -> None:
    ground = plot._theme.tokens.color("surface.panel")
    times = [-60.0, -50.0, -40.0, -30.0, -20.0, -10.0, 0.0]
    image = curve(plot, times, [30.0, 30.0, 30.0, NAN, 30.0, 30.0, 30.0])
    y = plot.y_of(30.0)
    assert has_ink(image, ground, plot.x_of(-45.0), y)
    assert has_ink(image, ground, plot.x_of(-15.0), y)
    assert not has_ink(image, ground, plot.x_of(-30.0), y)


def test_nothing_and_one_point_draw_nothing_and_do_not_fail(plot: Plot) -> None:
    empty = curve(plot, [], [])
    assert curve(plot, [-10.0], [50.0]) == empty
    assert curve(plot, [-20.0, -10.0], [NAN, NAN]) == empty


def test_a_filled_curve_shades_what_is_below_it(plot: Plot) -> None:
    times, values = [-60.0, 0.0], [80.0, 80.0]
    below = round(plot.x_of(-20.0)), round(plot.y_of(25.0))
    bare = curve(plot, times, values).pixelColor(*below)
    filled = curve(plot, times, values, Look("graph.cpu", is_filled=True, is_faint=False))
    assert filled.pixelColor(*below) != bare


def test_new_values_leave_ground_and_axes_as_they_were_painted(plot: Plot) -> None:
    curve(plot, [-60.0, 0.0], [10.0, 20.0])
    ground = plot._ground
    curve(plot, [-60.0, 0.0], [20.0, 10.0])
    plot.set_pointed(-3.0)
    plot.grab()
    assert plot._ground is ground
    plot.set_top(200.0)
    plot.grab()
    assert plot._ground is not ground


def test_ticks_are_round_before_now_and_of_the_clock_where_it_stands() -> None:
    assert time_ticks(60.0, None, 350) == [(0.0, "now"), (-30.0, "30 s"), (-60.0, "1 min")]
    assert [words for _, words in time_ticks(3600.0, None, 500)] == [
        "now", "10 min", "20 min", "30 min", "40 min", "50 min", "1 h",
    ]  # fmt: skip
    # Twenty seconds after a full minute.
    ticks = time_ticks(60.0, 1_700_000_000 * 10**9, 350)
    assert [time_s for time_s, _ in ticks] == [-20.0, -50.0]
    assert all(words.endswith((":00", ":30")) for _, words in ticks)


def test_a_level_line_is_not_painted_again_each_second(
    plot: Plot, monkeypatch: pytest.MonkeyPatch
) -> None:
    painted: list[int] = []
    monkeypatch.setattr(plot, "_update_area", lambda: painted.append(1))

    def draw(values: list[float], shift: float = 0.0) -> int:
        painted.clear()
        times = np.linspace(-60.0, -0.4, len(values)) + shift
        plot.set_curves([LINE, LINE], [(times, np.array(values)), (times, np.array(values) / 2)])
        plot.set_lines(mean=float(np.nanmean(values)))
        return len(painted)

    assert draw([30.0] * 60)
    assert not draw([30.0] * 60, 0.01)
    assert not draw([30.0] * 59 + [30.001])
    assert draw([30.0] * 59 + [33.0])
    assert draw([30.0] * 59 + [33.0])  # it moves to the left
    assert draw([30.0] * 30 + [NAN] + [30.0] * 29)
    assert draw([30.0] * 60)
    assert draw([40.0] * 60)
    assert draw([40.0] * 60, -5.0)  # its end has come nearer
    plot.set_lines(mean=50.0)
    assert painted
