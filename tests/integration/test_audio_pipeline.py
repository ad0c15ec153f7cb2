"""Sounds from file to file, as independent readers see them: ffprobe, ffmpeg, pyloudnorm, pydub."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pyloudnorm
import pytest
import soundfile

from slate_desktop.domain.assets.audio import AudioReport, LoopPoints, parse_audio_options
from slate_desktop.domain.assets.kinds import AssetKind
from slate_desktop.domain.assets.report import ProcessResult
from slate_desktop.pipeline.audio import comments, inspect, process, riff
from slate_desktop.pipeline.audio.formats import InputFormat
from slate_desktop.pipeline.sandbox.folders import work_folder
from slate_desktop.pipeline.sandbox.parent import Sandbox
from slate_desktop.pipeline.sandbox.request import ChildRequest
from tests.conftest import require_service

with warnings.catch_warnings():
    # pydub 0.25 imports audioop, which warns on Python 3.11 and 3.12.
    warnings.simplefilter("ignore")
    import pydub

RATE = 44_100


@pytest.fixture(scope="module")
def ffmpeg() -> str:
    found = shutil.which("ffmpeg")
    if found is None:
        require_service("ffmpeg", "it is not installed")
    return str(found)


@pytest.fixture(scope="module")
def tune(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Four seconds of stereo that gets louder, with half a second of silence around."""
    random = np.random.default_rng(7)
    time = np.arange(4 * RATE) / RATE
    wave = sum(np.sin(2 * np.pi * hz * time + hz) for hz in (110, 220, 331, 1760, 5000)) / 12
    wave = wave * np.linspace(0.2, 1.0, len(time)) + random.normal(0, 0.01, len(time))
    stereo = np.stack((wave, 0.7 * np.roll(wave, 40)), axis=1)
    silence = np.zeros((RATE // 2, 2))
    path = tmp_path_factory.mktemp("audio") / "tune.wav"
    soundfile.write(path, np.concatenate((silence, stereo, silence)), RATE, subtype="PCM_16")
    return path


def _run(source: Path, out: Path, **options: Any) -> tuple[ProcessResult, AudioReport, Path]:
    out.mkdir(exist_ok=True)
    heard: list[float] = []
    result = process(
        source, out, parse_audio_options(options), progress=lambda part, _: heard.append(part)
    )
    assert heard[-1] == 1.0
    assert [path.name for path in out.iterdir()] == [result.products[0].path]
    assert isinstance(result.report, AudioReport)
    return result, result.report, out / result.products[0].path


def _probe(path: Path) -> dict[str, Any]:
    answer = subprocess.run(
        ["ffprobe", "-v", "error", "-of", "json", "-show_streams", str(path)],
        capture_output=True,
        check=True,
    )
    return json.loads(answer.stdout)["streams"][0]


def _decoded(ffmpeg: str, path: Path, channels: int) -> np.ndarray:
    answer = subprocess.run(
        [ffmpeg, "-v", "error", "-i", str(path), "-f", "f32le", "-"],
        capture_output=True,
        check=True,
    )
    return np.frombuffer(answer.stdout, np.float32).reshape(-1, channels)


@pytest.mark.parametrize(
    ("form", "codec"),
    [
        ("ogg", "vorbis"),
        ("opus", "opus"),
        ("mp3", "mp3"),
        ("flac", "flac"),
        ("wav", "pcm_s16le"),
        ("aac", "aac"),
    ],
)
def test_every_format_is_what_other_readers_find(
    ffmpeg: str, tune: Path, tmp_path: Path, form: str, codec: str
) -> None:
    result, report, path = _run(
        tune, tmp_path / "out", format=form, normalize=True, target_lufs=-20, sample_rate=48_000
    )
    facts = _probe(path)
    assert (facts["codec_name"], int(facts["sample_rate"]), facts["channels"]) == (codec, 48_000, 2)
    samples = _decoded(ffmpeg, path, 2)
    assert len(samples) / 48_000 == pytest.approx(5.0, abs=0.1)
    measured = pyloudnorm.Meter(48_000).integrated_loudness(samples.astype(float))
    assert measured == pytest.approx(-20.0, abs=0.5)
    assert report.after.lufs == pytest.approx(measured, abs=0.2)
    assert report.after.true_peak_dbtp is not None
    assert report.after.true_peak_dbtp <= -0.9
    with path.open("rb") as file:
        segment = pydub.AudioSegment.from_file(file)
    assert segment.duration_seconds == pytest.approx(5.0, abs=0.1)
    assert result.products[0].size == path.stat().st_size
    assert report.before.lufs == pytest.approx(
        pyloudnorm.Meter(RATE).integrated_loudness(soundfile.read(tune)[0]), abs=0.1
    )


@pytest.mark.parametrize("bitrate", [64, 96, 192])
def test_mp3_is_as_loud_as_asked_at_every_bit_rate(
    ffmpeg: str, tune: Path, tmp_path: Path, bitrate: int
) -> None:
    """LAME makes what it is given quieter by up to 0.45 dB, at most bit rates."""
    _, report, path = _run(
        tune, tmp_path / "out", format="mp3", bitrate=bitrate, normalize=True, target_lufs=-20
    )
    assert report.after.lufs == pytest.approx(-20.0, abs=0.2)
    samples = _decoded(ffmpeg, path, 2)
    measured = pyloudnorm.Meter(RATE).integrated_loudness(samples.astype(float))
    assert measured == pytest.approx(-20.0, abs=0.3)
    # What was done is told: the gain is what the encoder was given.
    assert report.after.lufs is not None
    assert report.before.lufs is not None
    assert report.gain_db >= report.after.lufs - report.before.lufs - 0.2


@pytest.mark.parametrize(
    ("options", "kbps"),
    [
        ({"format": "ogg", "bitrate": 96}, 96),
        ({"format": "ogg", "bitrate": 192}, 192),
        ({"format": "opus", "bitrate": 48, "channels": 1}, 48),
        ({"format": "mp3", "bitrate": 128}, 128),
        ({"format": "aac", "bitrate": 96}, 96),
    ],
)
def test_bit_rate_is_about_what_was_asked(
    ffmpeg: str, tune: Path, tmp_path: Path, options: dict[str, Any], kbps: int
) -> None:
    _, report, _ = _run(tune, tmp_path / "out", **options)
    assert report.bitrate_kbps == pytest.approx(kbps, rel=0.45)
    assert report.channels == options.get("channels", 2)


def test_ceiling_holds_the_gain_back_and_says_so(tune: Path, tmp_path: Path) -> None:
    _, report, _ = _run(tune, tmp_path / "out", normalize=True, target_lufs=-5, true_peak=-1)
    assert report.is_ceiling_held
    assert report.after.true_peak_dbtp == pytest.approx(-1.0, abs=0.15)
    assert any("ceiling" in warning for warning in report.warnings)


def test_peak_mode_reaches_the_peak(tune: Path, tmp_path: Path) -> None:
    _, report, _ = _run(tune, tmp_path / "out", format="flac", normalize="peak", true_peak=-3)
    assert report.after.true_peak_dbtp == pytest.approx(-3.0, abs=0.05)


def test_without_wishes_nothing_but_the_container_changes(tune: Path, tmp_path: Path) -> None:
    _, _, path = _run(tune, tmp_path / "out", format="flac")
    np.testing.assert_array_equal(
        soundfile.read(path, dtype="int16")[0], soundfile.read(tune, dtype="int16")[0]
    )


def test_silence_is_cut_off_both_ends(tune: Path, tmp_path: Path) -> None:
    _, report, path = _run(tune, tmp_path / "out", format="wav", trim_silence=True)
    assert report.trimmed_start_s == pytest.approx(0.495, abs=0.01)
    assert report.trimmed_end_s == pytest.approx(0.495, abs=0.01)
    assert soundfile.info(path).duration == pytest.approx(4.01, abs=0.01)


def test_silent_sound_stays_and_says_so(tmp_path: Path) -> None:
    soundfile.write(tmp_path / "quiet.wav", np.zeros((RATE, 1)), RATE)
    _, report, _ = _run(tmp_path / "quiet.wav", tmp_path / "out", normalize=True, trim_silence=True)
    assert report.duration_s == 1.0
    assert report.after.lufs is None
    assert any("silent" in warning for warning in report.warnings)


@pytest.mark.parametrize("form", ["ogg", "opus", "flac", "wav"])
def test_loop_points_are_kept(tune: Path, tmp_path: Path, form: str) -> None:
    looped = tmp_path / "looped.wav"
    shutil.copy(tune, looped)
    riff.append_loop(looped, LoopPoints(start=44_100, end=88_200), RATE)
    rate = 48_000 if form == "opus" else RATE
    _, report, path = _run(looped, tmp_path / "out", format=form)
    assert report.loop == LoopPoints(start=rate, end=2 * rate)
    assert soundfile.info(path).frames == 5 * rate
    found = (
        riff.scan_wav(path).loop
        if form == "wav"
        else comments.read_loop(path, InputFormat.FLAC if form == "flac" else InputFormat.OGG)
    )
    assert found == report.loop
    assert inspect(path)["loop"] == {"start": rate, "end": 2 * rate}


def test_loop_in_comments_survives_and_follows_a_cut(tune: Path, tmp_path: Path) -> None:
    _, _, path = _run(tune, tmp_path / "one", format="ogg")
    comments.write_loop(path, InputFormat.OGG, LoopPoints(start=50_000, end=100_000))
    _, report, _ = _run(path, tmp_path / "two", format="flac", trim_silence=True)
    assert report.loop is not None
    shift = round(report.trimmed_start_s * RATE)
    assert report.loop.start == pytest.approx(50_000 - shift, abs=5)
    assert report.loop.end - report.loop.start == 50_000
    _, report, _ = _run(path, tmp_path / "three", format="mp3")
    assert report.loop is None
    assert any("loop" in warning for warning in report.warnings)


def test_tags_are_kept(tune: Path, tmp_path: Path) -> None:
    tagged = tmp_path / "tagged.wav"
    samples, _ = soundfile.read(tune, frames=RATE)
    with soundfile.SoundFile(tagged, "w", RATE, 2, format="WAV", subtype="PCM_16") as file:
        file.title, file.artist = "Tïtle", "Somebody"
        file.write(samples)
    _, _, path = _run(tagged, tmp_path / "out", format="ogg")
    with soundfile.SoundFile(path) as file:
        assert (file.title, file.artist) == ("Tïtle", "Somebody")


@pytest.mark.parametrize("form", ["ogg", "opus", "flac"])
def test_surround_keeps_its_channels(ffmpeg: str, tmp_path: Path, form: str) -> None:
    time = np.arange(RATE) / RATE
    tones = [200, 400, 600, 50, 1000, 1200]
    surround = np.stack([0.3 * np.sin(2 * np.pi * hz * time) for hz in tones], axis=1)
    soundfile.write(tmp_path / "six.wav", surround, RATE, format="WAVEX", subtype="PCM_16")
    _, report, path = _run(tmp_path / "six.wav", tmp_path / "out", format=form)
    samples = _decoded(ffmpeg, path, 6)
    spectra = np.abs(np.fft.rfft(samples[4000:40_000], axis=0))
    found = spectra.argmax(axis=0) * report.sample_rate / 36_000
    np.testing.assert_allclose(found, tones, atol=3)


@pytest.mark.parametrize("extension", ["m4a", "aac", "mka", "wma", "aiff", "w64", "mp3", "caf"])
def test_inputs_of_other_programs_are_read(
    ffmpeg: str, tune: Path, tmp_path: Path, extension: str
) -> None:
    source = tmp_path / f"tune.{extension}"
    subprocess.run([ffmpeg, "-v", "error", "-i", str(tune), str(source)], check=True)
    _, report, _ = _run(source, tmp_path / "out", format="ogg")
    assert report.input_duration_s == pytest.approx(5.0, abs=0.15)
    assert report.before.lufs == pytest.approx(report.after.lufs, abs=0.3)
    if extension in ("m4a", "aac", "mka", "wma"):
        assert report.tools["ffmpeg"][0].isdigit()


@pytest.mark.skipif(sys.platform == "win32", reason="names of bytes: not on this platform")
@pytest.mark.parametrize(
    "name", [b"new\nline.wav", b"-version", b"\xff\xfe.wav", b"CON", "\u202egnp.wav".encode()]
)
def test_strange_names_are_data(ffmpeg: str, tune: Path, tmp_path: Path, name: bytes) -> None:
    source = Path(os.fsdecode(os.fsencode(tmp_path) + b"/" + name))
    shutil.copy(tune, source)
    result, _, path = _run(source, tmp_path / "out", format="aac")
    assert path.suffix == ".m4a"
    result.products[0].path.encode("utf-8")


@pytest.mark.skipif(sys.platform != "linux", reason="/proc: not on this platform")
def test_long_sound_takes_no_more_memory(tmp_path: Path, tune: Path) -> None:
    long = tmp_path / "long.wav"
    samples, _ = soundfile.read(tune, dtype="float32")
    with soundfile.SoundFile(long, "w", RATE, 2, format="WAV", subtype="PCM_16") as file:
        for _ in range(24):
            file.write(samples)
    script = (
        "import sys; from pathlib import Path\n"
        "from slate_desktop.domain.assets.audio import parse_audio_options\n"
        "from slate_desktop.pipeline.audio import process\n"
        "process(Path(sys.argv[1]), Path(sys.argv[2]), parse_audio_options({'format': 'ogg',"
        " 'normalize': True, 'sample_rate': 22050}), progress=lambda *_: None)\n"
        # ru_maxrss would count the process that started this one.
        "print(Path('/proc/self/status').read_text().split('VmHWM:')[1].split()[0])"
    )
    peaks = []
    for source in (tune, long):
        out = tmp_path / source.stem
        out.mkdir()
        answer = subprocess.run(
            [sys.executable, "-c", script, str(source), str(out)], capture_output=True, check=True
        )
        peaks.append(int(answer.stdout) / 1024)
    assert peaks[1] <= 80
    assert peaks[1] - peaks[0] <= 12


async def test_previews_are_arrays_of_the_sound(tune: Path) -> None:
    async with Sandbox() as sandbox:
        with work_folder() as folder:

            async def ask(task: str, **arguments: Any) -> dict[str, Any]:
                request = ChildRequest(
                    target=f"slate_desktop.pipeline.audio.preview:{task}",
                    arguments={"source": str(tune), **arguments},
                    work_dir=str(folder),
                    readable=(str(tune),),
                    kind=AssetKind.AUDIO,
                )
                answer = await sandbox.run(request)
                assert isinstance(answer, dict)
                return answer

            facts = await ask("peaks")
            assert facts["frames"] == 5 * RATE
            finest = np.load(folder / facts["levels"][0]["file"])
            coarsest = np.load(folder / facts["levels"][-1]["file"])
            assert finest.shape == (-(-5 * RATE // 256), 2, 3)
            assert len(coarsest) <= 64
            samples, _ = soundfile.read(tune)
            assert finest[:, :, 1].max() / 32_767 == pytest.approx(samples.max(), abs=1e-3)
            assert (coarsest[..., 1].max(), coarsest[..., 0].min()) == (
                finest[..., 1].max(),
                finest[..., 0].min(),
            )
            facts = await ask("spectrogram", width=100, height=64)
            picture = np.load(folder / facts["file"])
            assert picture.shape == (64, facts["columns"])
            assert facts["columns"] <= 100
            assert picture[:, 2].max() == 0  # silence in front
            assert picture[:, facts["columns"] // 2].max() > 150
            facts = await ask("loudness")
            momentary = np.load(folder / facts["file"])
            assert len(momentary) == facts["values"] == 47
            assert np.argmax(momentary) > 30
            assert facts["levels"]["lufs"] == pytest.approx(
                pyloudnorm.Meter(RATE).integrated_loudness(samples), abs=0.1
            )
