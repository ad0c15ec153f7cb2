"""Sounds that libsndfile reads."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import soundfile

from slate_desktop.domain.assets.audio import LoopPoints
from slate_desktop.errors import AssetError
from slate_desktop.pipeline.audio import channels, comments, riff
from slate_desktop.pipeline.audio.formats import InputFormat
from slate_desktop.pipeline.audio.sounds import BLOCK_FRAMES, Block, Frames

TAGS = ("title", "artist", "album", "date", "genre", "copyright", "comment")
_BITS = {"PCM_S8": 8, "PCM_U8": 8, "PCM_16": 16, "PCM_24": 24, "PCM_32": 32}
_BITS |= {"ALAC_16": 16, "ALAC_20": 20, "ALAC_24": 24, "ALAC_32": 32, "FLOAT": 32, "DOUBLE": 64}
_FLOATING = frozenset({"FLOAT", "DOUBLE"})
# Whose header counts frames exactly; MP3 estimates, a cut Ogg ends early and says so.
_COUNTED = frozenset(set(InputFormat) - {InputFormat.MP3, InputFormat.OGG})
_MAX_TAG = 1000


class SndfileSound:
    """A sound that libsndfile reads.

    Raises:
        AssetError: its header is not sound.
    """

    def __init__(self, path: Path, form: InputFormat) -> None:
        self._path = path
        self.format = form
        wav = riff.scan_wav(path) if form is InputFormat.WAV else None
        with self._open() as file:
            self.codec: str = file.subtype
            self.sample_rate: int = file.samplerate
            self.channels: int = file.channels
            self.frames: int | None = file.frames
            self.bits = _BITS.get(self.codec)
            self.tags = {
                name: str(value)[:_MAX_TAG] for name in TAGS if (value := getattr(file, name, ""))
            }
        self.loop = wav.loop if wav else self._read_loop()

    def blocks(self) -> Iterator[Block]:
        """Yield the whole sound."""
        order = channels.from_ogg(self.channels) if self.format is InputFormat.OGG else None
        frames = Frames(self.sample_rate)
        buffer = np.empty((BLOCK_FRAMES, self.channels), np.float32)
        with self._open() as file:
            while True:
                try:
                    block = file.read(out=buffer)
                except soundfile.LibsndfileError as exc:
                    raise _unsound(exc) from exc
                if not len(block):
                    break
                frames.add(len(block))
                block = buffer[: len(block)]
                if self.codec in _FLOATING and not np.isfinite(block).all():
                    raise AssetError.invalid("The file holds values that are no numbers.")
                yield block if order is None else block[:, order]
        if self.format in _COUNTED and self.frames is not None and frames.count < self.frames:
            raise AssetError.invalid(
                f"The file ends after {frames.count} of {self.frames} frames: it is cut."
            )
        if frames.count == 0:
            raise AssetError.invalid("The file holds no audio.")

    def _open(self) -> soundfile.SoundFile:
        try:
            # As bytes: a name need not be UTF-8.
            return soundfile.SoundFile(_name(self._path))
        except (soundfile.LibsndfileError, RuntimeError) as exc:
            raise _unsound(exc) from exc

    def _read_loop(self) -> LoopPoints | None:
        if self.format not in (InputFormat.OGG, InputFormat.FLAC):
            return None
        try:
            return comments.read_loop(self._path, self.format)
        except AssetError:
            return None  # the sound itself may well be sound


def _name(path: Path) -> Any:
    return str(path) if sys.platform == "win32" else os.fsencode(path)


def _unsound(exc: Exception) -> AssetError:
    reason = getattr(exc, "error_string", "") or "its header is not sound"
    return AssetError.invalid(f"The file cannot be decoded: {str(reason).strip().rstrip('.')}.")
