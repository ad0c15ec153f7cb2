"""A display of the benchmark's own: Xvfb on a free number, ended with the benchmark."""

from __future__ import annotations

import contextlib
import os
import subprocess
from collections.abc import Iterator
from unittest import mock

_SCREEN = "1600x1000x24"


@contextlib.contextmanager
def virtual_display() -> Iterator[None]:
    """Point this process and its children at a new Xvfb."""
    reader, writer = os.pipe()
    with subprocess.Popen(
        ["Xvfb", "-displayfd", str(writer), "-screen", "0", _SCREEN, "-nolisten", "tcp"],
        pass_fds=[writer],
        stderr=subprocess.DEVNULL,
    ) as server:
        os.close(writer)
        try:
            with os.fdopen(reader) as answer:
                number = answer.readline().strip()
            if not number:
                raise RuntimeError("Xvfb does not start")
            with mock.patch.dict(os.environ, {"DISPLAY": f":{number}", "QT_QPA_PLATFORM": "xcb"}):
                yield
        finally:
            server.terminate()
