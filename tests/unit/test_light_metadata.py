"""Packages that ask for their version get it, without the reader of metadata being read."""

from __future__ import annotations

import importlib.metadata
import subprocess
import sys

import pytest

_CODE = """
import sys
import slate_desktop.control.signals, slate_desktop.bus.nats_bus
import psygnal, nats.aio.client
assert "importlib.metadata" not in sys.modules, "it was read"
found = psygnal.__version__, nats.aio.client.__version__
import importlib.metadata as real
assert found == (real.version("psygnal"), real.version("nats-py")), found
assert real.__spec__ is not None
"""


def test_versions_are_right_and_the_real_module_is_there_afterwards() -> None:
    done = subprocess.run([sys.executable, "-c", _CODE], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


_OTHER_THREAD = """
import sys
from slate_desktop.light_metadata import light_metadata
with light_metadata():
    import importlib.metadata as stand_in
    assert stand_in.distribution("msgspec").version
    try:
        stand_in.version("no-such-package")
    except stand_in.PackageNotFoundError:
        pass
    else:
        raise SystemExit("found")
    import importlib.metadata
assert hasattr(sys.modules["importlib.metadata"], "__spec__")
assert sys.modules["importlib.metadata"].__spec__.origin
"""


def test_whoever_asks_for_more_gets_the_real_module() -> None:
    done = subprocess.run([sys.executable, "-c", _OTHER_THREAD], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_nothing_changes_where_it_was_read_already(monkeypatch: pytest.MonkeyPatch) -> None:
    from slate_desktop.light_metadata import light_metadata

    with light_metadata():
        assert sys.modules["importlib.metadata"] is importlib.metadata
