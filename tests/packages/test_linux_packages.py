"""Packages for Linux of a small bundle: what lies where, and the same bytes each time."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
import tarfile
import time
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).parents[2]
pytest.importorskip("PySide6", reason="Qt is not installed: it draws the icons")


@pytest.fixture
def assemble(monkeypatch: pytest.MonkeyPatch) -> Iterator[ModuleType]:
    before = list(sys.path)
    monkeypatch.syspath_prepend(str(ROOT / "packaging" / "linux"))
    import assemble

    yield assemble
    sys.path[:] = before
    for name in ("assemble", "debian", "icons", "version"):
        sys.modules.pop(name, None)


@pytest.fixture
def bundle(tmp_path: Path) -> Path:
    place = tmp_path / "bundle"
    (place / "_internal").mkdir(parents=True)
    shutil.copy2(shutil.which("true") or "/bin/true", place / "slate-desktop")
    for name in ("slate", "slate-python"):
        (place / name).symlink_to("slate-desktop")
    for name in ("THIRD-PARTY-LICENCES.txt", "sbom.cdx.json", "_internal/data.txt"):
        (place / name).write_text(name)
    return place


def digest(file: Path) -> str:
    return hashlib.sha256(file.read_bytes()).hexdigest()


@pytest.mark.skipif(shutil.which("dpkg-deb") is None, reason="needs dpkg-deb")
def test_a_debian_package_is_the_same_each_time(
    assemble: ModuleType, bundle: Path, tmp_path: Path
) -> None:
    first = assemble.make_deb(bundle, tmp_path)
    kept = digest(first)
    _pass_a_second(bundle)
    assert digest(assemble.make_deb(bundle, tmp_path)) == kept
    command = ["dpkg-deb", "--contents", str(first)]
    listed = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    for path in (
        "./usr/bin/slate -> ../lib/slate-desktop/slate",
        "./usr/lib/slate-desktop/slate-python -> slate-desktop",
        "./usr/share/applications/slate-desktop.desktop",
        "./usr/share/metainfo/org.slate.Desktop.metainfo.xml",
        "./usr/share/mime/packages/slate-desktop.xml",
        "./usr/share/icons/hicolor/512x512/apps/slate-desktop.png",
        "./usr/share/icons/hicolor/scalable/apps/slate-desktop.svg",
        "./usr/share/man/man1/slate.1.gz",
        "./usr/share/man/man1/slate-desktop.1.gz",
        "./usr/share/bash-completion/completions/slate",
        "./usr/share/zsh/vendor-completions/_slate",
        "./usr/share/fish/vendor_completions.d/slate.fish",
        "./usr/share/doc/slate-desktop/THIRD-PARTY-LICENCES.txt",
    ):
        assert f" {path}\n" in listed, path
    assert {line.split()[1] for line in listed.splitlines()} == {"root/root"}
    assert not [line for line in listed.splitlines() if line.startswith(("-rwxrwx", "-rw-rw"))]


def test_a_portable_folder_is_the_same_each_time(
    assemble: ModuleType, bundle: Path, tmp_path: Path
) -> None:
    first = assemble.make_portable(bundle, tmp_path)
    kept = digest(first)
    _pass_a_second(bundle)
    assert digest(assemble.make_portable(bundle, tmp_path)) == kept
    with tarfile.open(first) as archive:
        entries = {entry.name.partition("/")[2]: entry for entry in archive}
    assert {"slate", "slate-desktop", "slate-python", "README.txt"} <= entries.keys()
    assert {entry.uid for entry in entries.values()} == {0}
    assert len({entry.mtime for entry in entries.values()}) == 1
    assert entries["slate-desktop"].mode == 0o755


def test_the_manual_names_every_group_of_commands(assemble: ModuleType) -> None:
    pages = assemble.manual_pages()
    for words in ("slate session start", "slate build start", "slate server init", "slate doctor"):
        assert f".B {words}\n" in pages["slate"]
    assert pages["slate-desktop"].startswith(".TH SLATE\\-DESKTOP 1")


def test_versions_sort_before_their_release(assemble: ModuleType) -> None:
    version = assemble.debian.versions.Version
    assert str(version("0.2.0")) == "0.2.0"
    assert str(version("0.2.0", 7, "abc1234")) == "0.2.0~dev7+gabc1234"
    assert not version("0.2.0", 0, "", is_dirty=True).is_release
    if shutil.which("dpkg") is not None:
        command = ["dpkg", "--compare-versions", "0.2.0~dev7+gabc1234", "lt", "0.2.0"]
        assert subprocess.run(command, check=False).returncode == 0


def _git(folder: Path, *words: str) -> None:
    command = ["git", "-C", str(folder), "-c", "user.name=x", "-c", "user.email=x@example.org"]
    subprocess.run([*command, *words], check=True, capture_output=True)


@pytest.mark.skipif(shutil.which("git") is None, reason="needs git")
def test_a_tag_has_to_agree_with_the_program(assemble: ModuleType, tmp_path: Path) -> None:
    from slate_desktop import __version__

    versions, place = assemble.debian.versions, tmp_path / "checkout"
    place.mkdir()
    _git(place, "init", "--quiet")
    _git(place, "commit", "--allow-empty", "-m", "One")
    assert versions.read(place).since == 1
    _git(place, "tag", "-a", f"v{__version__}", "-m", "release")
    assert str(versions.read(place)) == __version__
    _git(place, "commit", "--allow-empty", "-m", "Two")
    assert str(versions.read(place)).startswith(f"{__version__}~dev1+g")
    _git(place, "tag", "-a", "v99.0.0", "-m", "release")
    with pytest.raises(SystemExit, match=r"v99\.0\.0"):
        versions.read(place)


def _pass_a_second(bundle: Path) -> None:
    """Let the files be newer than they were."""
    later = time.time() + 5
    for file in bundle.rglob("*"):
        if not file.is_symlink():
            os.utime(file, (later, later))
