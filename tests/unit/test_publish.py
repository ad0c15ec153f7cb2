"""Products appear whole or not at all."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from slate_desktop.domain.assets.kinds import AssetKind
from slate_desktop.errors import EnvironmentFaultError
from slate_desktop.pipeline.publish import publish, remove_stale
from slate_desktop.pipeline.tools import tool_versions


@pytest.fixture
def made(tmp_path: Path) -> Path:
    folder = tmp_path / "made"
    folder.mkdir()
    (folder / "a.ogg").write_bytes(b"sound")
    (folder / "b.ktx2").write_bytes(b"pixels")
    return folder


def _names(folder: Path) -> list[str]:
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*"))


def test_products_are_published_under_their_names(made: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    paths = publish({"a.ogg": made / "a.ogg", "gpu/b.ktx2": made / "b.ktx2"}, out)
    assert [path.read_bytes() for path in paths] == [b"sound", b"pixels"]
    assert _names(out) == ["a.ogg", "gpu", "gpu/b.ktx2"]


def test_older_product_is_replaced(made: Path, tmp_path: Path) -> None:
    (tmp_path / "a.ogg").write_bytes(b"older")
    publish({"a.ogg": made / "a.ogg"}, tmp_path)
    assert (tmp_path / "a.ogg").read_bytes() == b"sound"


def test_failure_leaves_nothing_and_keeps_the_older(made: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    out.mkdir()
    (out / "a.ogg").write_bytes(b"older")
    with pytest.raises(EnvironmentFaultError):
        publish({"a.ogg": made / "a.ogg", "b": made / "missing"}, out)
    assert _names(out) == ["a.ogg"]
    assert (out / "a.ogg").read_bytes() == b"older"


def test_rename_that_fails_takes_back_the_new_ones(made: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    (out / "b" / "in the way").mkdir(parents=True)
    with pytest.raises(EnvironmentFaultError):
        publish({"a.ogg": made / "a.ogg", "b": made / "b.ktx2"}, out)
    assert _names(out) == ["b", "b/in the way"]


@pytest.mark.parametrize("name", ["", "/etc/x", "../x", "a/../../x", "a\\b", "a\0b"])
def test_name_that_leads_out_is_refused(made: Path, tmp_path: Path, name: str) -> None:
    with pytest.raises(ValueError, match="not a relative name"):
        publish({name: made / "a.ogg"}, tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_what_a_killed_process_left_goes_with_a_later_publication(
    made: Path, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    out.mkdir()
    left, busy, foreign = out / ".slate-01.tmp", out / ".slate-02.tmp", out / ".other.tmp"
    for path in (left, busy, foreign):
        path.write_bytes(b"half")
    os.utime(left, (1, 1))
    os.utime(foreign, (1, 1))
    publish({"a.ogg": made / "a.ogg"}, out)
    assert _names(out) == [".other.tmp", ".slate-02.tmp", "a.ogg"]
    os.utime(busy, (1, 1))
    publish({"b.ktx2": made / "b.ktx2"}, out)  # a folder is not looked at for each publication
    assert busy.exists()
    remove_stale(out)
    assert _names(out) == [".other.tmp", "a.ogg", "b.ktx2"]


def test_versions_name_the_pipeline_and_its_packages() -> None:
    versions = tool_versions(AssetKind.AUDIO)
    assert {"slate-audio", "soundfile", "soxr"} <= versions.keys()
    assert all(versions.values())
