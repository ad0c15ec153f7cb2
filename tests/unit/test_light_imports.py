"""Packages are imported without what they hardly use, and get it when they do."""

from __future__ import annotations

import subprocess
import sys

import pytest

_STORE = """
import sys
import slate_desktop.store
late = [name for name in ("configparser", "getpass") if name in sys.modules]
assert not late, late
from asyncpg import connect_utils
assert connect_utils.configparser.ConfigParser is sys.modules["configparser"].ConfigParser
assert connect_utils.getpass.getuser is sys.modules["getpass"].getuser
assert connect_utils.platform.python_version() == sys.version.split()[0]
import platform
assert platform.__spec__ is not None and connect_utils._system == platform.system()
"""
_MSGSPEC = """
import sys
from slate_desktop.light_imports import light_imports
with light_imports("platform", without=("typing_extensions",)):
    import msgspec
assert "typing_extensions" not in sys.modules and "platform" not in sys.modules
from typing import Annotated, NotRequired, TypedDict
import uuid
class Part(TypedDict):
    a: Annotated[int, msgspec.Meta(ge=1)]
    b: NotRequired[str]
class Whole(msgspec.Struct):
    part: Part
    id: uuid.UUID | None = None
assert msgspec.json.decode(b'{"part": {"a": 1}}', type=Whole) == Whole({"a": 1})
try:
    msgspec.json.decode(b'{"part": {"a": 0}}', type=Whole)
except msgspec.ValidationError:
    print("refused")
import typing_extensions, platform
print(platform.system())
"""
_LOG = """
import io, logging, sys
from slate_desktop.log import setup
late = [name for name in ("rich", "colorama") if name in sys.modules]
assert not late or sys.platform == "win32", late
class Terminal(io.StringIO):
    def isatty(self):
        return True
shown = Terminal()
setup.configure(stream=shown)
try:
    {}["key"]
except KeyError:
    logging.getLogger("test").exception("broken")
assert "\x1b[" in shown.getvalue() and "KeyError: 'key'" in shown.getvalue(), shown.getvalue()
import rich.console
rich.console.Console(file=io.StringIO()).print("[bold]x")
"""


@pytest.mark.parametrize("code", [_STORE, _MSGSPEC, _LOG])
def test_what_is_left_out_comes_when_it_is_used(code: str) -> None:
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_nothing_changes_for_modules_that_were_read_before() -> None:
    code = (
        "import platform, typing_extensions, sys; "
        "from slate_desktop.light_imports import light_imports\n"
        "with light_imports('platform', 'no_such_module', without=('typing_extensions',)):\n"
        "    assert sys.modules['platform'] is platform\n"
        "    assert sys.modules['typing_extensions'] is typing_extensions\n"
        "    import no_such_module as late\n"
        "assert 'no_such_module' not in sys.modules\n"
        "try:\n"
        "    late.anything\n"
        "except ModuleNotFoundError as error:\n"
        "    print(error.name)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert (done.stdout.strip(), done.returncode) == ("no_such_module", 0), done.stderr
