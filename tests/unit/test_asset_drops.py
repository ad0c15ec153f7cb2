"""Which assets a drop means, where their products go, and what rules of presets see of a path."""

from __future__ import annotations

from pathlib import Path

import pytest

from slate_desktop.control import asset_places
from slate_desktop.control.asset_batch import AUTO, AssetTask, place_of, tasks_of_batch
from slate_desktop.control.asset_drops import assets_among
from slate_desktop.domain.assets.kinds import AssetKind
from slate_desktop.domain.assets.presets import AssetPreset, PresetRule
from slate_desktop.errors import CommandError

INTERFACE = AssetPreset(
    id="ui",
    title="Interface",
    texture={"format": "png"},
    rules=(PresetRule(path="ui/**", kind=AssetKind.TEXTURE),),
)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    for name in ("ui/button.png", "ui/deep/icon.png", "rock.png", "rock.tga", "rock.wav"):
        path = tmp_path / "game" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"x")
    return tmp_path / "game"


def preset_of(task: AssetTask) -> str | None:
    chosen = task._preset([INTERFACE], AssetKind.TEXTURE)
    return chosen.id if chosen is not None else None


def auto(tasks: list[AssetTask]) -> list[AssetTask]:
    return [AssetTask(**{f: getattr(t, f) for f in t.__struct_fields__ if f != "preset"},
                      preset=AUTO) for t in tasks]  # fmt: skip


def test_two_files_of_one_stem_are_refused_by_name_and_other_kinds_are_not(root: Path) -> None:
    tasks = assets_among([root / "rock.png", root / "rock.wav", root / "rock.tga"], root, "")
    twins = asset_places.twins(tasks)
    assert [id(task) in twins for task in tasks] == [False, False, True]
    with pytest.raises(CommandError, match=r"rock\.png"):
        asset_places.check_no_twin(twins[id(tasks[2])])


def test_products_keep_the_folders_of_what_was_dropped(root: Path) -> None:
    tasks = assets_among([root / "ui"], root, "made")
    assert [task.folder for task in tasks] == ["made", "made/deep"]
    usual = assets_among([root / "ui"], root, "")
    assert [task.folder for task in usual] == ["ui", "ui/deep"]


def test_files_of_one_name_from_elsewhere_do_not_replace_each_other(
    root: Path, tmp_path: Path
) -> None:
    others = [tmp_path / "a" / "rock.png", tmp_path / "b" / "rock.png"]
    for path in others:
        path.parent.mkdir()
        path.write_bytes(b"x")
    tasks = assets_among(others, root, "")
    assert list(asset_places.twins(tasks)) == [id(tasks[1])]


def test_rules_see_paths_below_the_folder_of_a_batch(root: Path) -> None:
    tasks = tasks_of_batch(str(root))
    places = {task.source.name: task.place for task in tasks}
    assert places["rock.png"] == "rock.png"
    assert places["icon.png"] == "ui/deep/icon.png"
    chosen = {task.source.name: preset_of(task) for task in auto(tasks)}
    assert (chosen["button.png"], chosen["rock.png"]) == ("ui", None)


def test_rules_see_paths_below_the_project_that_keeps_presets(root: Path) -> None:
    (root / ".slate" / "presets").mkdir(parents=True)
    top = auto(tasks_of_batch(str(root / "ui")))
    assert [task.place for task in top] == ["ui/button.png", "ui/deep/icon.png"]
    assert {preset_of(task) for task in top} == {"ui"}
    assert place_of(root / "ui" / "button.png") == "ui/button.png"
    globbed = tasks_of_batch(str(root / "ui" / "*.png"))
    assert [task.place for task in globbed] == ["ui/button.png"]


def test_rules_see_paths_below_the_folder_of_a_manifest(root: Path) -> None:
    manifest = root / "assets.json"
    manifest.write_text('[{"path": "ui/button.png"}]')
    assert [task.place for task in tasks_of_batch(str(manifest))] == ["ui/button.png"]


def test_file_that_is_gone_keeps_no_names(root: Path) -> None:
    assert asset_places.is_gone(root, "old.png")
    assert not asset_places.is_gone(root, "rock.png")
    # Where the project's folder cannot be seen, nobody knows.
    assert not asset_places.is_gone(root / "nowhere", "old.png")
