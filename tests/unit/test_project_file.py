"""``slate.toml``: what a project's author says of it."""

from __future__ import annotations

from pathlib import Path

import pytest

from slate_desktop.domain.project_file import ProjectFile, read_project_file
from slate_desktop.errors import CommandError, ErrorCode
from slate_desktop.settings.paths import resource_path


def test_project_without_a_file_says_nothing(tmp_path: Path) -> None:
    assert read_project_file(tmp_path) == ProjectFile()


def test_sample_names_its_command() -> None:
    found = read_project_file(resource_path("samples", "hello-runtime"))
    assert found == ProjectFile(name="hello-runtime", command=["{python}", "main.py"])


def test_command_may_be_a_list(tmp_path: Path) -> None:
    (tmp_path / "slate.toml").write_text('command = ["run", "a b"]')
    assert read_project_file(tmp_path).command == ["run", "a b"]


@pytest.mark.parametrize(
    "text",
    [
        "name = ",
        "name = 3",
        "command = 3",
        "command = []",
        'command = "a \\"b"',
        'engine = "unity"',
        'name = "x"\n' + "#" * 70_000,
    ],
)
def test_bad_file_is_refused(tmp_path: Path, text: str) -> None:
    (tmp_path / "slate.toml").write_text(text)
    with pytest.raises(CommandError) as caught:
        read_project_file(tmp_path)
    assert caught.value.code is ErrorCode.BAD_REQUEST


def test_file_that_is_no_text_is_refused(tmp_path: Path) -> None:
    (tmp_path / "slate.toml").write_bytes(b"\xff\xfe")
    with pytest.raises(CommandError):
        read_project_file(tmp_path)
