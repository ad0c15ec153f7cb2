"""What libraries import before anybody needs it waits until somebody does, and works then."""

from __future__ import annotations

import subprocess
import sys

import pytest

_MISUSES = """
import sys
{before}
from PySide6.QtCore import QObject, Qt, Signal
from PySide6.QtWidgets import QApplication, QLabel
app = QApplication([])
label = QLabel("x")
class Sender(QObject):
    sent = Signal(int)
sender = Sender()
for misuse in (
    lambda: label.setAlignment("x"), lambda: label.setText(3), lambda: QLabel(nothing=3),
    lambda: label.resize("a"), lambda: sender.sent.connect(3), lambda: sender.sent.emit("a", "b"),
):
    try:
        misuse()
    except Exception as error:
        print(type(error).__name__, error)
print(QLabel.__doc__)
help(QLabel.setBuddy)
from PySide6.support.signature import get_signature
from PySide6.support.signature.lib.enum_sig import HintingEnumerator
print(get_signature(QLabel.setText), HintingEnumerator)
"""


def _run(script: str) -> str:
    return subprocess.run(
        [sys.executable, "-c", script],
        env={"QT_QPA_PLATFORM": "offscreen"},
        check=True,
        capture_output=True,
        text=True,
        timeout=60,
    ).stdout


def test_messages_and_help_of_pyside_are_as_without_late_helpers() -> None:
    late = _run(_MISUSES.format(before="import slate_desktop.ui.plain_imports"))
    assert "Supported signatures" in late
    assert late == _run(_MISUSES.format(before=""))


def test_the_helpers_of_pyside_are_not_compiled_at_the_start() -> None:
    code = (
        "import slate_desktop.ui.app, sys; "
        "print([name for name in ('layout', 'parser', 'lib.pyi_generator') if '__getattr__' not in "
        "vars(sys.modules[f'shibokensupport.signature.{name}'])])"
    )
    assert _run(code).strip() == "[]"


def test_headers_that_each_message_is_searched_for_need_no_jetstream() -> None:
    names = ("STATUS", "DESCRIPTION", "CONSUMER_STALLED")
    code = (
        "import slate_desktop.bus.nats_bus, sys, nats; late = nats.js.api.Header; "
        f"found = [getattr(late, name) for name in {names}]; "
        "print('nats.js.api' in sys.modules); from nats.js.api import Header; "
        f"real = [getattr(Header, name) for name in {names}]; "
        "print(found == real, [{name: 1}[other] for name, other in zip(found, real)], "
        "[one.value for one in found] == [one.value for one in real])"
    )
    assert _run(code).split() == ["False", "True", "[1,", "1,", "1]", "True"]


@pytest.mark.parametrize(
    "use",
    [
        "import nats; nats.js.api.Header.MSG_ID",
        "import nats; nats.js.api.StreamConfig",
        "from nats.js import JetStreamContext; JetStreamContext",
        "import nats.js.errors; nats.js.errors.NotFoundError",
        "from nats.js.api import StreamConfig; StreamConfig()",
    ],
)
def test_jetstream_comes_when_it_is_used(use: str) -> None:
    code = (
        "import slate_desktop.bus.nats_bus, sys; before = 'nats.js.api' in sys.modules; "
        f"{use}; print(before, 'nats.js.api' in sys.modules); "
        "import nats; print(nats.js is sys.modules['nats.js'], nats.js.__name__)"
    )
    assert _run(code).split() == ["False", "True", "True", "nats.js"]
