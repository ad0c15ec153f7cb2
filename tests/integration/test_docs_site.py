"""``make docs``: the site is built without a warning, with pictures, search and the reference."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent


def test_the_site_is_built_without_a_warning(tmp_path: Path) -> None:
    command = [sys.executable, str(ROOT / "packaging" / "docs" / "build.py")]
    done = subprocess.run(
        [*command, "--output", str(tmp_path / "site")],
        check=False,
        capture_output=True,
        text=True,
        timeout=100,
    )
    assert done.returncode == 0, done.stderr
    assert "WARNING" not in done.stderr
    site = tmp_path / "site"
    assert (site / "images" / "window-dark.png").stat().st_size > 10_000
    assert "slate settings test" in (site / "reference" / "commands.html").read_text("utf-8")
    assert "Ctrl+Shift+P" in (site / "reference" / "keys.html").read_text("utf-8")
    assert (site / "search" / "search_index.json").stat().st_size > 50_000
