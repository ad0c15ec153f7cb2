"""The meter against signals whose levels are known: EBU Tech 3341, and exact peaks."""

from __future__ import annotations

import math

import pytest

np = pytest.importorskip("numpy")

from slate_desktop.pipeline.audio.channels import from_ogg, mix_matrix, to_ogg  # noqa: E402
from slate_desktop.pipeline.audio.kweighting import KWeighting, _coefficients  # noqa: E402
from slate_desktop.pipeline.audio.meter import Meter  # noqa: E402

RATE = 48_000


def _sine(db: float, seconds: float, *, hz: float = 1000.0, rate: int = RATE, channels: int = 2):
    time = np.arange(round(seconds * rate)) / rate
    wave = 10 ** (db / 20) * np.sin(2 * np.pi * hz * time)
    return np.repeat(wave[:, None], channels, axis=1).astype(np.float32)


def _measure(signal, rate: int = RATE, step: int = 65_536):
    meter = Meter(rate, signal.shape[1])
    for start in range(0, len(signal), step):
        meter.add(signal[start : start + step])
    return meter.finish()


# EBU Tech 3341, table 1, cases 1, 3 and 5: within 0.1 LU.
@pytest.mark.parametrize(
    ("parts", "lufs"),
    [
        ([(-23, 20)], -23.0),
        ([(-36, 10), (-23, 60), (-36, 10)], -23.0),
        ([(-26, 20), (-20, 20.1), (-26, 20)], -23.0),
    ],
)
def test_loudness_of_the_standards_signals(parts: list[tuple[float, float]], lufs: float) -> None:
    levels = _measure(np.concatenate([_sine(db, seconds) for db, seconds in parts]))
    assert levels.lufs == pytest.approx(lufs, abs=0.1)


# EBU Tech 3342, table 1, cases 1 to 3: within 1 LU.
@pytest.mark.parametrize(("parts", "lu"), [([-20, -30], 10), ([-20, -15], 5), ([-40, -20], 20)])
def test_range_of_the_standards_signals(parts: list[float], lu: float) -> None:
    levels = _measure(np.concatenate([_sine(db, 20) for db in parts]))
    assert levels.loudness_range_lu == pytest.approx(lu, abs=1.0)


@pytest.mark.parametrize("rate", [8_000, 11_025, 44_100, 96_000, 192_000])
def test_rate_does_not_matter(rate: int) -> None:
    levels = _measure(_sine(-23, 3, hz=997, rate=rate), rate)
    assert levels.lufs == pytest.approx(-23.0, abs=0.1)
    assert levels.sample_peak_dbfs == pytest.approx(-23.0, abs=0.3)


def test_blocks_of_any_length_give_the_same_levels() -> None:
    noise = np.random.default_rng(1).normal(0, 0.1, (RATE, 2)).astype(np.float32)
    assert _measure(noise, step=977) == _measure(noise, step=65_536) == _measure(noise, step=64)


def test_filter_equals_the_recursion_sample_by_sample() -> None:
    noise = np.random.default_rng(2).normal(0, 0.1, 700)
    expected = noise
    for b, a in _coefficients(44_100):
        out, state = [], [0.0, 0.0]
        for value in expected:
            result = b[0] * value + state[0]
            state = [b[1] * value - a[0] * result + state[1], b[2] * value - a[1] * result]
            out.append(result)
        expected = np.array(out)
    weighting = KWeighting(44_100, 1)
    pieces = [weighting.filter(part[None]) for part in np.split(noise, [1, 65, 300])]
    pieces.append(weighting.filter(np.zeros((1, 0)), is_last=True))
    np.testing.assert_allclose(np.concatenate(pieces, axis=1)[0], expected, atol=1e-12)


def test_true_peak_lies_between_the_samples() -> None:
    # A quarter of the rate at 45 degrees: every sample is 3 dB below the wave's peak.
    time = np.arange(RATE) / RATE
    wave = 0.5 * np.sin(2 * np.pi * RATE / 4 * time + np.pi / 4)
    levels = _measure(wave[:, None].astype(np.float32))
    assert levels.sample_peak_dbfs == pytest.approx(-9.03, abs=0.01)
    assert levels.true_peak_dbtp == pytest.approx(-6.02, abs=0.2)


def test_peak_at_the_very_end_is_found() -> None:
    signal = np.zeros((1000, 1), np.float32)
    signal[-1] = -0.5
    assert _measure(signal).sample_peak_dbfs == pytest.approx(-6.02, abs=0.01)


def test_silence_has_no_level_and_short_sounds_have_one() -> None:
    silence = _measure(np.zeros((RATE, 1), np.float32))
    assert (silence.lufs, silence.true_peak_dbtp, silence.sample_peak_dbfs) == (None, None, None)
    click = _measure(_sine(-20, 0.1, channels=1))
    assert click.lufs == pytest.approx(-23.0, abs=0.5)
    assert click.loudness_range_lu is None


@pytest.mark.parametrize("step", [5, 7, 1000])
def test_clipping_is_counted_across_blocks(step: int) -> None:
    signal = np.zeros((100, 2), np.float32)
    signal[8:13, 0] = 1.0
    signal[20:22, 0] = -1.0
    signal[40:43, 1] = -1.0
    signal[96:, 1] = 1.0
    assert _measure(signal, step=step).clipped_samples == 5 + 3 + 4


@pytest.mark.parametrize(("channels", "extra_db"), [(1, -3.01), (6, 0.0)])
def test_channels_weigh_as_the_standard_says(channels: int, extra_db: float) -> None:
    signal = np.zeros((RATE, channels), np.float32)
    signal[:, : min(2, channels)] = _sine(-23, 1, channels=min(2, channels))
    assert _measure(signal).lufs == pytest.approx(-23.0 + extra_db, abs=0.1)
    if channels == 6:
        signal[:, 3] = 1.0  # the subwoofer counts nothing
        assert _measure(signal).lufs == pytest.approx(-23.0, abs=0.1)


@pytest.mark.parametrize("channels", range(1, 9))
def test_order_of_ogg_is_undone(channels: int) -> None:
    there, back = to_ogg(channels), from_ogg(channels)
    if there is None or back is None:
        assert there is back
        return
    assert [there[place] for place in back] == list(range(channels))


@pytest.mark.parametrize("source", range(1, 9))
@pytest.mark.parametrize("target", range(1, 9))
def test_mix_never_clips_and_loses_no_side(source: int, target: int) -> None:
    matrix = mix_matrix(source, target)
    if source == target:
        assert matrix is None
        return
    assert matrix is not None
    assert matrix.shape == (source, target)
    assert np.abs(matrix).sum(axis=0).max() <= 1.0 + 1e-6
    assert matrix[0].any()
    assert not math.isnan(float(matrix.sum()))
