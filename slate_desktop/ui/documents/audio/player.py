"""Plays decoded samples: 16-bit stereo that a child wrote into a file.

Owns the audio device while something is open. Where there is none, ``open`` says why, and the
window shows that instead of a button that does nothing.
"""

from __future__ import annotations

import contextlib
from collections.abc import Generator
from pathlib import Path
from typing import Any

from slate_desktop.errors import EnvironmentFaultError

_FRAME_BYTES = 4


class Player:
    """One sound, or two that are compared. Positions are frames of 16-bit stereo.

    Args:
        backends: miniaudio's names of the systems to try, empty for all of this machine.
    """

    def __init__(self, backends: tuple[str, ...] = ()) -> None:
        self._backend_names = backends
        self._device: Any = None
        self._tracks: list[Any] = []
        self._gains: list[float] = []
        self.rate = 48_000
        self.track = 0
        self.position = 0
        self.volume = 0.8
        self.is_looping = False
        self.is_playing = False

    def set_tracks(self, files: list[Path], gains: list[float], rate: int) -> None:
        """Play these files from now on; ``gains`` are factors that make them equally loud."""
        import numpy as np

        self.stop()
        if rate != self.rate:
            self.close()
        self.rate = rate
        # Two values for each frame: left and right.
        self._tracks = [
            np.memmap(file, np.int16, "r").reshape(-1, 2)
            for file in files
            if file.stat().st_size >= _FRAME_BYTES
        ]
        self._gains = gains
        self.track = min(self.track, max(0, len(self._tracks) - 1))
        self.position = min(self.position, self.frames)

    @property
    def frames(self) -> int:
        """How long the chosen sound is."""
        return len(self._tracks[self.track]) if self._tracks else 0

    def open(self) -> None:
        """Take the audio device.

        Raises:
            EnvironmentFaultError: there is none that can be used.
        """
        if self._device is not None:
            return
        import miniaudio

        backends = [miniaudio.Backend[name] for name in self._backend_names] or None
        try:
            self._device = miniaudio.PlaybackDevice(
                output_format=miniaudio.SampleFormat.SIGNED16,
                nchannels=2,
                sample_rate=self.rate,
                buffersize_msec=100,
                backends=backends,
                app_name="SLATE",
            )
        except miniaudio.MiniaudioError as exc:
            raise EnvironmentFaultError(
                f"There is no audio device that can be used: {exc.args[0]}.",
                hint="Connect one, or start the sound server; then press Play again.",
            ) from exc

    def play(self) -> None:
        """Play from the position on, from the start when that is the end.

        Raises:
            EnvironmentFaultError: there is no audio device.
        """
        if not self._tracks or self.is_playing:
            return
        self.open()
        if self.position >= self.frames:
            self.position = 0
        self.is_playing = True
        source = self._stream()
        next(source)
        self._device.start(source)

    def stop(self) -> None:
        """Pause where it is."""
        self.is_playing = False
        if self._device is not None:
            with contextlib.suppress(Exception):
                self._device.stop()

    def seek(self, frame: int) -> None:
        """Go on from a frame."""
        self.position = min(max(0, frame), self.frames)

    def choose(self, track: int) -> None:
        """Hear the other sound from the same moment on."""
        if 0 <= track < len(self._tracks):
            self.track = track

    def close(self) -> None:
        """Give the device back."""
        self.stop()
        device, self._device = self._device, None
        if device is not None:
            device.close()

    def _stream(self) -> Generator[Any, int, None]:
        """Hand out samples; called by the device's own thread."""
        import numpy as np

        wanted = yield b""
        while True:
            samples, gain = self._tracks[self.track], self._gains[self.track] * self.volume
            piece = samples[self.position : self.position + wanted]
            if len(piece) < wanted and self.is_looping and len(samples):
                self.position = wanted - len(piece)
                piece = np.concatenate((piece, samples[: self.position]))
            else:
                self.position += len(piece)
                if len(piece) < wanted:
                    self.is_playing = False
                    missing = np.zeros((wanted - len(piece), 2), np.int16)
                    piece = np.concatenate((piece, missing))
            louder = np.clip(piece.astype(np.float32) * gain, -32768, 32767)
            wanted = yield louder.astype(np.int16).tobytes()
