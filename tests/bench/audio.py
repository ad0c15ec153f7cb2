"""Sounds: a normalised Ogg Vorbis against ffmpeg's plain encode and its loudnorm."""

from __future__ import annotations

import os
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from tests.bench.harness import Result

_ROUNDS = int(os.environ.get("SLATE_BENCH_ROUNDS", "3"))
_SECONDS = 180
_RATE = 48_000
_OURS = """
import sys, time
from pathlib import Path
from slate_desktop.domain.assets.audio import parse_audio_options
from slate_desktop.pipeline.audio import process
began, used = time.perf_counter(), time.process_time()
wishes = {'format': 'ogg', 'bitrate': 192, 'normalize': True, 'target_lufs': -16}
options, source, out = parse_audio_options(wishes), Path(sys.argv[1]), Path(sys.argv[2])
result = process(source, out, options, progress=lambda *_: None)
print(time.perf_counter() - began, time.process_time() - used, result.report.after.lufs)
print(Path('/proc/self/status').read_text().split('VmHWM:')[1].split()[0])
"""


def run() -> list[Result]:
    """Measure wall and processor time, and the memory of a long sound."""
    if shutil.which("ffmpeg") is None:
        print("ffmpeg is not installed")
        return []
    wall = Result("Ogg Vorbis, normalised, wall", "ffmpeg plain encode", "s", goal=1.1)
    used = Result("Ogg Vorbis, normalised, processor", "ffmpeg plain encode", "s", goal=1.5)
    norm = Result("Ogg Vorbis, normalised, wall", "ffmpeg loudnorm", "s", goal=0.4)
    memory = Result("Memory of 30 minutes", "80 MB", "MB", goal=1.0)
    for result in (wall, used, norm, memory):
        result.higher_is_better = False
    with tempfile.TemporaryDirectory() as folder:
        source = _music(Path(folder) / "three.wav", _SECONDS)
        for number in range(_ROUNDS):
            plain = _timed([*_ffmpeg(source), *_encoder(folder)])
            ours = _ours(source, Path(folder) / str(number))
            wall.peer_values.append(plain[0])
            wall.our_values.append(ours[0])
            used.peer_values.append(plain[1])
            used.our_values.append(ours[1])
            norm.our_values.append(ours[0])
            loud = [*_ffmpeg(source), "-af", "loudnorm=I=-16:TP=-1", "-ar", str(_RATE)]
            norm.peer_values.append(_timed([*loud, *_encoder(folder)])[0])
        norm.note = f"SLATE reached {ours[2]:.2f} LUFS of -16"
        long = _music(Path(folder) / "long.wav", 1800)
        memory.peer_values.append(80.0)
        memory.our_values.append(_ours(long, Path(folder) / "long")[3])
    for result in (wall, used, norm, memory):
        result.show()
    return [wall, used, norm, memory]


def _music(path: Path, seconds: int) -> Path:
    """Write chords with noise whose level changes, as 16-bit stereo."""
    import numpy as np
    import soundfile

    random = np.random.default_rng(5)
    time_s = np.arange(10 * _RATE) / _RATE
    tones = (55, 110, 164.8, 220, 277.2, 440, 1108, 3520)
    chord = sum(np.sin(2 * np.pi * hz * time_s + hz) for hz in tones) / 12
    with soundfile.SoundFile(path, "w", _RATE, 2, subtype="PCM_16") as file:
        for part in range(seconds // 10):
            level = 0.3 + 0.5 * ((part * 7) % 5) / 5
            noise = random.normal(0, 0.05, (len(time_s), 2))
            beat = (1 + np.sin(2 * np.pi * 2 * time_s))[:, None] / 2
            file.write(level * (chord[:, None] * [1.0, 0.8] + noise * beat))
    return path


def _ffmpeg(source: Path) -> list[str]:
    return ["ffmpeg", "-nostdin", "-v", "error", "-y", "-i", str(source)]


def _encoder(folder: str) -> list[str]:
    return ["-c:a", "libvorbis", "-b:a", "192k", f"{folder}/peer.ogg"]


def _timed(argv: Sequence[str]) -> tuple[float, float]:
    before, began = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    subprocess.run(argv, check=True)
    wall, after = time.perf_counter() - began, resource.getrusage(resource.RUSAGE_CHILDREN)
    return wall, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def _ours(source: Path, out: Path) -> tuple[float, float, float, float]:
    """Return wall and processor seconds, LUFS, and the most memory in MB."""
    out.mkdir()
    answer = subprocess.run(
        [sys.executable, "-c", _OURS, str(source), str(out)],
        env={"OPENBLAS_NUM_THREADS": "1", "PATH": "/usr/bin:/bin"},
        capture_output=True,
        text=True,
        check=True,
    )
    wall, used, lufs, memory = map(float, answer.stdout.split())
    return wall, used, lufs, memory / 1024
