"""Artifacts are opened before they are believed; export presets are read before the start."""

from __future__ import annotations

import os
import struct
import sys
import zipfile
from pathlib import Path

import pytest

from slate_desktop.domain.builds.artifacts import check_product, collect, identify
from slate_desktop.domain.builds.export_presets import (
    choose_preset,
    parse_export_presets,
    read_export_presets,
)
from slate_desktop.domain.builds.recipe import ArtifactKind
from slate_desktop.errors import CommandError

K = ArtifactKind
ELF = b"\x7fELF\x02\x01\x01" + b"\0" * 9 + struct.pack("<HH", 3, 62) + b"\0" * 44
PE = b"MZ" + b"\0" * 58 + struct.pack("<I", 64) + b"PE\0\0" + b"\0" * 20
MACHO = b"\xcf\xfa\xed\xfe" + b"\0" * 28
FAT = b"\xca\xfe\xba\xbe" + struct.pack(">I", 2) + b"\0" * 40
JAVA = b"\xca\xfe\xba\xbe" + struct.pack(">HH", 0, 61) + b"\0" * 40


def make_zip(path: Path, *names: str) -> None:
    with zipfile.ZipFile(path, "w") as archive:
        for name in names:
            archive.writestr(name, "x")


@pytest.mark.parametrize(
    ("content", "kind"),
    [
        (ELF, K.ELF),
        (PE, K.PE),
        (MACHO, K.MACHO),
        (FAT, K.MACHO),
        (JAVA, None),
        (b"#!/bin/sh\n", None),
        (ELF[:10], None),
        (b"\x7fELF\x02\x01\x01" + b"\0" * 9 + struct.pack("<HH", 1, 62) + b"\0" * 44, None),
        (b"MZ" + b"\0" * 62, None),
        (b"MZ", None),
        (b"PK\x03\x04 but no directory", None),
        (b"", None),
    ],
)
def test_a_file_is_what_its_structure_says(
    tmp_path: Path, content: bytes, kind: ArtifactKind | None
) -> None:
    path = tmp_path / "game"
    path.write_bytes(content)
    assert identify(path) is kind


def test_archives_are_told_apart_by_their_directory(tmp_path: Path) -> None:
    make_zip(tmp_path / "a.zip", "Game.app/Contents/MacOS/Game")
    make_zip(tmp_path / "a.apk", "AndroidManifest.xml", "classes.dex")
    make_zip(tmp_path / "empty.zip")
    assert identify(tmp_path / "a.zip") is K.ZIP
    assert identify(tmp_path / "a.apk") is K.APK
    assert identify(tmp_path / "empty.zip") is None
    assert check_product(tmp_path, "a.zip", K.ZIP).problem == ""
    assert "not an Android package" in check_product(tmp_path, "a.zip", K.APK).problem


def test_a_product_that_is_not_as_it_must_be_is_named(tmp_path: Path) -> None:
    (tmp_path / "empty").touch()
    (tmp_path / "script").write_text("#!/bin/sh\n")
    (tmp_path / "game").write_bytes(ELF)
    (tmp_path / "folder").mkdir()
    assert check_product(tmp_path, "game", K.ELF).problem == ""
    assert "not there" in check_product(tmp_path, "gone", K.ELF).problem
    assert "is empty" in check_product(tmp_path, "empty", K.ELF).problem
    assert "not a Linux program" in check_product(tmp_path, "script", K.ELF).problem
    assert "is a folder" in check_product(tmp_path, "folder", K.ELF).problem
    assert "holds no files" in check_product(tmp_path, "folder", K.FOLDER).problem
    assert "is no folder" in check_product(tmp_path, "game", K.FOLDER).problem


