"""Writes docs/images/hosts-*.png: a workstation's window on a server with two hosts.

The window is the one of ``tests/e2e/test_three_hosts.py``, in its network namespaces; run it as
root on Linux, with Docker and PostgreSQL of the system.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
IMAGES = ROOT / "docs" / "images"


def main() -> int:
    """Run the test that drives the window, and have it leave its pictures."""
    IMAGES.mkdir(parents=True, exist_ok=True)
    test = "tests/e2e/test_three_hosts.py::test_the_window_joins_runs_builds_and_processes_there"
    environment = os.environ | {"SLATE_PICTURES": str(IMAGES), "SLATE_REQUIRE_SERVICES": "1"}
    with tempfile.TemporaryDirectory(prefix="studio-") as base:
        # The folders stand in the pictures.
        command = [sys.executable, "-m", "pytest", "-q", test, f"--basetemp={base}/studio"]
        code = subprocess.run(command, cwd=ROOT, env=environment, check=False).returncode
    # What went wrong is for whoever runs this, and for no page.
    (IMAGES / "failed.png").unlink(missing_ok=True)
    return code


if __name__ == "__main__":
    raise SystemExit(main())
