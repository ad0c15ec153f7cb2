"""The `.env` of an existing installation, taken over for good."""

from __future__ import annotations

from pathlib import Path

import pytest

from slate_desktop.errors import SettingsError
from slate_desktop.settings import env_import
from slate_desktop.settings.model import load_settings
from slate_desktop.settings.secrets import get_secret

SEED = "SU" + "A" * 56
OLD = """
# The file of the original system.
VITE_REGISTRY_URL=https://192.168.86.27:5000
VITE_NATS_URL=ws://192.168.86.27:4222
VITE_DB_HOST=192.168.86.27
VITE_DB_NAME=wissil_db
VITE_DB_PASSWORD=hunter2
VITE_THEME=dark
OTHER=1
"""


@pytest.fixture(autouse=True)
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import os

    for name in [n for n in os.environ if n.startswith(("SLATE_", "VITE_"))]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("SLATE_CONFIG_DIR", str(tmp_path / "config"))
    monkeypatch.setenv("SLATE_DATA_DIR", str(tmp_path / "data"))
    monkeypatch.chdir(tmp_path)


def env(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "old.env"
    path.write_text(text)
    return path


def test_addresses_become_settings_and_secrets_stay(tmp_path: Path) -> None:
    found = env_import.read_env(env(tmp_path, OLD))
    env_import.take_over(found)
    settings = load_settings()
    assert settings.profile == "remote"
    assert settings.nats_url == "nats://192.168.86.27:4222"
    assert settings.database_url == "postgresql://slate_user@192.168.86.27:5432/wissil_db"
    assert settings.registry_url == "https://192.168.86.27:5000"
    assert found.left == {"VITE_DB_PASSWORD": "a secret", "VITE_THEME": "not a setting"}
    assert any("websocket" in note or "VITE_NATS_URL" in note for note in found.notes)
    written = "".join(p.read_text() for p in (tmp_path / "config").rglob("*") if p.is_file())
    assert "hunter2" not in written


def test_own_names_win_and_passwords_in_addresses_are_left_out(tmp_path: Path) -> None:
    text = OLD + (
        "SLATE_DATABASE_URL=postgresql://me:hunter2@db.example:5433/game?sslmode=verify-full\n"
        f"SLATE_USER_SEED={SEED}\nSLATE_LOG_LEVEL=debug\n"
    )
    found = env_import.read_env(env(tmp_path, text))
    assert SEED not in repr(found)
    env_import.take_over(found)
    settings = load_settings()
    assert settings.database_url == "postgresql://me@db.example:5433/game?sslmode=verify-full"
    assert settings.log_level == "debug"
    assert any(".pgpass" in note for note in found.notes)
    assert get_secret("user_seed") == SEED
    toml = (tmp_path / "config" / "settings.toml").read_text()
    assert "hunter2" not in toml
    assert SEED not in toml


def test_half_an_installation_changes_no_profile(tmp_path: Path) -> None:
    found = env_import.read_env(env(tmp_path, "VITE_REGISTRY_URL=https://r.example:5000\n"))
    assert not found.has_profile
    env_import.take_over(found)
    assert load_settings().profile == "auto"


@pytest.mark.parametrize(
    ("text", "words"),
    [("SLATE_NATS_URL=what\n", "nats_url"), ("SLATE_BUILD_SLOTS=many\n", "build_slots")],
)
def test_a_value_that_cannot_be_used_is_named_and_nothing_is_written(
    tmp_path: Path, text: str, words: str
) -> None:
    with pytest.raises(SettingsError, match=words):
        env_import.read_env(env(tmp_path, text))
    assert not (tmp_path / "config" / "settings.toml").exists()


@pytest.mark.parametrize("data", [b"\xff\xfe\x00", b"A=" + b"x" * 70_000])
def test_what_is_no_env_is_refused(tmp_path: Path, data: bytes) -> None:
    path = tmp_path / "old.env"
    path.write_bytes(data)
    with pytest.raises(SettingsError):
        env_import.read_env(path)
    with pytest.raises(SettingsError):
        env_import.read_env(tmp_path / "absent.env")
