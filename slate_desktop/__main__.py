"""Entry points: ``slate`` and ``python -m slate_desktop`` (the command line), ``slate-desktop``."""

from __future__ import annotations

import os
import sys


def main() -> int:
    """Run the command line; the agent too is one of its commands, and needs no Qt."""
    try:
        from slate_desktop.cli.app import main as run_command

        return run_command()
    except KeyboardInterrupt:
        # Before the command line is there to say so: its EXIT_INTERRUPTED.
        return 130


def main_desktop() -> int:
    """Open the window."""
    import gc

    # Half of the objects of a start are modules, which stay; the window collects on its own terms.
    gc.disable()
    from slate_desktop.cli.window import open_window

    code = open_window()
    # All is saved and closed by now. The interpreter would take Qt's objects apart in any order,
    # which now and then ends in a crash instead of the exit code.
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)


if __name__ == "__main__":
    sys.exit(main())
