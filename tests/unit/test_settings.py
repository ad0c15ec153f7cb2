"""Settings: sources and their order, bad files, addresses, secrets, private files."""

from __future__ import annotations

import os
import stat
import time
from pathlib import Path

import pytest

from slate_desktop.errors import SettingsError
from slate_desktop.settings import addresses, files, paths, secrets
from slate_desktop.settings.model import load_settings, save_settings


@pytest.fixture(autouse=True)
def own_directories(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name in list(os.environ):
        if name.startswith(("SLATE_", "VITE_")):
            monkeypatch.delenv(name)
    monkeypatch.setenv("SLATE_CONFIG_DIR", str(tmp_path / "config dir"))
    monkeypatch.setenv("SLATE_DATA_DIR", str(tmp_path / "data"))
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_nothing_set_means_the_embedded_stack() -> None:
    settings = load_settings()
    assert settings.is_local
    assert settings.notes == ()


def test_environment_wins_over_dotenv_and_dotenv_over_the_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    save_settings({"theme": "light", "log_level": "error", "registry_user": "file"})
    (tmp_path / ".env").write_text("SLATE_THEME=dark\nSLATE_LOG_LEVEL=warning\n")
    monkeypatch.setenv("SLATE_LOG_LEVEL", "debug")
    settings = load_settings()
    assert (settings.log_level, settings.theme, settings.registry_user) == ("debug", "dark", "file")


def test_names_of_earlier_deployments_are_understood(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text(
        "VITE_REGISTRY_URL=https://192.168.86.27:5000\nVITE_NATS_URL=ws://192.168.86.27:4222\n"
        "VITE_DB_HOST=192.168.86.27\nVITE_DB_NAME=wissil_db\n"
    )
    settings = load_settings()
    assert settings.nats_url == "nats://192.168.86.27:4222"
    assert settings.registry_url == "https://192.168.86.27:5000"
    assert settings.database_url is not None
    assert settings.database_url.endswith("@192.168.86.27:5432/wissil_db")
    assert not settings.is_local
    assert "VITE_NATS_URL" in settings.notes[0]


def test_own_names_win_over_those_of_earlier_deployments(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / ".env").write_text("VITE_NATS_URL=ws://old:4222\n")
    monkeypatch.setenv("SLATE_NATS_URL", "tls://new:4222")
    assert load_settings().nats_url == "tls://new:4222"


@pytest.mark.parametrize(
    "content",
    [
        b"theme = [",
        b'theme = "purple"\n',
        b"version = 99\n",
        b'nats_url = "host:4222"\n',
        b"\xff\xfe",
        b"# " + b"x" * 300_000,
        b"log_level = 5\n",
    ],
    ids=["torn", "wrong value", "later version", "bad address", "not text", "huge", "wrong type"],
)
def test_bad_settings_file_falls_back_to_its_backup(content: bytes) -> None:
    save_settings({"theme": "dark"})
    save_settings({"theme": "dark", "registry_user": "me"})
    paths.settings_file().write_bytes(content)
    settings = load_settings()
    assert settings.theme == "dark"
    assert "backup" in settings.notes[0]


def test_bad_settings_file_without_backup_means_defaults() -> None:
    files.ensure_private_dir(paths.config_dir())
    paths.settings_file().write_text("theme = [")
    settings = load_settings()
    assert settings.theme is None
    assert "defaults" in settings.notes[0]


@pytest.mark.skipif(os.name == "nt", reason="not on this platform")
def test_settings_file_that_is_a_symlink_or_a_pipe_is_not_followed(tmp_path: Path) -> None:
    files.ensure_private_dir(paths.config_dir())
    other = tmp_path / "other.toml"
    other.write_text('theme = "dark"\n')
    paths.settings_file().symlink_to(other)
    assert load_settings().theme is None
    paths.settings_file().unlink()
    os.mkfifo(paths.settings_file())
    assert load_settings().notes


def test_saving_keeps_comments_and_unknown_keys() -> None:
    files.ensure_private_dir(paths.config_dir())
    paths.settings_file().write_text('# mine\ntheme = "dark"\nplugin = 5\n')
    save_settings({"theme": "light"})
    text = paths.settings_file().read_text()
    assert "# mine" in text
    assert "plugin = 5" in text
    assert 'theme = "light"' in text


def test_saving_a_bad_value_writes_nothing() -> None:
    save_settings({"theme": "dark"})
    before = paths.settings_file().read_bytes()
    with pytest.raises(SettingsError, match="nats_url"):
        save_settings({"nats_url": "http://x"})
    with pytest.raises(SettingsError):
        save_settings({"no_such": 1})
    assert paths.settings_file().read_bytes() == before


def test_saving_over_a_torn_file_keeps_the_good_backup() -> None:
    save_settings({"theme": "dark"})
    save_settings({"registry_user": "a"})
    paths.settings_file().write_text("theme = [")
    assert save_settings({"log_level": "debug"}).theme == "dark"


def test_bad_environment_variable_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SLATE_NATS_URL", "host")
    with pytest.raises(SettingsError, match="nats_url") as caught:
        load_settings()
    assert "SLATE_NATS_URL" in caught.value.hint


@pytest.mark.parametrize(
    ("check", "text"),
    [
        (addresses.check_nats_url, "host:4222"),
        (addresses.check_nats_url, "nats://[::1"),
        (addresses.check_nats_url, "nats://host:0"),
        (addresses.check_nats_url, "nats://host:70000"),
        (addresses.check_nats_url, "nats://"),
        (addresses.check_nats_url, "nats://ho st"),
        (addresses.check_nats_url, "nats://h\nx"),
        (addresses.check_nats_url, "nats://a,,nats://b"),
        (addresses.check_database_url, "host/db"),
        (addresses.check_database_url, "postgresql://host"),
        (addresses.check_database_url, "postgresql:///db"),
        (addresses.check_database_url, "postgresql://h:0/db"),
        (addresses.check_redis_url, "localhost:6379"),
        (addresses.check_docker_host, "/run/docker.sock"),
        (addresses.check_registry_url, "host:5000"),
    ],
)
def test_bad_address_is_refused_with_a_reason(check, text: str) -> None:
    began = time.monotonic()
    with pytest.raises(SettingsError) as caught:
        check(text)
    assert str(caught.value)
    assert time.monotonic() - began < 5


def test_good_addresses_pass() -> None:
    assert addresses.check_nats_url("nats://[::1]:4222, tls://b:1") == "nats://[::1]:4222,tls://b:1"
    addresses.check_database_url("postgresql://u:p@/slate?host=/run/user/1/slate")
    addresses.check_docker_host("unix:///run/other/docker.sock")
    addresses.check_redis_url("redis://localhost:6379/0")


def test_secret_without_a_keyring_goes_to_a_private_file() -> None:
    assert secrets.get_secret("registry.password") is None
    assert secrets.set_secret("registry.password", "pä") is secrets.SecretPlace.FILE
    assert secrets.get_secret("registry.password") == "pä"
    path = paths.keys_dir() / "secrets" / "registry.password"
    if os.name != "nt":
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
        assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    secrets.delete_secret("registry.password")
    assert secrets.get_secret("registry.password") is None


@pytest.mark.parametrize("name", ["", "../x", "A", "a/b", "x" * 65])
def test_secret_name_cannot_be_a_path(name: str) -> None:
    with pytest.raises(SettingsError):
        secrets.get_secret(name)


@pytest.mark.skipif(os.name == "nt", reason="not on this platform")
def test_private_file_is_refused_when_others_can_read_it(tmp_path: Path) -> None:
    path = tmp_path / "f"
    files.write_private(path, b"x")
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert files.read_private(path) == b"x"
    path.chmod(0o644)
    with pytest.raises(SettingsError, match="other users"):
        files.read_private(path)
    link = tmp_path / "link"
    link.symlink_to(path)
    with pytest.raises(SettingsError):
        files.read_private(link)
    with pytest.raises(FileNotFoundError):
        files.read_private(tmp_path / "none")


def test_failed_write_leaves_the_old_file_and_no_litter(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "f"
    files.write_private(path, b"old")

    def no_space(_fd: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", no_space)
    with pytest.raises(SettingsError, match="No space"):
        files.write_private(path, b"new")
    assert path.read_bytes() == b"old"
    assert [entry.name for entry in tmp_path.iterdir() if entry.name.startswith(".f")] == []


@pytest.mark.skipif(os.name == "nt", reason="not on this platform")
def test_runtime_directory_is_short_private_and_one_per_data_directory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path / ("long" * 30)))
    monkeypatch.setenv("SLATE_DATA_DIR", str(tmp_path / ("x" * 200) / "a b"))
    first = paths.runtime_dir()
    monkeypatch.setenv("SLATE_DATA_DIR", str(tmp_path / ("x" * 200) / "c"))
    second = paths.runtime_dir()
    assert first != second
    for path in (first, second):
        assert len(os.fsencode(path)) < 80
        assert stat.S_IMODE(path.stat().st_mode) == 0o700
        path.rmdir()


@pytest.mark.skipif(os.name == "nt", reason="not on this platform")
def test_directory_of_somebody_else_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "d").mkdir()
    monkeypatch.setattr(os, "geteuid", lambda: 12345)
    with pytest.raises(SettingsError, match="another user"):
        files.ensure_private_dir(tmp_path / "d")


class BrokenKeyring:
    """A keyring that is locked: it answers every call with an error of its own."""

    priority = 5

    def __getattr__(self, name: str) -> object:
        def refuse(*_: str) -> None:
            raise RuntimeError("the keyring is locked")

        return refuse


def test_locked_keyring_is_said_and_files_are_used(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr("keyring.get_keyring", BrokenKeyring)
    assert secrets.get_secret("registry.password") is None
    assert secrets.set_secret("registry.password", "geheim") is secrets.SecretPlace.FILE
    assert secrets.get_secret("registry.password") == "geheim"
    secrets.delete_secret("registry.password")
    assert secrets.get_secret("registry.password") is None
    assert "keyring" in caplog.text
    assert "geheim" not in caplog.text


@pytest.mark.skipif(os.name == "nt", reason="not on this platform")
def test_settings_file_that_cannot_be_read_means_its_backup(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    save_settings({"theme": "dark"})
    save_settings({"theme": "dark", "registry_user": "me"})
    path, really_open = paths.settings_file(), os.open

    def refuse(name: object, *rest: int, **more: int) -> int:
        if name == path:
            raise PermissionError(13, "Permission denied")
        return really_open(name, *rest, **more)  # type: ignore[arg-type]

    monkeypatch.setattr(os, "open", refuse)
    settings = load_settings()
    assert settings.theme == "dark"
    assert "Permission denied" in settings.notes[0]


@pytest.mark.parametrize(
    ("text", "expected"), [("1", True), ("off", False), ("YES", True), ("false", False)]
)
def test_switches_and_lists_come_from_the_environment(
    monkeypatch: pytest.MonkeyPatch, text: str, expected: bool
) -> None:
    monkeypatch.setenv("SLATE_ALLOW_UNSIGNED", text)
    monkeypatch.setenv("SLATE_ALLOWED_REGISTRIES", "a:5000, b" if expected else '["a:5000", "b"]')
    settings = load_settings()
    assert settings.allow_unsigned is expected
    assert settings.allowed_registries == ("a:5000", "b")


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("allow_unsigned", "perhaps"),
        ("profile", "Both of them"),
        ("agent_id", "a b"),
        ("allowed_registries", "[1"),
    ],
)
def test_every_bad_variable_is_named(monkeypatch: pytest.MonkeyPatch, name: str, text: str) -> None:
    monkeypatch.setenv(f"SLATE_{name.upper()}", text)
    with pytest.raises(SettingsError, match=name):
        load_settings()


def test_lists_for_builds_come_from_variables(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SLATE_LICENCES", "unity=2")
    monkeypatch.setenv("SLATE_BUILD_CAPABILITIES", "console:ps5, console:switch")
    monkeypatch.setenv("SLATE_BUILD_SLOTS", "3")
    settings = load_settings()
    assert settings.licences == ("unity=2",)
    assert settings.build_capabilities == ("console:ps5", "console:switch")
    assert settings.build_slots == 3
    monkeypatch.setenv("SLATE_LICENCES", "unity=many")
    with pytest.raises(SettingsError):
        load_settings()
