"""The list of settings: words for each, values with their sources, and texts that are refused."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from slate_desktop.cli.app import main
from slate_desktop.errors import SettingsError
from slate_desktop.settings import catalog, paths, shortcuts
from slate_desktop.settings.declared import GROUPS, Settings
from slate_desktop.settings.model import load_settings, save_settings


@pytest.fixture(autouse=True)
def own_directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SLATE_CONFIG_DIR", str(tmp_path / "config"))
    monkeypatch.setenv("SLATE_ENV_FILE", str(tmp_path / "absent.env"))
    monkeypatch.chdir(tmp_path)


def state_of(name: str) -> catalog.SettingState:
    (state,) = [s for s in catalog.states()[0] if s.setting.name == name]
    return state


def test_every_setting_is_described_and_none_is_forgotten() -> None:
    names = {setting.name for setting in catalog.catalog()}
    assert names == set(Settings.__struct_fields__) - {"version", "notes"}
    for setting in catalog.catalog():
        assert setting.group in GROUPS
        assert setting.title[0].isupper()
        assert setting.description.endswith(".")
        is_typed = setting.kind in ("text", "path", "number", "list")
        assert bool(setting.expects) == is_typed or setting.name == "registry_user"


def test_the_deciding_source_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    assert state_of("build_slots").origin is catalog.Origin.DEFAULT
    save_settings({"build_slots": 3})
    state = state_of("build_slots")
    assert (state.value, state.origin, state.is_overridden) == (3, catalog.Origin.FILE, False)
    monkeypatch.setenv("SLATE_BUILD_SLOTS", "5")
    state = state_of("build_slots")
    assert (state.value, state.stored, state.place) == (5, 3, "SLATE_BUILD_SLOTS")
    assert state.is_overridden


def test_a_variable_that_cannot_be_used_is_told_beside_its_setting(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("SLATE_BUILD_SLOTS", "many")
    assert "build_slots" in state_of("build_slots").problem
    assert state_of("theme").problem == ""


@pytest.mark.parametrize(
    ("name", "text", "hint"),
    [
        ("build_slots", "65", "whole number from 0 to 64"),
        ("build_slots", "", "whole number"),
        ("licences", "unity", "unity=1"),
        ("nats_url", "host:4222", "nats://host:4222"),
        ("agent_id", "a b", "letters"),
        ("profile", "", "auto"),
    ],
)
def test_a_text_that_cannot_be_used_says_what_can(name: str, text: str, hint: str) -> None:
    with pytest.raises(SettingsError) as caught:
        catalog.parse(catalog.find(name), text)
    assert hint in caught.value.hint


def test_texts_and_values_lead_to_each_other() -> None:
    for name, text in (
        ("licences", "unity=1, unreal=2"),
        ("allow_unsigned", "true"),
        ("nats_ca_file", "/etc/ca.pem"),
        ("theme", ""),
        ("allowed_registries", ""),
    ):
        assert catalog.to_text(catalog.parse(catalog.find(name), text)) == text


def test_a_file_that_cannot_be_read_is_kept_when_a_setting_is_saved() -> None:
    paths.config_dir().mkdir(parents=True)
    paths.settings_file().write_text("theme = [ # by hand")
    save_settings({"theme": "light"})
    broken = paths.settings_file().with_name("settings.toml.broken")
    assert broken.read_text() == "theme = [ # by hand"
    assert load_settings().theme == "light"


def test_the_command_sets_gets_and_unsets(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["settings", "set", "licences", "unity=1, unreal=2", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["value"] == ["unity=1", "unreal=2"]
    assert main(["settings", "get", "licences", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["origin"] == "file"
    assert main(["settings", "unset", "licences"]) == 0
    assert main(["settings", "list", "--json"]) == 0
    listed = json.loads(capsys.readouterr().out.splitlines()[-1])["settings"]
    assert {entry["origin"] for entry in listed} == {"default"}


@pytest.mark.parametrize(
    "arguments",
    [
        ("set", "build_slots", "65"),
        ("set", "colour", "red"),
        ("get", "colour"),
        ("test", "theme"),
        ("test", "redis_url"),
    ],
)
def test_the_command_refuses(
    arguments: tuple[str, ...], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["settings", *arguments, "--json"]) != 0
    assert json.loads(capsys.readouterr().out)["error"]["code"] == "settings"
    assert not paths.settings_file().exists()


def test_shortcuts_survive_and_a_broken_file_is_put_aside() -> None:
    shortcuts.save_shortcuts({"session.start": ("F6",), "session.stop": ()})
    assert shortcuts.load_shortcuts() == ({"session.start": ("F6",), "session.stop": ()}, "")
    shortcuts.shortcuts_file().write_text('"session.start" = "F6"')
    keys, note = shortcuts.load_shortcuts()
    assert keys == {}
    assert "session.start is no list" in note
    shortcuts.save_shortcuts({})
    assert shortcuts.shortcuts_file().with_name("shortcuts.toml.broken").exists()
    assert shortcuts.load_shortcuts() == ({}, "")
