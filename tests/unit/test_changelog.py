"""What is new in a version, from the list of changes that comes with the program."""

from __future__ import annotations

import json

import pytest

from slate_desktop import __version__
from slate_desktop.cli.app import main
from slate_desktop.domain.changelog import changes_of
from slate_desktop.settings.paths import changelog_path

TEXT = "# Changes\n\n## 0.2.0 (unreleased)\n\n- New\n  and more\n\n## 0.1.0\n\n- Old\n"


def test_each_version_has_its_own_changes() -> None:
    assert changes_of(TEXT, "0.2.0") == "- New\n  and more"
    assert changes_of(TEXT, "0.1.0") == "- Old"
    assert changes_of(TEXT, "0.1") == ""
    assert changes_of("", "0.1.0") == ""


def test_the_version_that_runs_is_in_the_list() -> None:
    assert changes_of(changelog_path().read_text(encoding="utf-8"), __version__).startswith("- ")


def test_the_command_prints_it(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["version", "--changes", "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["version"] == __version__
    assert told["changes"].startswith("- ")
