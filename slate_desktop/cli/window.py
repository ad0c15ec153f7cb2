"""Opens the window, or says what is missing for it."""

from __future__ import annotations

import sys
from collections.abc import Sequence

from slate_desktop.cli.exits import EXIT_ENVIRONMENT

_QT_PACKAGES = frozenset({"PySide6", "shiboken6", "qasync"})


def open_window(arguments: Sequence[str] | None = None) -> int:
    """Open the window and return its exit code when it has closed."""
    try:
        from slate_desktop.ui.app import main
    except ImportError as exc:
        if (exc.name or "").split(".")[0] not in _QT_PACKAGES:
            raise
        sys.stderr.write(
            f"The window needs Qt, which cannot be loaded: {exc}\n"
            "Install it with: pip install 'slate-desktop[desktop]'. "
            "`slate doctor` names missing system libraries.\n"
        )
        return EXIT_ENVIRONMENT
    return main(arguments)
