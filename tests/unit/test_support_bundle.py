"""The support bundle: what is in it, and what must never be."""

from __future__ import annotations

import json
import zipfile
from pathlib import Path

import pytest

from slate_desktop.cli.app import main
from slate_desktop.diagnosis import support
from slate_desktop.diagnosis.check import Check, State
from slate_desktop.errors import EnvironmentFaultError
from slate_desktop.settings import files, paths
from slate_desktop.wire.keys import SigningKey

PASSWORD = "correct-horse-9"


@pytest.fixture(autouse=True)
def own_machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SLATE_CONFIG_DIR", str(tmp_path / "config"))
    monkeypatch.setenv("SLATE_DATA_DIR", str(tmp_path / "data"))
    monkeypatch.setenv("HOME", str(tmp_path / "home" / "annabell"))
    monkeypatch.setenv("LOGNAME", "annabell")
    monkeypatch.setenv("SLATE_DATABASE_URL", f"postgresql://me:{PASSWORD}@db.example/slate")
    monkeypatch.setattr("platform.node", lambda: "annas-laptop")
    files.ensure_private_dir(paths.config_dir())
    files.ensure_private_dir(paths.data_dir())
    files.ensure_private_dir(paths.log_dir())


def made() -> dict[str, str]:
    check = Check(name="disk", state=State.OK, detail=f"{Path.home()}/slate on annas-laptop")
    return {file.name: file.text for file in support.gather([check])}


def test_secrets_and_names_are_not_in_it() -> None:
    seed = SigningKey.generate().seed
    log = paths.log_dir() / "desktop.log"
    log.write_text(
        f"connected postgresql://me:{PASSWORD}@db/slate seed {seed}\n"
        f"opened {Path.home()}/games/pong of annabell@annas-laptop\nPGPASSWORD={PASSWORD}\n"
    )
    everything = "\n".join(made().values())
    for secret in (seed, PASSWORD, "annabell", "annas-laptop", str(Path.home())):
        assert secret not in everything
    assert "opened ~/games/pong of USER@HOST" in everything


def test_only_own_logs_are_in_it_and_only_their_ends(tmp_path: Path) -> None:
    (paths.log_dir() / "agent.log").write_text("x" * 100 + "\n" + "y" * 99 + "\n" * 4000 + "end\n")
    long = "".join(f"line {number}\n" for number in range(60_000))
    (paths.log_dir() / "supervisor.log").write_text(long)
    secret = tmp_path / "elsewhere.log"
    secret.write_text("private")
    (paths.log_dir() / "link.log").symlink_to(secret)
    (paths.data_dir() / "session.log").write_text("a session's line")
    bundle = made()
    assert {name for name in bundle if name.startswith("logs/")} == {
        "logs/agent.log",
        "logs/supervisor.log",
    }
    tail = bundle["logs/supervisor.log"]
    assert tail.endswith("line 59999\n")
    assert len(tail) <= support.TAIL_BYTES
    assert tail.startswith("line ")
    assert "private" not in "\n".join(bundle.values())


def test_the_readme_names_every_file_and_checks_are_told() -> None:
    bundle = made()
    for name in bundle:
        assert name == "README.txt" or name in bundle["README.txt"]
    assert json.loads(bundle["checks.json"])[0]["state"] == "ok"
    (url,) = [s for s in json.loads(bundle["settings.json"]) if s.get("name") == "database_url"]
    assert url["value"] == "postgresql://me:***@db.example/slate"
    assert url["origin"] == "environment"


def test_a_folder_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    bundle = [support.SupportFile(name="a", text="b")]
    with pytest.raises(EnvironmentFaultError, match="cannot be written"):
        support.write(bundle, tmp_path / "absent" / "bundle.zip")


def test_the_command_writes_a_private_archive(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    async def no_checks() -> list[Check]:
        return []

    monkeypatch.setattr("slate_desktop.diagnosis.run_checks", no_checks)
    target = tmp_path / "bundle.zip"
    assert main(["support", "bundle", "--output", str(target), "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["path"] == str(target)
    assert target.stat().st_mode & 0o077 == 0
    with zipfile.ZipFile(target) as archive:
        assert archive.namelist() == told["files"]
