"""Archives are the same bytes on any number of cores, and every unpacker reads them."""

from __future__ import annotations

import importlib.util
import os
import shutil
import subprocess
import tarfile
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def archive(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    place = ROOT / "packaging" / "linux" / "archive.py"
    spec = importlib.util.spec_from_file_location("archive", place)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    # Many parts of a small folder.
    monkeypatch.setattr(module, "_PART_BYTES", 10_000)
    return module


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    tree = tmp_path / "folder"
    (tree / "deep").mkdir(parents=True)
    for number in range(20):
        (tree / "deep" / f"{number}.bin").write_bytes(os.urandom(500) * (number + 1))
    (tree / "link").symlink_to("deep")
    return tree


def test_the_number_of_cores_changes_nothing(
    archive: ModuleType, tree: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = set()
    for cores in (1, 2, 7):
        monkeypatch.setattr(os, "cpu_count", lambda cores=cores: cores)
        target = tmp_path / f"{cores}.tar.xz"
        archive.write_tar_xz(tree, target, lambda entry: entry)
        found.add(target.read_bytes())
    assert len(found) == 1


def test_python_and_tar_read_all_of_it(archive: ModuleType, tree: Path, tmp_path: Path) -> None:
    target = tmp_path / "a.tar.xz"
    archive.write_tar_xz(tree, target, lambda entry: entry)
    wanted = {p.relative_to(tree): p.read_bytes() for p in tree.rglob("*") if p.is_file()}
    with tarfile.open(target) as packed:
        # Not as an argument, which the first releases of Python 3.11 do not take.
        packed.extraction_filter = getattr(tarfile, "data_filter", None)
        packed.extractall(tmp_path / "python")
    places = [tmp_path / "python" / "folder"]
    if shutil.which("tar") and shutil.which("xz"):
        (tmp_path / "tar").mkdir()
        subprocess.run(["tar", "-xJf", str(target), "-C", str(tmp_path / "tar")], check=True)
        places.append(tmp_path / "tar" / "folder")
    for place in places:
        assert {p.relative_to(place): p.read_bytes() for p in place.rglob("*") if p.is_file()} == (
            wanted
        )
        assert (place / "link").is_symlink()


def test_what_breaks_off_leaves_no_archive(archive: ModuleType, tree: Path, tmp_path: Path) -> None:
    def change(entry: tarfile.TarInfo) -> tarfile.TarInfo:
        if entry.name.endswith("9.bin"):
            raise OSError("the disk is full")
        return entry

    target = tmp_path / "a.tar.xz"
    with pytest.raises(OSError, match="the disk is full"):
        archive.write_tar_xz(tree, target, change)
    assert list(tmp_path.glob("a.tar.xz*")) == []