@pytest.mark.skipif(sys.platform == "win32", reason="links need rights: not on this platform")
def test_a_link_is_no_product(tmp_path: Path) -> None:
    (tmp_path / "game").symlink_to("/bin/sh")
    assert "is a link" in check_product(tmp_path, "game", K.ELF).problem
    (tmp_path / "real").write_bytes(ELF)
    assert [a.path for a in collect(tmp_path)] == ["real"]


def test_a_pack_beside_the_program_must_be_one(tmp_path: Path) -> None:
    (tmp_path / "game.x86_64").write_bytes(ELF)
    (tmp_path / "game.pck").write_bytes(b"GDPC" + b"\0" * 60)
    assert check_product(tmp_path, "game.x86_64", K.ELF).problem == ""
    (tmp_path / "game.pck").write_bytes(b"cut off")
    assert "no Godot pack" in check_product(tmp_path, "game.x86_64", K.ELF).problem


def test_a_web_build_needs_its_program(tmp_path: Path) -> None:
    (tmp_path / "index.html").write_text("<html>")
    assert check_product(tmp_path, "index.html", K.WEB).problem
    (tmp_path / "index.wasm").write_bytes(b"\0asm\1\0\0\0")
    assert check_product(tmp_path, "index.html", K.WEB).problem == ""


def test_any_file_will_do_where_no_product_is_named(tmp_path: Path) -> None:
    assert check_product(tmp_path, "", K.ANY).problem == "the build left no file behind"
    (tmp_path / "x").touch()
    assert check_product(tmp_path, "", K.ANY).problem
    (tmp_path / "y").write_text("y")
    assert check_product(tmp_path, "", K.ANY).problem == ""


def test_artifacts_are_listed_with_size_and_hash(tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "a").write_bytes(b"abc")
    (tmp_path / "game").write_bytes(ELF)
    os.chmod(tmp_path / "game", 0o755)  # noqa: PTH101
    found = collect(tmp_path)
    assert [(a.path, a.name, a.size) for a in found] == [("game", "game", 64), ("data/a", "a", 3)]
    assert found[1].sha256 == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"


PRESETS = """[preset.0]

name="Linux"
platform="Linux/X11"
export_path="out/pulse.x86_64"
include_filter=""

[preset.0.options]

custom_template/release="/usr/bin/godot3-runner"
name="not the preset's"

[preset.1]
name="Say \\"web\\""
platform="HTML5"
[other]
name="x"
[preset.2]
platform="macOS"
"""


def test_presets_are_read_with_their_templates() -> None:
    found = parse_export_presets(PRESETS)
    assert [(p.name, p.platform) for p in found] == [("Linux", "Linux/X11"), ('Say "web"', "HTML5")]
    assert found[0].export_path == "out/pulse.x86_64"
    assert found[0].release_template == "/usr/bin/godot3-runner"


def test_a_preset_fits_under_both_of_godots_names() -> None:
    found = parse_export_presets(PRESETS)
    assert choose_preset(found, "Linux").name == "Linux"
    assert choose_preset(found, "Web").name == 'Say "web"'


@pytest.mark.parametrize(
    ("platform", "wanted", "words"),
    [
        ("Linux/X11", "Release", "has no preset 'Release'"),
        ("Windows Desktop", None, "no preset for Windows Desktop"),
        ("Windows Desktop", "Linux", "is for Linux/X11"),
    ],
)
def test_a_preset_that_is_missing_is_refused_with_what_is_there(
    platform: str, wanted: str | None, words: str
) -> None:
    with pytest.raises(CommandError) as info:
        choose_preset(parse_export_presets(PRESETS), platform, wanted)
    assert info.value.field == "preset"
    assert words in str(info.value)
    assert "'Linux'" in str(info.value) or "Linux/X11" in str(info.value)


def test_a_project_without_presets_has_none(tmp_path: Path) -> None:
    assert read_export_presets(tmp_path) == []
    (tmp_path / "export_presets.cfg").write_bytes(b"\xff\xfe[preset.0]\0name")
    assert read_export_presets(tmp_path) == []
