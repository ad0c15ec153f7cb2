from __future__ import annotations

import json
import subprocess
import sys
from typing import Any

import pytest
import typer

from slate_desktop import errors
from slate_desktop.cli.app import app, main
from slate_desktop.cli.exits import exit_code_of
from slate_desktop.cli.project_commands import split_command
from slate_desktop.cli.rows import age, iso_ns
from slate_desktop.cli.sections import SECTIONS
from slate_desktop.errors import CommandError, ErrorCode


def test_every_error_code_has_an_exit_code_that_scripts_can_tell_apart():
    codes = {code: exit_code_of(CommandError(code, "x")) for code in ErrorCode}
    assert codes[ErrorCode.NOT_FOUND] == 3
    assert codes[ErrorCode.BAD_REQUEST] == 2
    assert codes[ErrorCode.FORBIDDEN] == codes[ErrorCode.ILLEGAL_STATE] == 4
    assert codes[ErrorCode.DOCKER_UNAVAILABLE] == 5
    assert codes[ErrorCode.EXEC_TIMEOUT] == 6
    assert codes[ErrorCode.INTERNAL] == 1
    assert all(0 < code <= 6 for code in codes.values())


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (errors.NotConnectedError("x"), 5),
        (errors.AgentOfflineError("x"), 5),
        (errors.StackError("x"), 5),
        (errors.DatabaseError("x"), 5),
        (errors.SettingsError("x"), 5),
        (errors.DeniedError("x"), 4),
        (errors.StaleWriteError("x"), 4),
        (errors.OutcomeUnknownError("x", idem="k"), 6),
        (TimeoutError(), 6),
        (ValueError("x"), 1),
    ],
)
def test_errors_of_the_client_have_exit_codes(error, code):
    assert exit_code_of(error) == code


def test_usage_error_is_an_object_with_json(capsys):
    assert main(["session", "start", "--json"]) == 2
    out, err = capsys.readouterr()
    assert json.loads(out)["error"]["code"] == "usage"
    assert "PROJECT" in err


def test_json_after_the_separator_belongs_to_the_command(capsys):
    assert main(["session", "exec", "--", "--json"]) == 2
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize(
    "words",
    [
        ("logs", "export", "last", "x.log", "--regex"),
        ("logs", "export", "last", "x.log", "--grep", "(", "--regex"),
        ("logs", "export", "last", "x.log", "--since", "yesterday"),
        ("session", "logs", "last", "--grep", "(", "-E"),
        ("session", "logs", "last", "--since", "5m", "--until", "10m"),
        ("session", "stats", "last", "--csv", "-", "--json"),
        ("session", "stats", "last", "--csv", "x.csv", "--history", "31d"),
    ],
)
def test_what_no_server_has_to_be_asked_for_is_refused_at_once(words, capsys):
    assert main(list(words)) == 2
    capsys.readouterr()


def test_version_prints_one_object(capsys):
    assert main(["version", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["version"]


@pytest.mark.parametrize("group", [[], ["stack"], ["project"], ["session"], ["session", "logs"]])
def test_help_names_every_command(group, capsys):
    assert main([*group, "--help"]) == 0
    assert "Usage: slate" in capsys.readouterr().out


def test_command_lines_import_no_qt_and_help_imports_nothing_slow():
    script = (
        "import sys; from slate_desktop.cli.app import main; main(['--help']); "
        "print([name for name in ('PySide6', 'nats', 'asyncpg', 'docker', 'pydantic', 'rich') "
        "if name in sys.modules], file=sys.stderr)"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )
    assert done.stderr.strip() == "[]"


def test_the_python_api_imports_no_qt():
    script = "import sys, slate_desktop.control; sys.exit('PySide6' in sys.modules)"
    subprocess.run([sys.executable, "-c", script], check=True)


def test_a_command_is_split_without_a_shell():
    assert split_command("run 'a b' $HOME ; ls") == ["run", "a b", "$HOME", ";", "ls"]
    assert split_command(None) is None


def test_times_and_ages_are_readable():
    from datetime import UTC, datetime, timedelta

    now = datetime(2026, 1, 1, tzinfo=UTC)
    assert iso_ns(1_000_000_001) == "1970-01-01T00:00:01.000000001Z"
    assert age(now - timedelta(minutes=5), now) == "5 min"
    assert age(None) == ""


def test_the_version_is_an_option_too(capsys):
    assert main(["--version"]) == 0
    assert capsys.readouterr().out.startswith("slate 0.")


def test_every_command_stands_in_a_section_and_is_said_in_one_line() -> None:
    group = typer.main.get_command(app)
    placed = [name for _, names in SECTIONS for name in names]
    assert sorted(placed) == sorted(group.commands)  # type: ignore[attr-defined]
    cut: list[str] = []

    def look(at: Any, path: str, indent: int) -> None:
        room = 80 - indent - max(len(name) for name in at.commands)
        for name, command in at.commands.items():
            if command.get_short_help_str(room).endswith("..."):
                cut.append(f"{path} {name}")
            if hasattr(command, "commands"):
                look(command, f"{path} {name}", 6)

    look(group, "slate", 6)
    assert cut == []
