"""Facts about a sound, for people and scripts."""

from __future__ import annotations

from pathlib import Path

import msgspec

from slate_desktop.pipeline.audio.meter import Meter
from slate_desktop.pipeline.audio.sounds import open_sound


def inspect(source: Path) -> dict[str, object]:
    """Return facts about a sound; it is decoded to its end and measured.

    Raises:
        AssetError: it is not sound.
        CommandError: ``bad_request``: it needs ffmpeg, which is not installed here.
    """
    sound = open_sound(source)
    meter, frames = Meter(sound.sample_rate, sound.channels), 0
    for block in sound.blocks():
        meter.add(block)
        frames += len(block)
    size = source.stat().st_size
    return {
        "kind": "audio",
        "format": sound.format.value,
        "codec": sound.codec.lower(),
        "size": size,
        "sample_rate": sound.sample_rate,
        "channels": sound.channels,
        "bits": sound.bits,
        "frames": frames,
        "duration_s": round(frames / sound.sample_rate, 4),
        "bitrate_kbps": round(size * 8 / 1000 * sound.sample_rate / frames, 1),
        "levels": msgspec.to_builtins(meter.finish()),
        "loop": msgspec.to_builtins(sound.loop),
        "tags": sound.tags,
    }
