"""What is written: rate, channels, encoder and its setting, from the options and the sound.

Bit rates: Opus and MP3 are told a rate. Vorbis is told a quality, and the nominal rates below are
those of its encoder (stereo and mono music at five sample rates), so that ``bitrate`` means about
what it means elsewhere; the report says what was reached.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from slate_desktop.domain.assets.audio import AudioFormat, AudioOptions
from slate_desktop.pipeline.audio.channels import mix_matrix
from slate_desktop.pipeline.audio.sounds import Sound

SUFFIXES = {
    AudioFormat.OGG: ".ogg",
    AudioFormat.OPUS: ".opus",
    AudioFormat.MP3: ".mp3",
    AudioFormat.FLAC: ".flac",
    AudioFormat.WAV: ".wav",
    AudioFormat.AAC: ".m4a",
}
LOSSLESS = frozenset({AudioFormat.FLAC, AudioFormat.WAV})
# Formats whose header can hold a loop, to the frame.
LOOPING = frozenset({AudioFormat.OGG, AudioFormat.OPUS, AudioFormat.FLAC, AudioFormat.WAV})

_RATES = {
    AudioFormat.OPUS: (8_000, 12_000, 16_000, 24_000, 48_000),
    AudioFormat.MP3: (8_000, 11_025, 12_000, 16_000, 22_050, 24_000, 32_000, 44_100, 48_000),
    AudioFormat.AAC: (
        *(8_000, 11_025, 12_000, 16_000, 22_050, 24_000, 32_000),
        *(44_100, 48_000, 64_000, 88_200, 96_000),
    ),
}
_MAX_CHANNELS = {AudioFormat.MP3: 2}
# kbit/s for each channel, for those who name no rate.
_DEFAULT_KBPS = {AudioFormat.OPUS: 64, AudioFormat.MP3: 96, AudioFormat.AAC: 80}
_DEFAULT_VORBIS_QUALITY = 0.5

# From quality 0 to 1 in tenths, kbit/s: by sample rate, stereo and one channel.
_VORBIS_KBPS = (
    (40_000, (64, 80, 96, 112, 128, 160, 192, 224, 256, 320, 500),
     (48, 60, 70, 80, 86, 96, 110, 120, 140, 160, 240)),
    (26_000, (56, 70, 90, 112, 120, 150, 180, 200, 230, 300, 380),
     (42, 52, 64, 72, 78, 86, 92, 110, 120, 140, 190)),
    (19_000, (46, 51, 59, 68, 77, 89, 103, 119, 136, 154, 172),
     (35, 36, 41, 46, 51, 56, 62, 70, 78, 86, 94)),
    (14_000, (39, 43, 50, 57, 65, 75, 87, 99, 112, 124, 137),
     (29, 30, 34, 37, 41, 44, 49, 54, 59, 64, 70)),
    (0, (24, 29, 34, 40, 46, 52, 57, 62, 67, 72, 76),
     (18, 20, 23, 26, 28, 30, 32, 34, 36, 38, 39)),
)  # fmt: skip


@dataclass(frozen=True)
class Plan:
    """How a sound is written.

    Attributes:
        mix: matrix from the sound's channels, or None.
        container: libsndfile's name of the container.
        subtype: libsndfile's name of the codec.
        level: libsndfile's compression level, 0 to 1, or None.
        bitrate_kbps: for AAC.
        warnings: what cannot be as it was asked.
    """

    format: AudioFormat
    sample_rate: int
    channels: int
    mix: NDArray[np.float32] | None
    container: str = ""
    subtype: str = ""
    level: float | None = None
    is_constant_rate: bool = False
    bitrate_kbps: int = 0
    warnings: tuple[str, ...] = field(default=())


def make_plan(sound: Sound, options: AudioOptions) -> Plan:
    """Return how ``sound`` is written under ``options``."""
    form, warnings = options.format, list[str]()
    rate = _nearest_rate(form, options.sample_rate or sound.sample_rate)
    if options.sample_rate not in (None, rate):
        warnings.append(f"{form.value} knows no {options.sample_rate} Hz; it is {rate} Hz.")
    channels = options.channels or sound.channels
    most = _MAX_CHANNELS.get(form, channels)
    if channels > most:
        warnings.append(f"{form.value} holds {most} channels; {channels} were mixed to them.")
        channels = most
    if options.bitrate is not None and form in LOSSLESS:
        warnings.append(f"{form.value} loses nothing, so a bit rate means nothing to it.")
    container, subtype = _sndfile_names(form, sound, channels)
    plan = Plan(form, rate, channels, mix_matrix(sound.channels, channels), container, subtype)
    return _with_rate(plan, options.bitrate, warnings)


def _with_rate(plan: Plan, bitrate: int | None, warnings: list[str]) -> Plan:
    each = (bitrate or 0) / plan.channels or _DEFAULT_KBPS.get(plan.format, 0)
    level: float | None = None
    match plan.format:
        case AudioFormat.OGG:
            level = 1.0 - _vorbis_quality(plan, bitrate, warnings)
        case AudioFormat.OPUS:
            # Linear from 256 kbit/s a channel to 6.
            level = (256.0 - each) / 250.0
        case AudioFormat.MP3:
            most, least = _mp3_range(plan.sample_rate)
            total = each * plan.channels
            if bitrate is not None and not least <= total <= most:
                warnings.append(f"MP3 of {plan.sample_rate} Hz has {least} to {most} kbit/s.")
            level = (most - total) / (most - least)
        case AudioFormat.FLAC:
            level = 5 / 8
        case _:
            pass
    return Plan(
        plan.format,
        plan.sample_rate,
        plan.channels,
        plan.mix,
        plan.container,
        plan.subtype,
        # libsndfile refuses exactly 1 for MP3.
        level if level is None else min(max(level, 0.0), 0.99),
        plan.format is AudioFormat.MP3,
        round(min(max(each * plan.channels, 16), 512)),
        tuple(warnings),
    )


def _vorbis_quality(plan: Plan, bitrate: int | None, warnings: list[str]) -> float:
    if bitrate is None:
        return _DEFAULT_VORBIS_QUALITY
    stereo, mono = next(row[1:] for row in _VORBIS_KBPS if plan.sample_rate >= row[0])
    nominal = np.asarray(stereo if plan.channels == 2 else mono, float)
    wanted = bitrate if plan.channels <= 2 else bitrate / plan.channels
    if wanted < nominal[0] * 0.9:
        warnings.append(
            f"Vorbis of {plan.sample_rate} Hz needs about {nominal[0]:g} kbit/s"
            f"{'' if plan.channels <= 2 else ' a channel'}; Opus takes less."
        )
    return float(np.interp(wanted, nominal, np.linspace(0.0, 1.0, len(nominal))))


def _mp3_range(sample_rate: int) -> tuple[int, int]:
    """Return the highest and lowest bit rate, kbit/s, of the MPEG version of a sample rate."""
    if sample_rate >= 32_000:
        return 320, 32
    return (160, 8) if sample_rate >= 16_000 else (64, 8)


def _nearest_rate(form: AudioFormat, rate: int) -> int:
    """Return the lowest rate that keeps all of the sound, or the highest that there is."""
    rates: Sequence[int] = _RATES.get(form, (min(max(rate, 8_000), 192_000),))
    return next((known for known in rates if known >= rate), rates[-1])


def _sndfile_names(form: AudioFormat, sound: Sound, channels: int) -> tuple[str, str]:
    bits = "PCM_24" if (sound.bits or 16) > 16 else "PCM_16"
    match form:
        case AudioFormat.OGG:
            return "OGG", "VORBIS"
        case AudioFormat.OPUS:
            return "OGG", "OPUS"
        case AudioFormat.MP3:
            return "MP3", "MPEG_LAYER_III"
        case AudioFormat.FLAC:
            return "FLAC", bits
        case AudioFormat.WAV:
            return "WAVEX" if channels > 2 else "WAV", bits
        case AudioFormat.AAC:
            return "", ""
