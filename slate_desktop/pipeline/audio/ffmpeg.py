"""The user's ffmpeg: reads formats that libsndfile does not know, and writes AAC.

Its demuxer is named by what the file's first bytes say, protocols are files and pipes, and every
option is a constant or a number: nothing of a file, its name included, is ever an option.
"""

from __future__ import annotations

import contextlib
import json
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any

import numpy as np

from slate_desktop.domain.assets.audio import LoopPoints
from slate_desktop.errors import AssetError, CommandError, ErrorCode
from slate_desktop.pipeline.audio.formats import FFMPEG_DEMUXERS, InputFormat
from slate_desktop.pipeline.audio.sounds import BLOCK_FRAMES, MAX_DURATION_S, Block, Frames

_PROBE_TIMEOUT_S = 30.0
_MAX_PROBE_BYTES = 256 * 1024
_MAX_REASON = 300
_SAMPLE_BYTES = 4


class FfmpegSound:
    """A sound that ffmpeg reads.

    Raises:
        AssetError: its header is not sound, or there is no sound in it.
        CommandError: ``bad_request``: ffmpeg is not installed here.
    """

    def __init__(self, path: Path, form: InputFormat) -> None:
        self._path = path
        self.format = form
        facts = self._probe()
        self.codec = str(facts.get("codec_name", "unknown"))
        self.sample_rate = _whole(facts.get("sample_rate"))
        self.channels = _whole(facts.get("channels"))
        self.frames: int | None = None
        self.bits: int | None = None
        self.tags: dict[str, str] = {}
        self.loop: LoopPoints | None = None
        with contextlib.suppress(TypeError, ValueError, OverflowError):
            # An estimate: what is decoded counts.
            self.frames = round(float(facts["duration"]) * self.sample_rate) or None

    def blocks(self) -> Iterator[Block]:
        """Yield the whole sound."""
        argv = [
            _program("ffmpeg"),
            *("-nostdin", "-hide_banner", "-v", "error", "-xerror"),
            *self._input(),
            *("-map", "0:a:0", "-vn", "-sn", "-dn", "-t", str(MAX_DURATION_S + 1)),
            *("-f", "f32le", "-c:a", "pcm_f32le", "pipe:1"),
        ]
        frames = Frames(self.sample_rate)
        step = self.channels * _SAMPLE_BYTES
        with tempfile.TemporaryFile() as words:
            process = _start(argv, stdout=subprocess.PIPE, stderr=words)
            output = _pipe(process.stdout)
            try:
                while data := output.read(BLOCK_FRAMES * step):
                    block = np.frombuffer(data[: len(data) // step * step], np.float32)
                    frames.add(len(block) // self.channels)
                    if not np.isfinite(block).all():
                        raise AssetError.invalid("The file holds values that are no numbers.")
                    yield block.reshape(-1, self.channels)
                status = process.wait()
            finally:
                _stop(process)
            if status != 0:
                raise AssetError.invalid(f"ffmpeg cannot decode the file: {_reason(words)}")
        if frames.count == 0:
            raise AssetError.invalid("The file holds no audio.")

    def _input(self) -> list[str]:
        demuxer = FFMPEG_DEMUXERS[self.format]
        return [
            *("-protocol_whitelist", "file,pipe", "-format_whitelist", demuxer, "-f", demuxer),
            *("-i", f"file:{self._path.absolute()}"),
        ]

    def _probe(self) -> dict[str, Any]:
        argv = [
            _program("ffprobe"),
            *("-hide_banner", "-v", "error", "-of", "json", "-select_streams", "a:0"),
            *("-show_entries", "stream=codec_name,sample_rate,channels,duration:format=duration"),
            *self._input(),
        ]
        with tempfile.TemporaryFile() as words, tempfile.TemporaryFile() as answer:
            process = _start(argv, stdout=answer, stderr=words)
            try:
                status = process.wait(_PROBE_TIMEOUT_S)
            except subprocess.TimeoutExpired as exc:
                raise AssetError.limit("ffmpeg takes too long to read the header.") from exc
            finally:
                _stop(process)
            if status != 0:
                raise AssetError.invalid(f"ffmpeg cannot read the file: {_reason(words)}")
            answer.seek(0)
            try:
                found = json.loads(answer.read(_MAX_PROBE_BYTES))
            except ValueError as exc:
                raise AssetError.invalid("ffmpeg does not understand the file.") from exc
        streams = found.get("streams") or []
        if not streams:
            raise AssetError.invalid("The file holds no audio.")
        return {**found.get("format", {}), **streams[0]}


class AacWriter:
    """Writes AAC in an MP4 file. A context manager; ``write`` takes blocks.

    Raises:
        AssetError: ffmpeg fails.
        CommandError: ``bad_request``: ffmpeg is not installed here.
    """

    def __init__(self, path: Path, sample_rate: int, channels: int, bitrate_kbps: int) -> None:
        self._words: IO[bytes] = tempfile.TemporaryFile()  # noqa: SIM115 - closed in __exit__
        self._process = _start(
            [
                _program("ffmpeg"),
                *("-hide_banner", "-v", "error", "-n"),
                *("-f", "f32le", "-ar", str(sample_rate), "-ac", str(channels)),
                *("-protocol_whitelist", "file,pipe", "-i", "pipe:0"),
                *("-map_metadata", "-1", "-c:a", "aac", "-b:a", f"{bitrate_kbps}k"),
                *("-movflags", "+faststart", "-f", "ipod", f"file:{path.absolute()}"),
            ],
            stdin=subprocess.PIPE,
            stderr=self._words,
        )
        self._input = _pipe(self._process.stdin)

    def __enter__(self) -> AacWriter:
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        try:
            with contextlib.suppress(OSError):
                self._input.close()
            if kind is None and self._process.wait() != 0:
                raise AssetError.crash(f"ffmpeg cannot write AAC: {_reason(self._words)}")
        finally:
            _stop(self._process)
            self._words.close()

    def write(self, block: Block) -> None:
        """Encode a block."""
        try:
            self._input.write(np.ascontiguousarray(block, np.float32).data)
        except BrokenPipeError as exc:
            raise AssetError.crash(f"ffmpeg cannot write AAC: {_reason(self._words)}") from exc


def _program(name: str) -> str:
    path = shutil.which(name)
    if path is None:
        raise CommandError(
            ErrorCode.BAD_REQUEST,
            f"This needs {name}, which is not installed here.",
            field="format",
            hint="Install ffmpeg, or use another format.",
        )
    return path


def _start(
    argv: list[str],
    *,
    stderr: IO[bytes],
    stdin: int = subprocess.DEVNULL,
    stdout: IO[bytes] | int = subprocess.DEVNULL,
) -> subprocess.Popen[bytes]:
    try:
        return subprocess.Popen(  # noqa: S603 - constants and numbers
            argv, stdin=stdin, stdout=stdout, stderr=stderr
        )
    except OSError as exc:
        raise CommandError(
            ErrorCode.BAD_REQUEST,
            f"{argv[0]} cannot be started: {exc.strerror or exc}.",
            field="format",
        ) from exc


def _pipe(pipe: IO[bytes] | None) -> IO[bytes]:
    if pipe is None:
        raise OSError("no pipe")
    return pipe


def _stop(process: subprocess.Popen[bytes]) -> None:
    if process.poll() is None:
        process.kill()
    process.wait()
    for pipe in (process.stdin, process.stdout):
        if pipe is not None:
            with contextlib.suppress(OSError):
                pipe.close()


def _reason(words: IO[bytes]) -> str:
    words.seek(0)
    lines = words.read(4096).decode("utf-8", "replace").strip().splitlines()
    # Without the address of its own object in front: "[mov,mp4 @ 0x55d] …".
    text = lines[-1].rpartition("] ")[2] if lines else "it does not say why"
    return text[:_MAX_REASON].rstrip(".") + "."


def _whole(value: object) -> int:
    try:
        return int(str(value))
    except ValueError:
        return 0
