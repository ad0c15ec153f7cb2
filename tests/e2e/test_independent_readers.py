"""What ``slate asset process`` makes, as programs see it that share no code with SLATE."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyloudnorm
import pytest
import soundfile
import texture2ddecoder
from PIL import Image

from tests.conftest import require_service
from tests.e2e.local_cli import Cli, cli
from tests.services.gltf import Reader, gltf_problems
from tests.services.pictures import cutout, landscape, normal_map, psd, save
from tests.services.shared_assets import shared_assets
from tests.services.small_models import obj_with_materials, png, rich_model

__all__ = ["cli", "gltf_problems", "shared_assets"]
Problems = Callable[..., list[str]]

WRITERS: dict[str, Callable[[Any, int], bytes]] = {
    "png": lambda pixels, count: save(pixels, "PNG", "RGBA" if count == 4 else "RGB"),
    "tga": lambda pixels, count: save(pixels, "TGA", "RGBA" if count == 4 else "RGB"),
    "psd": psd,
}
# What each is: its pixels, its channels, the encoding that is chosen, channels that it keeps.
KINDS = {
    "albedo": (landscape, 3, "bc7", 3),
    "normal": (normal_map, 3, "bc5", 2),
    "leaves": (cutout, 4, "bc7", 4),
}


def psnr(first: Any, second: Any) -> float:
    return float(10 * np.log10(255**2 / np.mean((first.astype(float) - second.astype(float)) ** 2)))


def levels_of(path: Path, encoding: str) -> list[Any]:
    """Decode a DDS with a DX10 header by its sizes and texture2ddecoder: RGBA of every level."""
    data = path.read_bytes()
    height, width, _, _, count = (
        int.from_bytes(data[at : at + 4], "little") for at in (12, 16, 20, 24, 28)
    )
    assert data[:4] == b"DDS "
    assert data[84:88] == b"DX10"
    decode = {"bc7": texture2ddecoder.decode_bc7, "bc5": texture2ddecoder.decode_bc5}[encoding]
    place, levels = 148, []
    for level in range(max(1, count)):
        across, down = max(1, width >> level), max(1, height >> level)
        size = 16 * -(-across // 4) * -(-down // 4)
        bgra = decode(data[place : place + size], across, down)
        levels.append(np.frombuffer(bgra, np.uint8).reshape(down, across, 4)[..., (2, 1, 0, 3)])
        place += size
    assert place == len(data)
    return levels


def halved(pixels: Any, *, is_light: bool) -> Any:
    """Return the mean of each 2 by 2 pixels, of colours in linear light: float 0 to 255."""
    values = pixels.astype(float)
    if is_light:
        values[..., :3] = 255 * (values[..., :3] / 255) ** 2.2
    mean = (values[::2, ::2] + values[1::2, ::2] + values[::2, 1::2] + values[1::2, 1::2]) / 4
    if is_light:
        mean[..., :3] = 255 * (mean[..., :3] / 255) ** (1 / 2.2)
    return mean


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("form", WRITERS)
def test_textures_decode_at_the_reported_likeness(cli: Cli, form: str, kind: str) -> None:
    make, count, encoding, kept = KINDS[kind]
    pixels = make(128, 64)
    source = cli.folder / f"wall_{kind}.{form}"
    source.write_bytes(WRITERS[form](pixels, count))

    command = ("process", source.name, "--local", "--format", "dds", "--mipmaps", "--out", "made")
    job = cli.json(*command)["jobs"][0]

    (output,) = job["outputs"]
    (measure,) = job["report"]["measures"]
    assert (output["format"], measure["encoding"], measure["levels"]) == ("dds", encoding, 8)
    assert job["report"]["usage"] == ("normal" if kind == "normal" else "colour")
    path = cli.folder / output["path"]
    levels = levels_of(path, encoding)
    with Image.open(path) as picture:
        picture.load()
        assert picture.size == (128, 64)
        by_pillow = np.asarray(picture.convert("RGBA"))
    for decoded in (levels[0], by_pillow):
        found = psnr(decoded[..., :kept], pixels[..., :kept])
        assert found == pytest.approx(measure["psnr_db"], abs=0.02)
        assert found > 35
    assert [level.shape[:2] for level in levels[:4]] == [(64, 128), (32, 64), (16, 32), (8, 16)]
    if kind == "albedo":
        # The report's likeness of a level is to its own mips; others' are nearly the same.
        smaller = halved(pixels, is_light=True)[..., :3]
        assert psnr(levels[1][..., :3], smaller) > 35
        assert measure["level_psnr_db"][1] > 35
    if kind == "normal":
        vectors = levels[1][..., :2].astype(float) / 127.5 - 1
        assert (np.hypot(vectors[..., 0], vectors[..., 1]) <= 1.02).all()
    if kind == "leaves":
        assert job["report"]["is_cutout"]
        covered = [float((level[..., 3] >= 128).mean()) for level in levels[:4]]
        assert covered == pytest.approx([covered[0]] * 4, abs=0.05)


def test_webp_and_blocks_come_from_one_command(cli: Cli) -> None:
    pixels = landscape(64, 64)
    (cli.folder / "rock_albedo.tga").write_bytes(save(pixels, "TGA", "RGB"))
    options = ("--format", "webp", "--compression", "bc7", "--mipmaps", "--out", "made")
    job = cli.json("process", "rock_albedo.tga", "--local", *options)["jobs"][0]
    assert [output["format"] for output in job["outputs"]] == ["webp", "ktx2"]
    webp = job["report"]["measures"][0]
    with Image.open(cli.folder / job["outputs"][0]["path"]) as picture:
        decoded = np.asarray(picture.convert("RGB"))
    assert psnr(decoded, pixels[..., :3]) == pytest.approx(webp["psnr_db"], abs=0.02)


def check_model(source: Path, path: Path, name: str, problems: Problems) -> Reader:
    """Compare what moves: skins, animations and every vertex at times."""
    assert problems(path) == []
    before, after = Reader(source), Reader(path)
    joints = [[before.tree["nodes"][n].get("name") for n in s["joints"]] for s in _skins(before)]
    assert joints == [
        [after.tree["nodes"][n].get("name") for n in skin["joints"]] for skin in _skins(after)
    ]
    for one, other in zip(_skins(before), _skins(after), strict=True):
        first, second = one["inverseBindMatrices"], other["inverseBindMatrices"]
        np.testing.assert_array_equal(before.raw(first), after.raw(second))
    for one, other in zip(before.tree["animations"], after.tree["animations"], strict=True):
        assert one["name"] == other["name"]
        assert [each["target"] for each in one["channels"]] == [
            each["target"] for each in other["channels"]
        ]
        for mine, theirs in zip(one["samplers"], other["samplers"], strict=True):
            for key in ("input", "output"):
                np.testing.assert_array_equal(before.raw(mine[key]), after.raw(theirs[key]))
    np.testing.assert_array_equal(before.posed(name, 0.3), after.posed(name, 0.3))
    return after


def _skins(reader: Reader) -> list[dict[str, Any]]:
    return reader.tree["skins"]


def process_model(cli: Cli, source: Path) -> list[Path]:
    """Process a model with levels of detail; return its files, the model first."""
    command = ("process", str(source), "--local", "--format", "glb", "--lods", "0.75,0.5,0.25")
    job = cli.json(*command, "--out", "made")["jobs"][0]
    roles = [output["role"] for output in job["outputs"]]
    assert roles == ["primary", "lod1", "lod2", "lod3"]
    counts = [job["report"]["after"]["triangles"], *(e["triangles"] for e in job["report"]["lods"])]
    assert counts == sorted(counts, reverse=True)
    return [cli.folder / output["path"] for output in job["outputs"]]


def test_skinned_and_animated_glb(cli: Cli, gltf_problems: Problems) -> None:
    source = rich_model(cli.folder / "walker.glb")
    primary, *levels = process_model(cli, source)
    check_model(source, primary, "wave", gltf_problems)
    assert gltf_problems(*levels) == []
    for level in levels:
        tree = Reader(level).tree
        assert len(tree["skins"]) == 1
        assert [each["name"] for each in tree["animations"]] == ["wave"]


def test_real_skinned_and_animated_glb(
    cli: Cli, shared_assets: Path, gltf_problems: Problems
) -> None:
    source = shared_assets / "models" / "mannequiny.glb"
    primary, *levels = process_model(cli, source)
    names = [each["name"] for each in Reader(source).tree["animations"]]
    assert len(names) == 10
    check_model(source, primary, names[3], gltf_problems)
    assert gltf_problems(*levels) == []


def test_obj_with_materials(cli: Cli, gltf_problems: Problems) -> None:
    obj_with_materials(cli.folder)
    command = ("process", "scene.obj", "--local", "--format", "glb", "--optimize", "--out", "made")
    job = cli.json(*command)["jobs"][0]
    path = cli.folder / job["outputs"][0]["path"]
    assert gltf_problems(path) == []
    reader = Reader(path)
    surfaces = {m["name"]: m["pbrMetallicRoughness"] for m in reader.tree["materials"]}
    assert surfaces["red"]["baseColorFactor"] == [1, 0, 0, 1]
    assert surfaces["blue"]["baseColorFactor"] == [0, 0, 1, 0.5]
    assert reader.image(path, 0) == png()


def test_wav_has_the_rate_channels_and_loudness_that_were_asked(cli: Cli) -> None:
    ffprobe = shutil.which("ffprobe")
    if ffprobe is None:
        require_service("ffprobe", "it comes with ffmpeg")
        raise AssertionError
    times = np.arange(4 * 44_100) / 44_100
    wave = 0.1 * np.sin(2 * np.pi * 330 * times) * (1 + 0.5 * np.sin(2 * np.pi * times))
    soundfile.write(cli.folder / "voice.wav", np.stack([wave, wave / 2], 1), 44_100)
    options = ("--format", "ogg", "--sample-rate", "48000", "--channels", "1", "--normalize")
    job = cli.json("process", "voice.wav", "--local", *options, "--out", "made")["jobs"][0]
    path = cli.folder / job["outputs"][0]["path"]
    command = [ffprobe, "-v", "error", "-of", "json", "-show_streams", str(path)]
    answer = subprocess.run(command, capture_output=True, check=True)
    (stream,) = json.loads(answer.stdout)["streams"]
    assert (stream["codec_name"], stream["sample_rate"], stream["channels"]) == (
        "vorbis",
        "48000",
        1,
    )
    samples, rate = soundfile.read(path)
    measured = pyloudnorm.Meter(rate).integrated_loudness(samples)
    assert measured == pytest.approx(-16, abs=0.5)
    assert job["report"]["after"]["lufs"] == pytest.approx(measured, abs=0.2)
    assert job["report"]["after"]["true_peak_dbtp"] <= -0.9
