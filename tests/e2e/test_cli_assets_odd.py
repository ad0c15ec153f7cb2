"""``slate asset`` where names, folders and moments are odd: what scripts rely on all the same."""

from __future__ import annotations

import asyncio
import io
import json
import os
import sys
from pathlib import Path
from typing import Any

import pytest

from slate_desktop.control import local_assets
from tests.e2e.local_cli import Cli, cli

__all__ = ["cli"]

CUBE = "v 0 0 0\nv 1 0 0\nv 0 1 0\nv 0 0 1\nf 1 2 3\nf 1 2 4\n"


def _cube(path: Path, more: str = "") -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(CUBE + more)
    return path


def _files(folder: Path) -> list[str]:
    return sorted(p.relative_to(folder).as_posix() for p in folder.rglob("*") if p.is_file())


def test_products_of_a_glob_lie_as_their_sources_and_are_no_sources_themselves(cli: Cli) -> None:
    _cube(cli.folder / "box.obj")
    _cube(cli.folder / "art" / "box.obj", "v 2 0 0\n")
    _cube(cli.folder / "art" / "far" / "box.obj", "v 3 0 0\n")
    first = cli.json("batch", "**/*", "--local")
    assert _files(cli.folder / "processed") == ["art/box.glb", "art/far/box.glb", "box.glb"]
    again = cli.json("batch", "**/*", "--local")
    assert again["summary"]["total"] == again["summary"]["cached"] == 3
    assert [job["outputs"] for job in again["jobs"]] == [job["outputs"] for job in first["jobs"]]
    cli.json("batch", str(cli.folder / "art" / "*" / "*.obj"), "--local", "--out", "below")
    assert _files(cli.folder / "below") == ["far/box.glb"]
    # Who names the folder of products means it.
    assert cli.json("batch", "processed/art/*", "--local", "--out", "processed/x")["jobs"]


def test_folder_of_products_is_left_out_however_it_is_written(cli: Cli) -> None:
    _cube(cli.folder / "art" / "box.obj")
    out = os.path.join("x", "..", "art", "made")  # noqa: PTH118 - Path is what is tested
    for _ in range(2):
        assert cli.json("batch", "art", "--local", "--out", out)["summary"]["total"] == 1


def test_product_of_a_neighbour_is_not_replaced_by_a_later_command(cli: Cli) -> None:
    _cube(cli.folder / "art" / "box.obj")
    (cli.folder / "art" / "box.stl").write_text(
        "solid s\nfacet normal 0 0 1\nouter loop\nvertex 0 0 0\nvertex 1 0 0\nvertex 0 1 0\n"
        "endloop\nendfacet\nendsolid s\n"
    )
    made = cli.json("process", "art/box.obj", "--local")["jobs"][0]["outputs"]
    [refused] = cli.json("process", "art/box.stl", "--local", status=1)["jobs"]
    assert refused["error"]["code"] == "bad_request"
    assert "box.obj" in refused["error"]["message"]
    assert cli.json("process", "art/box.obj", "--local")["jobs"][0]["outputs"] == made
    # Its own folder, or the neighbour gone: nothing is in the way.
    cli.json("process", "art/box.stl", "--local", "--out", "other")
    (cli.folder / "art" / "box.obj").unlink()
    cli.json("process", "art/box.stl", "--local")


@pytest.mark.skipif(
    sys.platform in ("darwin", "win32"), reason="names are text there: not on this platform"
)
@pytest.mark.parametrize("encoding", ["utf-8", "latin-1"])
def test_name_that_is_no_text_is_valid_json_in_any_terminal(
    cli: Cli, monkeypatch: pytest.MonkeyPatch, encoding: str
) -> None:
    name = os.fsdecode(b"b\xffox\xc3\xa9.obj")
    _cube(cli.folder / name)
    for json_option in (("--json",), ()):
        printed = io.TextIOWrapper(io.BytesIO(), encoding=encoding, write_through=True)
        monkeypatch.setattr(sys, "stdout", printed)
        assert cli.run("process", name, "--local", *json_option).returncode == 0
        text = printed.buffer.getvalue().decode(encoding)  # type: ignore[attr-defined]
        assert "box" in text or "\\udcff" in text
        if json_option:
            assert json.loads(text)["jobs"][0]["input"] == name


def test_empty_folder_has_a_whole_summary(cli: Cli) -> None:
    (cli.folder / "art").mkdir()
    answer = cli.json("batch", "art", "--local")
    assert answer["jobs"] == []
    assert answer["summary"]["total"] == answer["summary"]["failed"] == 0


def test_wrong_name_of_an_option_in_a_preset_is_wrong_usage(cli: Cli) -> None:
    answer = cli.run("presets", "save", "hero", "--set", "foo.quality=9", "--json")
    assert answer.returncode == 2
    assert json.loads(answer.stdout)["error"]["code"] == "usage"
    assert "Traceback" not in answer.stderr


def test_link_and_a_file_for_a_folder_are_told_in_words(cli: Cli) -> None:
    _cube(cli.folder / "box.obj")
    (cli.folder / "link.obj").symlink_to("box.obj")
    [link] = cli.json("process", "link.obj", "--local", status=1)["jobs"]
    assert "symbolic link" in link["error"]["message"]
    [out] = cli.json("process", "box.obj", "--local", "--out", "box.obj", status=1)["jobs"]
    assert out["error"]["code"] == "environment"
    assert "no folder" in out["error"]["message"]


@pytest.mark.parametrize("as_json", [True, False])
def test_interrupted_command_says_that_it_goes_on_from_there(
    cli: Cli, monkeypatch: pytest.MonkeyPatch, as_json: bool
) -> None:
    _cube(cli.folder / "box.obj")

    async def interrupt(*_: Any, **__: Any) -> Any:
        import signal

        os.kill(os.getpid(), signal.SIGINT)
        await asyncio.sleep(30)

    monkeypatch.setattr(local_assets.LocalAssets, "_process", interrupt)
    answer = cli.run("process", "box.obj", "--local", *(["--json"] if as_json else []))
    assert answer.returncode == 130
    assert "goes on from there" in answer.stderr
    if as_json:
        assert json.loads(answer.stdout)["error"]["code"] == "interrupted"
    assert not (cli.folder / "processed").exists()


def test_interrupt_before_the_command_line_is_there_shows_no_traceback(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    from slate_desktop import __main__

    def interrupted(*_: Any) -> int:
        raise KeyboardInterrupt

    monkeypatch.setattr("slate_desktop.cli.app.main", interrupted)
    assert __main__.main() == 130
