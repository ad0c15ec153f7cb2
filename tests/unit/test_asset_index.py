"""The list of a project's assets: what is found, filtered and how it is ordered."""

from __future__ import annotations

from pathlib import Path

import pytest

from slate_desktop.control.asset_index import (
    AssetEntry,
    AssetFilter,
    SortKey,
    natural,
    scan,
    select,
)


def touch(root: Path, *names: str) -> None:
    for name in names:
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"x" * len(name))


def test_scan_finds_assets_and_leaves_out_what_engines_make(tmp_path: Path) -> None:
    touch(
        tmp_path,
        "project.godot",
        "a/rock.png",
        "a/rock.png.import",
        "hero.glb",
        "ship.gltf",
        "ship.bin",
        "song.ogg",
        "font.ttf",
        "intro.mp4",
        "scene.blend",
        "main.gd",
        ".godot/imported/rock.png",
        ".git/x.png",
        ".slate/y.png",
    )
    (tmp_path / "link.png").symlink_to(tmp_path / "a" / "rock.png")
    found = {entry.path: entry.kind for entry in scan(tmp_path)}
    assert found == {
        "a/rock.png": "texture",
        "hero.glb": "model",
        "ship.gltf": "model",
        "song.ogg": "audio",
        "font.ttf": "font",
        "intro.mp4": "video",
        "scene.blend": "unsupported",
    }


def test_scan_ends_when_nobody_wants_it(tmp_path: Path) -> None:
    touch(tmp_path, "a.png", "b/c.png")
    assert scan(tmp_path, lambda: False) == []


def test_scan_goes_on_past_a_folder_that_may_not_be_read(tmp_path: Path) -> None:
    assert scan(tmp_path / "gone") == []


ENTRIES = [
    AssetEntry("a/rock10.png", "texture", 10, 3),
    AssetEntry("b/Rock2.png", "texture", 30, 1),
    AssetEntry("b/hero.glb", "model", 20, 2),
]


@pytest.mark.parametrize(
    ("order", "names"),
    [
        (SortKey.NAME, ["hero.glb", "Rock2.png", "rock10.png"]),
        (SortKey.KIND, ["hero.glb", "Rock2.png", "rock10.png"]),
        (SortKey.SIZE, ["Rock2.png", "hero.glb", "rock10.png"]),
        (SortKey.NEWEST, ["rock10.png", "hero.glb", "Rock2.png"]),
        (SortKey.FOLDER, ["rock10.png", "hero.glb", "Rock2.png"]),
    ],
)
def test_order(order: SortKey, names: list[str]) -> None:
    assert [entry.name for entry in select(ENTRIES, AssetFilter(), order)] == names


def test_filter_by_kind_words_and_state() -> None:
    def paths(**wanted: object) -> list[str]:
        found = select(
            ENTRIES,
            AssetFilter(**wanted),  # type: ignore[arg-type]
            SortKey.FOLDER,
            lambda entry: "failed" if entry.size == 20 else "",
        )
        return [entry.path for entry in found]

    assert paths(kinds=frozenset({"model"})) == ["b/hero.glb"]
    assert paths(text="PNG b/") == ["b/Rock2.png"]
    assert paths(states=frozenset({"failed"})) == ["b/hero.glb"]


def test_natural_order_compares_like_with_like() -> None:
    names = ["10", "a", "2", "a2b", "a10", "", "1a1"]
    assert sorted(names, key=natural) == ["", "1a1", "2", "10", "a", "a2b", "a10"]
