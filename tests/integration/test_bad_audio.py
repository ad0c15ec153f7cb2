"""Sounds that are none, lie, or ask for other files: a named error, nothing left, next please.

Rows of the table of bad inputs: 48, 54, 63 to 66.
"""

from __future__ import annotations

import asyncio
import os
import socket
import struct
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
import soundfile

from slate_desktop.domain.assets.audio import parse_audio_options
from slate_desktop.domain.assets.kinds import AssetKind
from slate_desktop.domain.assets.naming import product_name
from slate_desktop.errors import AssetError, ErrorCode
from slate_desktop.pipeline.sandbox.folders import work_folder
from slate_desktop.pipeline.sandbox.parent import Sandbox


def _wav(data: bytes, *, channels: int = 1, claimed: int | None = None, rate: int = 8000) -> bytes:
    size = len(data) if claimed is None else claimed
    form = struct.pack("<HHIIHH", 1, channels, rate, rate * channels * 2, channels * 2, 16)
    body = b"WAVEfmt " + struct.pack("<I", 16) + form + b"data" + struct.pack("<I", size) + data
    return b"RIFF" + struct.pack("<I", min(len(body), 2**32 - 1)) + body


GOOD = _wav(bytes(range(256)) * 40)


def _float_wav(path: Path) -> None:
    samples = np.zeros(1000, np.float32)
    samples[500] = np.nan
    soundfile.write(path, samples, 8000, subtype="FLOAT")


def _cut_flac(path: Path) -> None:
    noise = np.random.default_rng(3).normal(0, 0.1, 40_000)
    soundfile.write(path, noise, 8000, format="FLAC")
    path.write_bytes(path.read_bytes()[:20_000])


def _day(path: Path) -> None:
    """24 hours of silence in a few bytes of disk."""
    claimed = 24 * 3600 * 8000 * 2
    path.write_bytes(_wav(b"", claimed=claimed))
    with path.open("r+b") as file:
        file.truncate(44 + claimed)


def _bomb(path: Path) -> None:
    """Three hours of silence, which FLAC makes small."""
    with soundfile.SoundFile(path, "w", 8000, 1, format="FLAC") as file:
        for _ in range(3 * 60):
            file.write(np.zeros(60 * 8000, np.int16))


CASES: dict[str, tuple[str, Callable[[Path], object] | bytes, ErrorCode]] = {
    "empty": ("a.wav", b"", ErrorCode.ASSET_INVALID),
    "one byte": ("a.ogg", b"O", ErrorCode.ASSET_INVALID),
    "html": ("a.mp3", b"<html>" * 40, ErrorCode.ASSET_INVALID),
    "random": ("a.flac", bytes(range(7, 250)) * 9, ErrorCode.ASSET_INVALID),
    "header only": ("a.wav", b"RIFF\0\0\0\0WAVE", ErrorCode.ASSET_INVALID),
    "cut header": ("a.wav", GOOD[:30], ErrorCode.ASSET_INVALID),
    "lying size": ("a.wav", _wav(bytes(100), claimed=9000), ErrorCode.ASSET_INVALID),
    "2 GB header": ("a.wav", _wav(b"", claimed=2**31), ErrorCode.ASSET_INVALID),
    "stream size": ("a.wav", _wav(bytes(100), claimed=2**32 - 1), ErrorCode.ASSET_INVALID),
    "300 channels": ("a.wav", _wav(bytes(6000), channels=300), ErrorCode.ASSET_INVALID),
    "no samples": ("a.wav", _wav(b""), ErrorCode.ASSET_INVALID),
    "no rate": ("a.wav", _wav(bytes(64), rate=1), ErrorCode.ASSET_INVALID),
    "not a number": ("a.wav", _float_wav, ErrorCode.ASSET_INVALID),
    "cut flac": ("a.flac", _cut_flac, ErrorCode.ASSET_INVALID),
    "cut ogg header": ("a.ogg", b"OggS" + bytes(60), ErrorCode.ASSET_INVALID),
    "ffconcat": ("a.wav", b"ffconcat version 1.0\nfile secret.wav\n", ErrorCode.ASSET_INVALID),
    "empty mp4": ("a.m4a", struct.pack(">I4s4s", 16, b"ftyp", b"M4A ") + bytes(4),
                  ErrorCode.ASSET_INVALID),
    "day": ("a.wav", _day, ErrorCode.ASSET_LIMIT),
    "bomb": ("a.flac", _bomb, ErrorCode.ASSET_LIMIT),
}  # fmt: skip


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    # Not bound to a loop; its children share one fork server.
    sandbox = Sandbox()
    yield sandbox
    asyncio.run(sandbox.aclose())


