"""``slate connect --import-env``: what it says, and what it refuses."""

from __future__ import annotations

from pathlib import Path

from tests.e2e.commands import Cli


def test_an_installations_file_is_taken_over_and_said(tmp_path: Path) -> None:
    cli = Cli(tmp_path / "data")
    file = tmp_path / "old.env"
    file.write_text(
        "VITE_NATS_URL=nats://studio.example:4222\nVITE_DB_HOST=studio.example\n"
        "VITE_DB_PASSWORD=hunter2\n"
    )
    done = cli("connect", "--import-env", str(file), "--json", code=0)
    assert done.json["settings"] == ["database_url", "nats_url"]
    assert done.json["left"] == {"VITE_DB_PASSWORD": "a secret"}
    assert done.json["used"] is True
    assert "hunter2" not in done.out + done.err
    profiles = {row["name"]: row for row in cli.json("profile", "list")["profiles"]}
    assert profiles["remote"]["used"] is True


def test_neither_or_both_files_are_refused(tmp_path: Path) -> None:
    cli = Cli(tmp_path / "data")
    for arguments in ((), ("a.slate-join", "--import-env", "b.env")):
        done = cli("connect", *arguments, "--json")
        assert done.json["error"]["code"] == "bad_request"
