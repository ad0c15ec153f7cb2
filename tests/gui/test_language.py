"""The window speaks the language of the settings from its next start on, whoever set it."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from slate_desktop.cli.app import main
from slate_desktop.ui.window_state import WindowState, save_state

_MENUS = """
import sys
from slate_desktop.ui import app
async def run(window):
    window.build()
    print(*(action.text() for action in window.menuBar().actions()), sep="|")
    window.close_for_good()
    return 0
app.run = run
sys.exit(app.main([]))
"""


def first_menus(**environment: str) -> list[str]:
    """Start the window as its program does, and return the titles of its menus."""
    plain = {name: text for name, text in os.environ.items() if name != "SLATE_LANGUAGE"}
    done = subprocess.run(
        [sys.executable, "-c", _MENUS], capture_output=True, text=True, check=True, timeout=90,
        env={**plain, "QT_QPA_PLATFORM": "offscreen", "LC_ALL": "C.UTF-8"} | environment,
    )  # fmt: skip
    return done.stdout.splitlines()[-1].split("|")


def test_a_language_of_the_command_line_counts_from_the_first_start() -> None:
    assert "&File" in first_menus()
    assert main(["settings", "set", "language", "de"]) == 0
    assert "&Datei" in first_menus()
    assert main(["settings", "unset", "language"]) == 0
    assert "&File" in first_menus()


def test_a_language_of_an_env_file_counts_from_the_first_start(tmp_path: Path) -> None:
    path = tmp_path / "here.env"
    path.write_text("SLATE_LANGUAGE=de\n")
    assert "&Datei" in first_menus(SLATE_ENV_FILE=str(path))


def test_settings_that_cannot_be_read_leave_the_language_of_the_last_start() -> None:
    save_state(WindowState(language="de"))
    assert "&Datei" in first_menus(SLATE_LOG_LEVEL="loud")
