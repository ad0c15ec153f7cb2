"""Entry points: ``slate`` and ``python -m slate_desktop`` (the command line), ``slate-desktop``."""

from __future__ import annotations

import sys


def main() -> int:
    """Run the command line; the agent too is one of its commands, and needs no Qt."""
    from slate_desktop.cli.app import main as run_command

    return run_command()


def main_desktop() -> int:
    """Open the window."""
    from slate_desktop.cli.window import open_window

    return open_window()


if __name__ == "__main__":
    sys.exit(main())
