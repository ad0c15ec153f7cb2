"""Audio for the viewer, in one pass: peaks as they come, samples to play, a spectrogram."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from slate_desktop.errors import AssetError
from slate_desktop.pipeline.audio.meter import Meter
from slate_desktop.pipeline.audio.sounds import open_sound
from slate_desktop.pipeline.preview.planes import Array, thumbnail_side, write_plane
from slate_desktop.pipeline.run import Progress

MAX_BUCKETS = 32_768
PLAY_CHANNELS = 2
_COLUMNS, _ROWS, _WINDOW = 2048, 256, 2048
_BATCH = 128
_LOW_HZ = 40.0
_FLOOR_DB = -96.0
_FULL = 32_700
_CLIP_RUN = 3
_MAX_CLIPS = 1000


def open_audio(arguments: dict[str, Any], work_dir: Path, progress: Progress) -> object:
    """Read ``source`` once and write peaks, samples and a spectrogram.

    The first message of progress, ``first CHANNELS BUCKETS FRAMES RATE``, tells of the file
    ``peaks``: it is there in full length and fills up while the file is read.

    Raises:
        AssetError: the file is not sound or needs more than is allowed.
    """
    sound = open_sound(Path(arguments["source"]))
    frames = sound.frames
    if frames is None:
        frames = sum(len(block) for block in sound.blocks())
        sound = open_sound(Path(arguments["source"]))
    scan = _Scan(work_dir, max(frames, 1), sound.sample_rate, sound.channels)
    progress(0.0, f"first {sound.channels} {scan.buckets} {frames} {sound.sample_rate}")
    done = 0
    for block in sound.blocks():
        scan.take(to_int16(block))
        done += len(block)
        progress(min(done / max(frames, 1), 0.99), "reading")
    if not done:
        raise AssetError.invalid("The file holds no audio.")
    return {
        "channels": sound.channels,
        "rate": sound.sample_rate,
        "frames": done,
        **scan.close(done),
    }


def audio_thumbnail(arguments: dict[str, Any], work_dir: Path, progress: Progress) -> object:  # noqa: ARG001
    """Write the waveform of ``source``: one byte a pixel, to be tinted.

    Raises:
        AssetError: the file is not sound or needs more than is allowed.
    """
    side = thumbnail_side(arguments)
    height = side * 5 // 8
    sound = open_sound(Path(arguments["source"]))
    peaks = [np.abs(block).max(axis=1) for block in sound.blocks()]
    levels = np.concatenate(peaks) if peaks else np.zeros(1, np.float32)
    edges = np.linspace(0, len(levels), side, endpoint=False).astype(np.int64)
    columns = np.maximum.reduceat(levels, edges)
    rows = np.abs(np.arange(height, dtype=np.float32) - (height - 1) / 2) / (height / 2)
    mask = (rows[:, None] <= np.maximum(columns[None, :], 0.01)).astype(np.uint8) * 255
    minutes, rest = divmod(round(len(levels) / sound.sample_rate), 60)
    return {
        "plane": write_plane(work_dir / "thumbnail", mask),
        "words": f"{minutes}:{rest:02d}",
    }


def levels_of(arguments: dict[str, Any], work_dir: Path, progress: Progress) -> dict[str, Any]:  # noqa: ARG001
    """Measure loudness (LUFS) and true peak (dBTP) of ``source``, EBU R 128.

    Raises:
        AssetError: the file is not sound or needs more than is allowed.
    """
    sound = open_sound(Path(arguments["source"]))
    meter = Meter(sound.sample_rate, sound.channels)
    for block in sound.blocks():
        meter.add(block)
    levels = meter.finish()
    return {"lufs": levels.lufs, "true_peak": levels.true_peak_dbtp}


def decode_like(path: Path, model: Path, target: Path) -> None:
    """Write what is heard of ``path`` as 16-bit stereo at the rate of ``model``.

    Raises:
        AssetError: a file is not sound.
    """
    import soxr

    rate, sound = open_sound(model).sample_rate, open_sound(path)
    with target.open("wb") as file:
        stream = soxr.ResampleStream(sound.sample_rate, rate, PLAY_CHANNELS, dtype="int16")
        for block in sound.blocks():
            file.write(stream.resample_chunk(to_stereo(to_int16(block))).tobytes())
        rest = np.zeros((0, PLAY_CHANNELS), np.int16)
        file.write(stream.resample_chunk(rest, last=True).tobytes())


def to_int16(block: Array) -> Array:
    """Return float samples as 16-bit ones; what passes full scale clips, as it is heard."""
    return np.clip(block * np.float32(32768), -32768, 32767).astype(np.int16)


def to_stereo(block: Array) -> Array:
    """Return samples for two ears: mono on both, many channels as their mean."""
    channels = block.shape[1]
    if channels == PLAY_CHANNELS:
        return np.ascontiguousarray(block)
    if channels > PLAY_CHANNELS:
        block = (block.astype(np.int32).sum(axis=1, keepdims=True) // channels).astype(np.int16)
    return np.repeat(block, 2, axis=1)


class _Scan:
    """Takes blocks of int16 samples and keeps what the viewer needs of them.

    Channels are laid one after the other first: least and greatest of what lies together in memory
    are found many times quicker.
    """

    def __init__(self, work_dir: Path, frames: int, rate: int, channels: int) -> None:
        self._work_dir, self._rate, self._channels = work_dir, rate, channels
        self._per_bucket = max(1, -(-frames // MAX_BUCKETS))
        self.buckets = max(1, -(-frames // self._per_bucket))
        self._peaks = np.memmap(
            work_dir / "peaks", np.float32, "w+", shape=(channels, self.buckets, 2)
        )
        self._pcm = (work_dir / "pcm").open("wb")
        self._bucket = 0
        self._rest = np.empty((channels, 0), np.int16)
        self._clips: list[float] = []
        self._clipped = 0
        self._done = 0
        self._step = max(1, frames // _COLUMNS)
        self._next_column = 0
        self._window = np.hanning(_WINDOW).astype(np.float32) / np.float32(32768 * channels)
        self._tail = np.zeros((channels, _WINDOW), np.int16)
        # Transformed at the end, many at once: the waveform is what is waited for.
        self._pieces = np.zeros((min(_COLUMNS, self._count_columns(frames)), _WINDOW), np.float32)
        self._kept = 0
        self._bins = _log_bins(rate)

    def take(self, block: Array) -> None:
        """Take the next samples: (frames, channels) int16."""
        self._pcm.write(to_stereo(block).data)
        lanes = np.ascontiguousarray(block.T)
        self._put_peaks(lanes)
        if max(-int(lanes.min()), int(lanes.max())) >= _FULL:
            self._find_clips(lanes)
        self._spectrum(lanes)
        self._done += lanes.shape[1]

    def close(self, frames: int) -> dict[str, Any]:
        """Write what is left and describe it."""
        if self._rest.shape[1] and self._bucket < self.buckets:
            rest = self._rest
            self._keep(rest.min(axis=1, keepdims=True), rest.max(axis=1, keepdims=True))
        self._peaks.flush()
        self._pcm.close()
        shape = [self._channels, self.buckets, 2]
        spectrogram = np.ascontiguousarray(self._transform()[:, ::-1].T)
        return {
            "peaks": {"file": "peaks", "shape": shape, "type": "float32"},
            "pcm": "pcm",
            "spectrogram": write_plane(self._work_dir / "spectrogram", spectrogram),
            "clips": self._clips,
            "clipped": self._clipped,
            "seconds": frames / self._rate,
        }

    def _put_peaks(self, lanes: Array) -> None:
        lanes = np.concatenate((self._rest, lanes), axis=1)
        whole = min(lanes.shape[1] // self._per_bucket, self.buckets - self._bucket)
        used = whole * self._per_bucket
        self._rest = lanes[:, used:].copy()
        if whole:
            parts = lanes[:, :used].reshape(self._channels, whole, -1)
            self._keep(parts.min(axis=2), parts.max(axis=2))

    def _keep(self, low: Array, high: Array) -> None:
        place = slice(self._bucket, self._bucket + low.shape[1])
        self._peaks[:, place, 0] = low / np.float32(32768)
        self._peaks[:, place, 1] = high / np.float32(32768)
        self._bucket = place.stop

    def _find_clips(self, lanes: Array) -> None:
        full = ((lanes >= _FULL) | (lanes <= -_FULL)).any(axis=0)
        edges = np.flatnonzero(np.diff(np.concatenate(([0], full.view(np.int8), [0]))))
        starts, ends = edges[0::2], edges[1::2]
        long = ends - starts >= _CLIP_RUN
        self._clipped += int((ends - starts)[long].sum())
        room = _MAX_CLIPS - len(self._clips)
        self._clips += [(self._done + int(s)) / self._rate for s in starts[long][:room]]

    def _spectrum(self, lanes: Array) -> None:
        data = np.concatenate((self._tail, lanes), axis=1)
        # ``data`` begins a window before the block.
        origin = self._done - _WINDOW
        while self._next_column * self._step + _WINDOW <= self._done + lanes.shape[1]:
            start = self._next_column * self._step - origin
            self._next_column += 1
            if start >= 0 and self._kept < len(self._pieces):
                piece = data[:, start : start + _WINDOW]
                piece.sum(axis=0, dtype=np.float32, out=self._pieces[self._kept])
                self._kept += 1
        self._tail = data[:, -_WINDOW:]

    def _transform(self) -> Array:
        """Return the levels of every column: (columns, rows) bytes, low frequencies first."""
        if not self._kept:
            return np.zeros((1, _ROWS), np.uint8)
        levels = np.empty((self._kept, _ROWS), np.uint8)
        for begin in range(0, self._kept, _BATCH):
            pieces = self._pieces[begin : min(begin + _BATCH, self._kept)] * self._window
            power = np.abs(np.fft.rfft(pieces, axis=1)) * (4 / _WINDOW)
            rows = np.maximum.reduceat(power, self._bins, axis=1)
            decibels = 20 * np.log10(np.maximum(rows, 1e-6))
            shown = (decibels - _FLOOR_DB) / -_FLOOR_DB * 255
            levels[begin : begin + len(shown)] = np.clip(shown, 0, 255)
        return levels

    def _count_columns(self, frames: int) -> int:
        return max(1, frames // self._step + 1)


def _log_bins(rate: int) -> Array:
    """Return the first bin of each row, rows rising by equal ratios of frequency."""
    edges = np.geomspace(_LOW_HZ, rate / 2, _ROWS + 1)[:-1]
    return np.minimum((edges / rate * _WINDOW).astype(np.int64), _WINDOW // 2 - 1)
