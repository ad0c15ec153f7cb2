"""``slate asset`` on this machine: what scripts rely on."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import soundfile

from tests.e2e.local_cli import Cli, cli

__all__ = ["cli"]


def _tone(path: Path, hz: float = 440.0) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    wave = 0.3 * np.sin(2 * np.pi * hz * np.arange(11_025) / 22_050)
    soundfile.write(path, wave, 22_050)
    return path


def _files(folder: Path) -> list[str]:
    return sorted(p.relative_to(folder).as_posix() for p in folder.rglob("*") if p.is_file())


def test_process_answers_as_the_contract_says_and_never_twice(cli: Cli) -> None:
    source = _tone(cli.folder / "hit.wav")
    command = ("process", "hit.wav", "--local", "--format", "flac", "--sample-rate", "48000")
    first = cli.json(*command, "--out", "made")["jobs"][0]
    assert (first["input"], first["state"], first["cached"]) == ("hit.wav", "completed", False)
    output = first["outputs"][0]
    product = cli.folder / output["path"]
    assert output["role"] == "primary"
    assert output["format"] == "flac"
    assert output["size"] == product.stat().st_size
    assert output["sha256"] == hashlib.sha256(product.read_bytes()).hexdigest()
    assert first["report"]["sample_rate"] == soundfile.info(product).samplerate == 48_000
    assert first["error"] is None
    os.utime(source, (1, 1))  # touching changes nothing
    product.unlink()
    again = cli.json(*command, "--out", "made")["jobs"][0]
    assert again == {**first, "cached": True}
    assert product.exists()
    renamed = source.rename(cli.folder / "other.wav")
    other = cli.json("process", renamed.name, *command[2:], "--out", "made")["jobs"][0]
    assert other["cached"]
    assert _files(cli.folder / "made") == ["hit.flac", "other.flac"]
    _tone(renamed, hz=500)
    assert not cli.json("process", renamed.name, *command[2:])["jobs"][0]["cached"]
    assert not cli.json(*("process", renamed.name, *command[2:], "--force"))["jobs"][0]["cached"]


def test_failure_leaves_nothing_and_is_not_tried_again(cli: Cli) -> None:
    (cli.folder / "bad.wav").write_bytes(b"<html>")
    _tone(cli.folder / "good.wav")
    answer = cli.json("process", "bad.wav", "good.wav", "gone.wav", "--out", "made", status=1)
    bad, good, gone = answer["jobs"]
    assert (bad["state"], bad["error"]["code"], bad["outputs"]) == ("failed", "asset_invalid", [])
    assert bad["error"]["message"].endswith(".")
    assert good["state"] == "completed"
    assert gone["error"]["code"] == "not_found"
    assert _files(cli.folder / "made") == ["good.ogg"]
    assert cli.json("process", "bad.wav", status=1)["jobs"][0]["cached"]
    assert not cli.json("process", "bad.wav", "--force", status=1)["jobs"][0]["cached"]
    (cli.folder / "bad.wav").unlink()
    _tone(cli.folder / "bad.wav")
    assert cli.json("process", "bad.wav")["jobs"][0]["state"] == "completed"


@pytest.mark.parametrize(
    ("arguments", "field"),
    [
        (("--bitrate", "0"), "bitrate"),
        (("--format", "m3u8"), "format"),
        (("--sample-rate", "7"), "sample_rate"),
        (("--channels", "300"), "channels"),
        (("--quality", "90"), "quality"),
        (("--resize", "512x:cover"), "resize"),
        (("--preset", "nobody"), "preset"),
        (("--option", "target_lufs=9"), "target_lufs"),
    ],
)
def test_bad_option_is_named(cli: Cli, arguments: tuple[str, ...], field: str) -> None:
    _tone(cli.folder / "hit.wav")
    error = cli.json("process", "hit.wav", *arguments, status=1)["jobs"][0]["error"]
    assert (error["code"], error["field"]) == ("bad_request", field)


def test_product_never_replaces_a_source(cli: Cli) -> None:
    source = _tone(cli.folder / "hit.wav")
    before = source.read_bytes()
    answer = cli.json("process", "hit.wav", "--format", "wav", "--out", ".", status=1)
    assert answer["jobs"][0]["error"]["code"] == "bad_request"
    assert source.read_bytes() == before


def test_batch_takes_a_folder_and_goes_on_after_failures(cli: Cli) -> None:
    _tone(cli.folder / "in" / "music" / "tune.wav")
    _tone(cli.folder / "in" / "voice" / "hello.wav", hz=300)
    _tone(cli.folder / "in" / "hit.wav", hz=600)
    _tone(cli.folder / "in" / "hit.aiff", hz=601)
    (cli.folder / "in" / "notes.txt").write_text("no asset")
    (cli.folder / "in" / "broken.ogg").write_bytes(b"OggS" + bytes(40))
    answer = cli.json("batch", "in", "--out", "in/made", status=1)
    states = {job["input"]: job["state"] for job in answer["jobs"]}
    assert states == {
        "in/broken.ogg": "failed",
        "in/hit.aiff": "completed",
        "in/hit.wav": "failed",
        "in/music/tune.wav": "completed",
        "in/voice/hello.wav": "completed",
    }
    # The rules chose Opus for speech.
    assert _files(cli.folder / "in" / "made") == ["hit.ogg", "music/tune.ogg", "voice/hello.opus"]
    summary = answer["summary"]
    assert (summary["total"], summary["completed"], summary["failed"]) == (5, 3, 2)
    again = cli.json("batch", "in", "--out", "in/made", status=1)
    assert again["summary"]["cached"] == 4
    retried = cli.json("batch", "in", "--out", "in/made", "--retry-failed", status=1)
    assert retried["summary"]["cached"] == 3


def test_presets_of_a_folder_are_kept_changed_and_chosen_by_their_rules(cli: Cli) -> None:
    _tone(cli.folder / "in" / "radio" / "call.wav")
    save = ("presets", "save", "radio", "--like", "voice", "--title", "Radio")
    kept = cli.json(*save, "--set", "audio.bitrate=24", "--rule", "audio:**/radio/**")
    assert Path(kept["place"]).is_file()
    cli.json(
        "presets", "save", "radio", "--set", "texture.resize=64x32", "--unset", "audio.bitrate"
    )
    shown = cli.json("presets", "show", "radio")
    assert (shown["title"], shown["rules"]) == (
        "Radio",
        [{"path": "**/radio/**", "kind": "audio"}],
    )
    assert shown["texture"] == {"resize": {"width": 64, "height": 32}}
    assert "bitrate" not in shown["audio"]
    listed = {preset["id"] for preset in cli.json("presets")["presets"]}
    assert {"radio", "voice", "mobile"} <= listed
    # The text that is shown is what a file holds.
    (cli.folder / "copy.toml").write_text(cli.run("presets", "show", "radio").stdout)
    copied = cli.json("presets", "save", "copied", "--from", "copy.toml", "--rule", "")["preset"]
    assert copied == shown | {"id": "copied", "rules": []}
    cli.json("batch", "in", "--out", "made")
    assert _files(cli.folder / "made") == ["radio/call.opus"]
    named = cli.json("process", "in/radio/call.wav", "--preset", "copied", "--out", "named")
    assert named["jobs"][0]["state"] == "completed"
    cli.json("presets", "remove", "radio")
    assert cli.json("presets", "show", "radio", status=3)["error"]["code"] == "not_found"
    bad = cli.json("presets", "save", "bad", "--set", "audio.bitrate=0", status=2)
    assert (bad["error"]["code"], bad["error"]["field"]) == ("bad_request", "bitrate")
    assert {path.stem for path in (cli.folder / ".slate/presets").iterdir()} == {"copied"}


def test_presets_refuse_to_unset_what_is_no_option(cli: Cli) -> None:
    cli.json("presets", "save", "mine", "--set", "texture.nope=1", status=2)
    refused = cli.json("presets", "save", "mine", "--unset", "texture.nope", status=2)["error"]
    assert (refused["code"], refused["field"]) == ("bad_request", "nope")
    assert "there are alpha_cutoff" in refused["message"]
    assert not (cli.folder / ".slate").exists()
    # An option of another kind is none of this one.
    cli.json("presets", "save", "mine", "--unset", "texture.bitrate", status=2)
    kept = cli.json(
        "presets",
        "save",
        "mine",
        "--set",
        "texture.generateMipmaps=true",
        "--set",
        "model.lods=0.5",
    )
    assert kept["preset"]["model"] == {"generate_lods": True, "lod_levels": [0.5]}
    # Whichever way of writing it was set by, it goes by any; and one that is not set may be unset.
    unset = ("texture.generate-mipmaps", "model.lods", "audio.bitrate")
    less = cli.json(
        "presets", "save", "mine", *(each for name in unset for each in ("--unset", name))
    )
    assert (less["preset"]["texture"], less["preset"]["model"]) == ({}, {})


def test_batch_takes_a_manifest_and_a_glob(cli: Cli) -> None:
    _tone(cli.folder / "a" / "one.wav")
    _tone(cli.folder / "a" / "two.wav", hz=300)
    manifest = {
        "assets": [
            {"path": "one.wav", "options": {"format": "flac"}, "folder": "x"},
            {"assetId": "two.wav", "type": "audio", "options": {"sampleRate": 8000}},
        ]
    }
    (cli.folder / "a" / "list.json").write_text(json.dumps(manifest))
    assert len(cli.json("batch", "a/list.json", "--out", "m")["jobs"]) == 2
    assert _files(cli.folder / "m") == ["two.ogg", "x/one.flac"]
    assert len(cli.json("batch", "a/*.wav", "--out", "g")["jobs"]) == 2
    assert _files(cli.folder / "g") == ["one.ogg", "two.ogg"]


def test_inspect_shows_facts_and_refuses_what_is_no_asset(cli: Cli) -> None:
    _tone(cli.folder / "hit.wav")
    facts = cli.json("inspect", "hit.wav")
    assert (facts["kind"], facts["frames"], facts["sample_rate"]) == ("audio", 11_025, 22_050)
    (cli.folder / "list.wav").write_text("#EXTM3U\nhit.wav\n")
    error = cli.json("inspect", "list.wav", status=1)["error"]
    assert error["code"] == "asset_invalid"
    assert cli.json("inspect", "nowhere", status=3)["error"]["code"] == "not_found"


def test_command_needs_no_server_and_imports_none_of_its_clients(tmp_path: Path) -> None:
    _tone(tmp_path / "hit.wav")
    script = (
        "import sys; from slate_desktop.cli.app import main\n"
        "status = main(['asset', 'process', 'hit.wav', '--local'])\n"
        "bad = {'nats', 'asyncpg', 'PySide6', 'docker', 'numpy'} & set(sys.modules)\n"
        "sys.exit(status or (f'imported {bad}' if bad else 0))"
    )
    answer = subprocess.run(
        [sys.executable, "-c", script],
        cwd=tmp_path,
        env={**os.environ, "SLATE_CACHE_DIR": str(tmp_path / ".cache")},
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )
    assert answer.returncode == 0, answer.stderr


def test_people_read_words(cli: Cli) -> None:
    _tone(cli.folder / "hit.wav")
    answer = cli.run("process", "hit.wav")
    assert answer.returncode == 0
    assert "completed  hit.wav → processed/hit.ogg" in answer.stdout
    assert "1 completed" in answer.stdout
    assert "voice" in cli.run("presets").stdout


def test_missing_part_of_a_model_is_named_at_its_root(cli: Cli) -> None:
    document = {
        "asset": {"version": "2.0"},
        "images": [{"uri": "skin/wood.png"}],
        "buffers": [{"uri": "box.bin", "byteLength": 36}],
        "bufferViews": [{"buffer": 0, "byteLength": 36}],
        "accessors": [
            {
                "bufferView": 0,
                "componentType": 5126,
                "count": 3,
                "type": "VEC3",
                "min": [0, 0, 0],
                "max": [1, 1, 0],
            }
        ],
        "meshes": [{"primitives": [{"attributes": {"POSITION": 0}}]}],
        "nodes": [{"mesh": 0}],
        "scenes": [{"nodes": [0]}],
        "scene": 0,
    }
    (cli.folder / "box.gltf").write_text(json.dumps(document))
    triangle = np.array([[0, 0, 0], [1, 0, 0], [0, 1, 0]], np.float32)
    (cli.folder / "box.bin").write_bytes(triangle.tobytes())
    error = cli.json("process", "box.gltf", status=1)["jobs"][0]["error"]
    assert error["code"] == "asset_invalid"
    assert "box.gltf" in error["message"]
    assert "skin/wood.png" in error["message"]
    assert error["details"]["missing"] == "skin/wood.png"
