"""Options of an audio job, and the report of its result.

Levels are decibels: LUFS for loudness (EBU R 128), dBTP for true peaks, dBFS for samples.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum

import msgspec

from slate_desktop.domain.assets.fields import read_choice, read_names, read_real, read_whole
from slate_desktop.domain.assets.product import AssetReport
from slate_desktop.domain.fields import flag

MIN_BITRATE_KBPS, MAX_BITRATE_KBPS = 8, 512
MIN_SAMPLE_RATE_HZ, MAX_SAMPLE_RATE_HZ = 8_000, 192_000
MAX_CHANNELS = 8


class AudioFormat(StrEnum):
    """Formats that audio is written in; ``ogg`` is Vorbis."""

    OGG = "ogg"
    OPUS = "opus"
    MP3 = "mp3"
    FLAC = "flac"
    WAV = "wav"
    AAC = "aac"


class Normalize(StrEnum):
    """``loudness``: to a loudness, below a true peak (EBU R 128). ``peak``: to a true peak."""

    NONE = "none"
    LOUDNESS = "loudness"
    PEAK = "peak"


class AudioOptions(msgspec.Struct, frozen=True, kw_only=True):
    """What shall be done with a sound.

    Attributes:
        format: what is written.
        bitrate: kbit/s; None is the format's own good quality. Without meaning for FLAC and WAV.
        sample_rate: Hz; None keeps the input's (Opus and AAC take the nearest that they know).
        channels: None keeps the input's.
        normalize: whether and how the level is changed.
        target_lufs: loudness to reach, LUFS.
        true_peak: ceiling of the true peak, dBTP; a loudness that would pass it is not reached, and
            the report says so.
        trim_silence: cut silence off both ends.
        silence_threshold: what is silent, dBFS.
        keep_loops: carry loop points over.
    """

    format: AudioFormat = AudioFormat.OGG
    bitrate: int | None = None
    sample_rate: int | None = None
    channels: int | None = None
    normalize: Normalize = Normalize.NONE
    target_lufs: float = -16.0
    true_peak: float = -1.0
    trim_silence: bool = False
    silence_threshold: float = -60.0
    keep_loops: bool = True


class Levels(msgspec.Struct, frozen=True, kw_only=True):
    """How loud a sound is; None is silence.

    ``clipped_samples`` counts samples at full scale that come three or more in a row.
    """

    lufs: float | None
    loudness_range_lu: float | None = None
    true_peak_dbtp: float | None
    sample_peak_dbfs: float | None
    clipped_samples: int = 0


class LoopPoints(msgspec.Struct, frozen=True, kw_only=True):
    """A loop in frames of the file that carries it: ``start`` included, ``end`` not."""

    start: int
    end: int


class AudioReport(AssetReport, frozen=True, kw_only=True, tag="audio"):
    """What became of a sound. Times are seconds, rates Hz, ``bitrate_kbps`` what was reached.

    Attributes:
        is_ceiling_held: the target loudness would have passed the true-peak ceiling, so the gain
            was held back.
        trimmed_start_s: silence cut off the start.
        trimmed_end_s: silence cut off the end.
    """

    input_format: str
    input_sample_rate: int
    input_channels: int
    input_duration_s: float
    format: AudioFormat
    sample_rate: int
    channels: int
    duration_s: float
    bitrate_kbps: float
    before: Levels
    after: Levels
    gain_db: float = 0.0
    is_ceiling_held: bool = False
    trimmed_start_s: float = 0.0
    trimmed_end_s: float = 0.0
    loop: LoopPoints | None = None


def parse_audio_options(data: Mapping[str, object]) -> AudioOptions:
    """Check the options of an audio job; ``normalize: true`` means by loudness.

    Raises:
        CommandError: ``bad_request`` naming the field.
    """
    given = read_names(data, AudioOptions.__struct_fields__)
    values: dict[str, object] = {}
    for name, value in given.items():
        match name:
            case "format":
                values[name] = read_choice(value, name, AudioFormat)
            case "bitrate":
                values[name] = read_whole(value, name, MIN_BITRATE_KBPS, MAX_BITRATE_KBPS, "kbit/s")
            case "sample_rate":
                values[name] = read_whole(value, name, MIN_SAMPLE_RATE_HZ, MAX_SAMPLE_RATE_HZ, "Hz")
            case "channels":
                values[name] = read_whole(value, name, 1, MAX_CHANNELS)
            case "normalize":
                values[name] = _read_normalize(value)
            case "target_lufs":
                values[name] = read_real(value, name, -70.0, -5.0, "LUFS")
            case "true_peak":
                values[name] = read_real(value, name, -20.0, 0.0, "dBTP")
            case "silence_threshold":
                values[name] = read_real(value, name, -120.0, -20.0, "dBFS")
            case _:
                values[name] = flag(value, name)
    return msgspec.convert(values, AudioOptions)


def _read_normalize(value: object) -> Normalize:
    if isinstance(value, bool):
        return Normalize.LOUDNESS if value else Normalize.NONE
    return read_choice(value, "normalize", Normalize)
