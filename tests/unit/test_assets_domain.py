"""Kinds, options, keys, results and presets of assets, as values."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from slate_desktop.domain.assets.audio import (
    AudioFormat,
    AudioOptions,
    AudioReport,
    Levels,
    Normalize,
    parse_audio_options,
)
from slate_desktop.domain.assets.key import job_key
from slate_desktop.domain.assets.kinds import (
    LEGAL_JOB_MOVES,
    AssetJobStatus,
    AssetKind,
    is_legal_job_move,
    kind_of,
)
from slate_desktop.domain.assets.options import options_to_json, parse_options
from slate_desktop.domain.assets.presets import (
    choose_preset,
    merge_presets,
    parse_preset,
    read_preset,
    shipped_presets,
)
from slate_desktop.domain.assets.report import (
    ProcessResult,
    Product,
    result_from_json,
    result_to_json,
)
from slate_desktop.errors import CommandError, ErrorCode, SettingsError


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("a/b.PNG", AssetKind.TEXTURE),
        ("ship.gltf", AssetKind.MODEL),
        ("x.tar.ogg", AssetKind.AUDIO),
        ("notes.txt", None),
        ("png", None),
        ("playlist.m3u8", None),
    ],
)
def test_kind_follows_the_name(name: str, kind: AssetKind | None) -> None:
    assert kind_of(name) is kind


def test_finished_jobs_never_move() -> None:
    for status in AssetJobStatus:
        assert is_legal_job_move(status, status)
    for done in (AssetJobStatus.COMPLETED, AssetJobStatus.FAILED, AssetJobStatus.CANCELLED):
        assert not LEGAL_JOB_MOVES[done]
    assert is_legal_job_move(AssetJobStatus.QUEUED, AssetJobStatus.PROCESSING)
    assert not is_legal_job_move(AssetJobStatus.QUEUED, AssetJobStatus.COMPLETED)


def test_audio_options_of_the_original_system_are_read() -> None:
    options = parse_audio_options(
        {
            "format": "OGG",
            "bitrate": 192,
            "sampleRate": 48000,
            "channels": 2,
            "normalize": True,
            "targetLufs": -14,
            "trimSilence": None,
        }
    )
    assert options == AudioOptions(
        format=AudioFormat.OGG,
        bitrate=192,
        sample_rate=48000,
        channels=2,
        normalize=Normalize.LOUDNESS,
        target_lufs=-14.0,
    )


# Row 43 of the table of bad inputs, and the other fields.
@pytest.mark.parametrize(
    ("data", "field"),
    [
        ({"bitrate": 0}, "bitrate"),
        ({"bitrate": 10**9}, "bitrate"),
        ({"bitrate": 192.5}, "bitrate"),
        ({"sample_rate": 7}, "sample_rate"),
        ({"sample_rate": 999_999_999}, "sample_rate"),
        ({"channels": 0}, "channels"),
        ({"channels": 300}, "channels"),
        ({"channels": True}, "channels"),
        ({"format": "m3u8"}, "format"),
        ({"format": 3}, "format"),
        ({"normalize": "loud"}, "normalize"),
        ({"target_lufs": 3}, "target_lufs"),
        ({"target_lufs": float("nan")}, "target_lufs"),
        ({"true_peak": 1}, "true_peak"),
        ({"silence_threshold": "-60"}, "silence_threshold"),
        ({"trim_silence": "yes"}, "trim_silence"),
        ({"volume": 3}, "volume"),
        ({"sampleRate": 48000, "sample_rate": 48000}, "sample_rate"),
    ],
)
def test_bad_audio_option_is_refused_by_name(data: Mapping[str, object], field: str) -> None:
    with pytest.raises(CommandError) as caught:
        parse_options(AssetKind.AUDIO, data)
    assert (caught.value.code, caught.value.field) == (ErrorCode.BAD_REQUEST, field)


@pytest.mark.parametrize("data", [[], "ogg", None])
def test_options_must_be_an_object(data: Any) -> None:
    with pytest.raises(CommandError) as caught:
        parse_options(AssetKind.AUDIO, data)
    assert caught.value.code is ErrorCode.BAD_REQUEST


def test_canonical_options_read_back_and_are_sorted() -> None:
    options = parse_audio_options({"normalize": "peak", "bitrate": 96})
    values = options_to_json(options)
    assert list(values) == sorted(values)
    assert parse_options(AssetKind.AUDIO, values) == options


def test_key_depends_on_content_options_and_tools_alone() -> None:
    options = parse_audio_options({})
    tools = {"slate-audio": "1", "soundfile": "0.13"}
    key = job_key(AssetKind.AUDIO, "a" * 64, options, tools)
    assert key == job_key(AssetKind.AUDIO, {"": "a" * 64}, AudioOptions(), dict(tools))
    others = {
        job_key(AssetKind.AUDIO, "b" * 64, options, tools),
        job_key(AssetKind.AUDIO, {"": "a" * 64, "x.bin": "a" * 64}, options, tools),
        job_key(AssetKind.AUDIO, "a" * 64, parse_audio_options({"bitrate": 96}), tools),
        job_key(AssetKind.AUDIO, "a" * 64, options, {**tools, "soundfile": "0.14"}),
    }
    assert key not in others
    assert len(others) == 4


def _result() -> ProcessResult:
    levels = Levels(lufs=-20.1, true_peak_dbtp=-3.0, sample_peak_dbfs=-3.2)
    return ProcessResult(
        kind=AssetKind.AUDIO,
        products=(Product(path="a.ogg", role="primary", format="ogg", size=10, sha256="0" * 64),),
        report=AudioReport(
            input_size=100,
            duration_ms=3,
            tools={"soundfile": "0.13"},
            input_format="wav",
            input_sample_rate=44100,
            input_channels=2,
            input_duration_s=1.0,
            format=AudioFormat.OGG,
            sample_rate=48000,
            channels=2,
            duration_s=1.0,
            bitrate_kbps=96.0,
            before=levels,
            after=levels,
        ),
    )


def test_result_survives_json() -> None:
    values = result_to_json(_result())
    assert values["report"]["kind"] == "audio"
    assert result_from_json(values) == _result()


def test_damaged_result_is_our_fault() -> None:
    values = result_to_json(_result())
    del values["report"]["before"]
    with pytest.raises(CommandError) as caught:
        result_from_json(values)
    assert caught.value.code is ErrorCode.INTERNAL


def test_shipped_presets_are_sound_and_chosen_by_path() -> None:
    presets = shipped_presets()
    assert {"desktop", "mobile", "music", "ui-sprite", "voice"} <= {p.id for p in presets}
    chosen = choose_preset(presets, "Assets/Voice/hello.wav", AssetKind.AUDIO)
    assert chosen is not None
    assert chosen.id == "voice"
    assert chosen.options_of(AssetKind.AUDIO, {"bitrate": 64, "channels": None}) == AudioOptions(
        format=AudioFormat.OPUS,
        bitrate=64,
        channels=1,
        normalize=Normalize.LOUDNESS,
        target_lufs=-18.0,
        trim_silence=True,
    )
    assert choose_preset(presets, "Assets/hello.wav", AssetKind.AUDIO) is None


def test_longest_rule_wins_and_later_layers_replace() -> None:
    wide = parse_preset("wide", {"title": "W", "rules": [{"path": "**/*.wav"}]})
    narrow = parse_preset("narrow", {"title": "N", "rules": [{"path": "sounds/ui/*.wav"}]})
    own = parse_preset("wide", {"title": "Own", "rules": [{"path": "*.wav"}]})
    presets = merge_presets([wide, narrow], [own])
    assert [preset.title for preset in presets] == ["N", "Own"]
    assert choose_preset([wide, narrow], "sounds/ui/a.wav", AssetKind.AUDIO) is narrow
    assert choose_preset([wide, narrow], "sounds/a.wav", AssetKind.AUDIO) is wide
    assert choose_preset(presets, "sounds/a.wav", AssetKind.AUDIO) is None
    # Of equal paths a project's own wins, whatever the ids.
    voice = next(preset for preset in shipped_presets() if preset.id == "voice")
    ours = parse_preset("zz", {"title": "Z", "rules": [{"path": voice.rules[0].path}]})
    both = merge_presets(shipped_presets(), [ours])
    path = voice.rules[0].path.replace("**", "x")
    assert choose_preset(both, path, AssetKind.AUDIO) is ours


@pytest.mark.parametrize(
    "data",
    [
        {},
        {"title": 3},
        {"title": "T", "sound": {}},
        {"title": "T", "audio": {"bitrate": 0}},
        {"title": "T", "rules": [{"kind": "film"}]},
        {"title": "T", "rules": [{"glob": "*"}]},
    ],
)
def test_unsound_preset_is_refused(data: dict[str, object]) -> None:
    with pytest.raises(SettingsError):
        parse_preset("p", data)


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("a b.toml", b'title = "x"'),
        ("p.toml", b"title = "),
        ("p.toml", b'title = "\xff"'),
        ("p.toml", b"#" * 70_000),
    ],
)
def test_unsound_preset_file_is_refused(tmp_path: Path, name: str, text: bytes) -> None:
    (tmp_path / name).write_bytes(text)
    with pytest.raises(SettingsError):
        read_preset(tmp_path / name)
