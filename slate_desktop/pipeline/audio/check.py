"""The third pass: the product is opened as any player would, decoded to its end, and measured.

An Ogg is decoded while it is still being written, from a copy of its bytes in a pipe: on a second
core that costs no time. Everything else is decoded when it is finished.
"""

from __future__ import annotations

import contextlib
import os
import sys
import threading
from dataclasses import dataclass
from pathlib import Path
from typing import IO

import numpy as np
import soundfile

from slate_desktop.domain.assets.audio import AudioFormat, Levels
from slate_desktop.errors import AssetError
from slate_desktop.pipeline.audio import channels
from slate_desktop.pipeline.audio.meter import Meter
from slate_desktop.pipeline.audio.plan import Plan
from slate_desktop.pipeline.audio.sounds import BLOCK_FRAMES, open_sound

# Frames that encoders with a fixed frame length add at the ends.
_PADDING = {AudioFormat.MP3: 2 * 1152 + 1105, AudioFormat.AAC: 4 * 1024}


@dataclass(frozen=True)
class Checked:
    """What a player finds in the product."""

    sample_rate: int
    channels: int
    frames: int
    levels: Levels


def check_file(path: Path) -> Checked:
    """Decode a finished product.

    Raises:
        AssetError: it cannot be decoded.
    """
    sound = open_sound(path)
    meter, frames = Meter(sound.sample_rate, sound.channels), 0
    for block in sound.blocks():
        meter.add(block)
        frames += len(block)
    return Checked(sound.sample_rate, sound.channels, frames, meter.finish())


def compare(found: Checked, plan: Plan, frames: int) -> None:
    """Hold what was found against what was meant.

    Raises:
        AssetError: ``asset_crash``: the encoder did not do what it was told.
    """
    spare = _PADDING.get(plan.format, 0)
    if (
        found.sample_rate != plan.sample_rate
        or found.channels != plan.channels
        or abs(found.frames - frames) > spare
    ):
        raise AssetError.crash(
            "The encoder made something else than was asked for:"
            f" {found.frames} frames of {found.channels} channels at {found.sample_rate} Hz"
            f" for {frames} of {plan.channels} at {plan.sample_rate}."
        )


def can_check_live(plan: Plan) -> bool:
    """Tell whether a product can be decoded while it is written."""
    # On Windows a descriptor of ours means nothing to libsndfile's own C library.
    is_ogg = plan.format in (AudioFormat.OGG, AudioFormat.OPUS)
    return is_ogg and sys.platform != "win32"


class LiveCheck:
    """A binary file for the encoder that keeps the product and decodes it in a thread.

    A context manager; ``result`` is there after it. ``begin`` is to be called when the encoder and
    the source are open: python-soundfile opens one file at a time, and one that waits at the pipe
    would keep the others out.
    """

    def __init__(self, path: Path) -> None:
        self._file: IO[bytes] = path.open("xb")
        self._length = 0
        self._reader, self._pipe = os.pipe()
        self._early: bytearray | None = bytearray()
        self._result: Checked | None = None
        self._error: Exception | None = None
        self._lost: OSError | None = None
        self._thread = threading.Thread(
            target=self._decode, args=(self._reader,), name="slate-audio-check", daemon=True
        )

    @property
    def result(self) -> Checked:
        """What was decoded.

        Raises:
            OSError: it could not be written.
            AssetError: ``asset_crash``: it could not be decoded.
        """
        if self._lost is not None:
            raise self._lost
        if self._result is None:
            raise AssetError.crash("What the encoder made cannot be decoded.") from self._error
        return self._result

    def __enter__(self) -> LiveCheck:
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()
        os.close(self._pipe)
        if self._early is None:
            self._thread.join()
        else:
            os.close(self._reader)

    def begin(self) -> None:
        """Start to decode; the second call does nothing."""
        if self._early is not None:
            early, self._early = self._early, None
            self._thread.start()
            self._pass_on(early)

    def write(self, data: bytes, /) -> int:
        """Keep bytes, and pass them on.

        Called from C, where an exception is lost: it is kept for ``result``.
        """
        try:
            self._file.write(data)
            if self._early is None:
                self._pass_on(data)
            else:
                self._early += data
        except OSError as exc:
            self._lost = exc
            raise
        self._length += len(data)
        return len(data)

    def tell(self) -> int:
        """Return the end: nothing is ever written elsewhere."""
        return self._length

    def seek(self, offset: int, whence: int = os.SEEK_SET, /) -> int:
        """Stay at the end; libsndfile asks for the length of what it writes."""
        if whence == os.SEEK_SET and offset not in (0, self._length):
            raise OSError("an Ogg is written from start to end")
        return self._length

    def read(self, size: int = -1, /) -> bytes:  # noqa: ARG002
        """Return nothing; the encoder never reads."""
        return b""

    def flush(self) -> None:
        """Write what is buffered."""
        self._file.flush()

    def _pass_on(self, data: bytes | bytearray) -> None:
        view = memoryview(data)
        while view:
            view = view[os.write(self._pipe, view) :]

    def _decode(self, reader: int) -> None:
        try:
            # libsndfile closes the descriptor, also where it cannot read from it.
            with soundfile.SoundFile(os.dup(reader), closefd=True) as file:
                order = channels.from_ogg(file.channels)
                meter, frames = Meter(file.samplerate, file.channels), 0
                buffer = np.empty((BLOCK_FRAMES, file.channels), np.float32)
                while count := len(file.read(out=buffer)):
                    meter.add(buffer[:count] if order is None else buffer[:count, order])
                    frames += count
                self._result = Checked(file.samplerate, file.channels, frames, meter.finish())
        except Exception as exc:  # noqa: BLE001 - the boundary of the thread; told by ``result``
            self._error = exc
        finally:
            # The encoder must not wait for ever at a full pipe.
            with contextlib.suppress(OSError):
                while os.read(reader, 65_536):
                    pass
            os.close(reader)
