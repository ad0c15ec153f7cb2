"""Options that were chosen for single assets, kept in a file of the project."""

from __future__ import annotations

from pathlib import Path

import pytest

from slate_desktop.control.asset_choices import FILE, AssetChoices
from slate_desktop.domain.assets.kinds import AssetKind
from slate_desktop.domain.assets.texture import Compression, TextureOptions
from slate_desktop.errors import CommandError, SettingsError


def test_choice_is_kept_beside_earlier_ones_and_comments(tmp_path: Path) -> None:
    choices = AssetChoices(tmp_path)
    choices.load()
    choices.choose(["a/rock.png", "b.png"], AssetKind.TEXTURE, {"compression": "bc7"})
    file = tmp_path / FILE
    file.write_text("# mine\n" + file.read_text())
    again = AssetChoices(tmp_path)
    again.load()
    again.choose(["b.png"], AssetKind.TEXTURE, {"quality": 80})
    options = again.options_of("b.png", AssetKind.TEXTURE)
    assert isinstance(options, TextureOptions)
    assert (options.compression, options.quality) == (Compression.BC7, 80)
    assert again.chosen("a/rock.png") == {"compression": "bc7"}
    assert file.read_text().startswith("# mine\n")
    again.forget(["b.png"])
    assert again.chosen("b.png") == {}
    assert again.problems == []


def test_wrong_value_changes_nothing(tmp_path: Path) -> None:
    choices = AssetChoices(tmp_path)
    with pytest.raises(CommandError) as caught:
        choices.choose(["a.png"], AssetKind.TEXTURE, {"quality": 101})
    assert caught.value.field == "quality"
    assert not (tmp_path / FILE).exists()


def test_entries_that_cannot_be_used_are_named_and_stay(tmp_path: Path) -> None:
    file = tmp_path / FILE
    file.parent.mkdir()
    file.write_text('["a.png"]\nkind = "texture"\nquality = 900\n["b"]\nkind = "poem"\n[c]\n')
    choices = AssetChoices(tmp_path)
    choices.load()
    assert [problem.split(":")[0] for problem in choices.problems] == ["a.png", "b", "c"]
    choices.choose(["d.png"], AssetKind.TEXTURE, {"quality": 50})
    assert "quality = 900" in file.read_text()


def test_file_that_is_no_toml_is_an_error_and_stays(tmp_path: Path) -> None:
    file = tmp_path / FILE
    file.parent.mkdir()
    file.write_text("[[[")
    with pytest.raises(SettingsError):
        AssetChoices(tmp_path).load()
    assert file.read_text() == "[[["


def test_failed_write_keeps_what_was_chosen_before(tmp_path: Path) -> None:
    choices = AssetChoices(tmp_path)
    (tmp_path / ".slate").write_text("in the way")
    with pytest.raises(SettingsError):
        choices.choose(["a.png"], AssetKind.TEXTURE, {"quality": 50})
    assert choices.chosen("a.png") == {}