async def _error(sandbox: Sandbox, source: Path) -> AssetError:
    with work_folder() as folder:
        with pytest.raises(AssetError) as caught:
            await sandbox.process(AssetKind.AUDIO, source, folder, parse_audio_options({}))
        assert [path.name for path in folder.iterdir()] == []
    return caught.value


@pytest.mark.parametrize("case", CASES)
async def test_bad_sound_is_named_and_the_next_one_works(
    sandbox: Sandbox, tmp_path: Path, case: str
) -> None:
    name, content, code = CASES[case]
    source = tmp_path / name
    if isinstance(content, bytes):
        source.write_bytes(content)
    else:
        content(source)
    good = tmp_path / "good.wav"
    good.write_bytes(GOOD)
    error = await _error(sandbox, source)
    assert error.code is code, str(error)
    assert str(error).endswith(".")
    with work_folder() as folder:
        result = await sandbox.process(
            AssetKind.AUDIO, good, folder, parse_audio_options({"format": "wav"})
        )
    assert result.products[0].path == "good.wav"


@pytest.mark.parametrize("name", ["list.wav", "list.m3u8", "list.mka"])
async def test_play_list_reads_nothing_and_asks_nobody(
    sandbox: Sandbox, tmp_path: Path, name: str
) -> None:
    secret = tmp_path / "secret.wav"
    secret.write_bytes(GOOD)
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.setblocking(False)
        port = server.getsockname()[1]
        lines = ["#EXTM3U", "#EXTINF:1,", str(secret), "#EXTINF:1,"]
        lines += [f"http://127.0.0.1:{port}/x.ts", "#EXT-X-ENDLIST"]
        (tmp_path / name).write_text("\n".join(lines))
        error = await _error(sandbox, tmp_path / name)
        assert error.code is ErrorCode.ASSET_INVALID
        with pytest.raises(BlockingIOError):
            server.accept()


@pytest.mark.skipif(sys.platform == "win32", reason="pipes and devices: not on this platform")
async def test_what_is_no_file_is_refused_without_a_wait(sandbox: Sandbox, tmp_path: Path) -> None:
    (tmp_path / "real.wav").write_bytes(GOOD)
    (tmp_path / "link.wav").symlink_to(tmp_path / "real.wav")
    (tmp_path / "folder.wav").mkdir()
    os.mkfifo(tmp_path / "pipe.wav")
    with socket.socket(socket.AF_UNIX) as door:
        door.bind(str(tmp_path / "s.wav"))
        for name in ("link.wav", "folder.wav", "pipe.wav", "s.wav"):
            error = await _error(sandbox, tmp_path / name)
            assert error.code is ErrorCode.ASSET_INVALID
        assert (await _error(sandbox, Path("/dev/zero"))).code is ErrorCode.ASSET_INVALID


async def test_names_are_never_options_of_ffmpeg(sandbox: Sandbox, tmp_path: Path) -> None:
    (tmp_path / "good.wav").write_bytes(GOOD)
    for name in ("-version.m4a", "concat:a|b.m4a"):
        source = tmp_path / name
        await asyncio.to_thread(
            subprocess.run,
            ["ffmpeg", "-v", "error", "-i", "good.wav", "-ar", "44100", f"file:{name}"],
            cwd=tmp_path,
            check=True,
        )
        with work_folder() as folder:
            result = await sandbox.process(
                AssetKind.AUDIO, source, folder, parse_audio_options({"format": "aac"})
            )
        assert result.products[0].path == product_name(source, ".m4a")
