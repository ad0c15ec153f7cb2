"""The window on the screen against a bare ``QLabel`` window, from process start, under Xvfb."""

from __future__ import annotations

import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

from slate_desktop.ui.startup import MARK_ENV
from tests.bench.display import virtual_display
from tests.bench.harness import Result
from tests.bench.program import Marks, own_stack, window

# A start takes half a second, and single ones differ by a third.
ROUNDS = 21
# Notes the moment as slate_desktop.ui.app does: at the loop's turn after the first paint.
PEER = f"""
import os, sys, time
from PySide6.QtCore import QEvent, QObject, QTimer
from PySide6.QtWidgets import QApplication, QLabel

class Watcher(QObject):
    is_done = False
    def eventFilter(self, watched, event):
        if event.type() == QEvent.Type.Paint and not self.is_done:
            self.is_done = True
            QTimer.singleShot(0, self.note)
        return False
    def note(self):
        with open(os.environ["{MARK_ENV}"], "a") as file:
            file.write(f"painted {{time.monotonic_ns()}} {{time.process_time_ns()}}\\n")
        QApplication.quit()

app = QApplication(sys.argv)
label = QLabel("SLATE")
label.resize(1280, 800)
watcher = Watcher()
label.installEventFilter(watcher)
label.show()
sys.exit(app.exec())
"""


def run() -> list[Result]:
    """Start peer, ours, peer, ours …; the stack runs, as it does for every window but the first."""
    with virtual_display(), own_stack() as environment:
        paint = Result("Window, first paint", "bare QLabel window", "ms", goal=1.5)
        usable = Result("Window, usable, stack running", "bare QLabel window", "ms", goal=3.0)
        cpu: dict[str, list[float]] = {paint.name: [], usable.name: []}
        paint.higher_is_better = usable.higher_is_better = False
        _peer(environment)
        _ours(environment)  # the samples are added, bytecode and fonts are cached
        for _ in range(ROUNDS):
            peer_ms, peer_cpu_ms = _peer(environment)
            for result, (value, cpu_ms) in zip((paint, usable), _ours(environment), strict=True):
                result.peer_values.append(peer_ms)
                result.our_values.append(value)
                cpu[result.name].append(cpu_ms / peer_cpu_ms)
    for result in (paint, usable):
        result.note = f"in processor time {statistics.median(cpu[result.name]):.2f}x"
        result.show()
    return [paint, usable]


def _peer(environment: dict[str, str]) -> tuple[float, float]:
    with tempfile.TemporaryDirectory() as directory:
        marks = Marks(Path(directory) / "marks")
        environment = {**environment, MARK_ENV: str(marks.path)}
        marks.begin()
        subprocess.run([sys.executable, "-c", PEER], env=environment, check=True, timeout=60)
        return marks.wait_ms("painted")


def _ours(environment: dict[str, str]) -> tuple[tuple[float, float], tuple[float, float]]:
    with window(environment) as (_, marks):
        return marks.wait_ms("painted"), marks.wait_ms("usable")


if __name__ == "__main__":
    run()
