"""The console's view against ``QPlainTextEdit``: sustained rate, stalls, memory of a million lines.

Both get 1,600 lines every 16 ms where the rate is given, and the same batches without a pause where
the rate is what is measured. ``python -m tests.bench.logview peer|ours`` is the measured process of
the memory comparison.
"""

from __future__ import annotations

import statistics
import subprocess
import sys
import time
from collections.abc import Callable

import msgspec
import psutil
from PySide6.QtCore import Qt, QTimer
from PySide6.QtWidgets import QPlainTextEdit, QWidget

from slate_desktop.control.console import LogBuffer
from slate_desktop.ui.console.view import ConsoleView
from slate_desktop.ui.theme import Theme
from slate_desktop.wire.log_batch import LogBatch
from tests.bench.display import virtual_display
from tests.bench.harness import Result
from tests.bench.qt import Heart, application, settle, spin

ROUNDS = 5
BATCH_MS = 16
BATCH_LINES = 1600
PEER_LINES = 80_000
# Rates are compared; a run of ours must be long enough to fill and turn the ring buffer.
OUR_LINES = 1_600_000
MEMORY_LINES = 1_000_000
STALL_S = 6.0
SIZE = (1100, 500)
_MESSAGE = "[12:01:49.833][{:6d}] LogShaders: Display: Shader Standard/49 compiled in 15 ms, 3 vars"
_LEVELS = "iiiidiwiie"

Feed = Callable[[LogBatch], object]


def _peer() -> tuple[QWidget, Feed]:
    """The widget as it comes; it wraps long lines and keeps an undo history."""
    view = QPlainTextEdit()
    view.resize(*SIZE)
    view.show()
    return view, lambda batch: view.appendPlainText("\n".join(batch.messages))


def _tuned_peer() -> tuple[QWidget, Feed]:
    """The widget with all that costs it time switched off."""
    view, feed = _peer()
    assert isinstance(view, QPlainTextEdit)
    view.setReadOnly(True)
    view.setUndoRedoEnabled(False)
    view.setLineWrapMode(QPlainTextEdit.LineWrapMode.NoWrap)
    return view, feed


def _ours() -> tuple[QWidget, Feed]:
    app = application()
    view = ConsoleView(app.findChild(Theme) or Theme(app))
    view.resize(*SIZE)
    buffer = LogBuffer()
    view.set_rows(buffer)
    view.show()
    return view, buffer.append_batch


def _template(offset: int) -> bytes:
    """Return a batch as it travels."""
    numbers = range(offset, offset + BATCH_LINES)
    return msgspec.json.encode(
        LogBatch(
            attempt=1,
            epoch=1,
            first_seq=1,
            levels="".join(_LEVELS[number % 10] for number in numbers),
            times=[1_700_000_000_000_000_000 + number for number in numbers],
            messages=[_MESSAGE.format(number) for number in numbers],
        )
    )


_templates = [_template(number * BATCH_LINES) for number in range(8)]
_decoder = msgspec.json.Decoder(LogBatch)


def _batch(first: int) -> LogBatch:
    """Return a batch as it leaves the decoder, numbered from ``first``."""
    data = _templates[(first // BATCH_LINES) % len(_templates)]
    return msgspec.structs.replace(_decoder.decode(data), first_seq=first)


def _rate(make: Callable[[], tuple[QWidget, Feed]], lines: int) -> float:
    """Return lines per second of appending and painting; making the batches is not counted.

    Seconds are those of this thread's processor: either view fills it while it has lines, and what
    other programs do at the same time does not count.
    """
    view, feed = make()
    settle()
    app = application()
    elapsed = 0.0
    for first in range(1, lines + 1, BATCH_LINES):
        batch = _batch(first)
        begin = time.thread_time()
        feed(batch)
        app.processEvents()
        elapsed += time.thread_time() - begin
    view.deleteLater()
    settle()
    return lines / elapsed


def _stall() -> tuple[Heart, float]:
    """Feed 100,000 lines a second; returns the heart and the share of a core that it took."""
    view, feed = _ours()
    settle()
    sent = 0
    begin = time.perf_counter()

    def tick() -> None:
        nonlocal sent
        # Lines come at their rate, also when the timer was late; one message at a turn of the loop.
        late_ms = (time.perf_counter() - begin) * 1e3 - sent * BATCH_MS / BATCH_LINES
        if late_ms < 0 or not timer.isActive():
            return
        feed(_batch(sent + 1))
        sent += BATCH_LINES
        QTimer.singleShot(0, tick)

    timer = QTimer()
    timer.setTimerType(Qt.TimerType.PreciseTimer)
    timer.setInterval(BATCH_MS)
    timer.timeout.connect(tick)
    with Heart() as heart:
        cpu_s = time.thread_time()
        timer.start()
        spin(lambda: False, STALL_S)
        cpu_s = time.thread_time() - cpu_s
        timer.stop()
        settle()
    assert sent >= 0.95 * STALL_S * 1e3 / BATCH_MS * BATCH_LINES
    view.deleteLater()
    settle()
    return heart, cpu_s / STALL_S


def _idle_ms() -> float:
    """Return how long a loop with nothing to do stands still here: the machine's own share."""
    with Heart() as heart:
        spin(lambda: False, STALL_S)
    return heart.longest_wall_ms


def _memory_mb(kind: str) -> float:
    command = [sys.executable, "-m", "tests.bench.logview", kind]
    done = subprocess.run(command, check=True, capture_output=True, text=True, timeout=300)
    return float(done.stdout.split()[-1])


def measure_memory(kind: str) -> float:
    """Return how many MB a million lines add to this process."""
    view, feed = (_peer if kind == "peer" else _ours)()
    settle()
    process = psutil.Process()
    before = process.memory_full_info().uss
    app = application()
    for first in range(1, MEMORY_LINES + 1, BATCH_LINES):
        feed(_batch(first))
        app.processEvents()
    settle()
    added = process.memory_full_info().uss - before
    view.close()
    return added / 1e6


def run() -> list[Result]:
    """Compare the rate, look for stalls, compare memory."""
    with virtual_display():
        application()
        rate = Result("Log view, sustained", "QPlainTextEdit, batches", "lines/s", goal=15)
        tuned: list[float] = []
        for _ in range(ROUNDS):
            rate.peer_values.append(_rate(_peer, PEER_LINES))
            tuned.append(_rate(_tuned_peer, PEER_LINES))
            rate.our_values.append(_rate(_ours, OUR_LINES))
        best = statistics.median(tuned)
        rate.note = (
            f"a peer that neither wraps nor can undo: {best:,.0f} lines/s, against it "
            f"{statistics.median(rate.our_values) / best:.1f}x"
        )
        rate.show()
        stall = Result("Log view, longest stall at 100,000 lines/s", "limit", "ms", goal=1.0)
        runs = [_stall() for _ in range(3)]
        stall.peer_values.append(float(BATCH_MS))
        stall.our_values = [heart.longest_cpu_ms for heart, _ in runs]
        wall_ms = min(heart.longest_wall_ms for heart, _ in runs)
        stall.note = (
            f"work between two beats of the loop; on the wall {wall_ms:.1f} ms in the quietest of "
            f"{len(runs)} runs, an idle loop at that time {_idle_ms():.1f} ms; "
            f"{min(share for _, share in runs):.0%} of a core"
        )
        memory = Result("Log view, memory of 1,000,000 lines", "QPlainTextEdit", "MB", goal=0.35)
        memory.peer_values.append(_memory_mb("peer"))
        memory.our_values.append(_memory_mb("ours"))
    for result in (stall, memory):
        result.higher_is_better = False
        result.show()
    return [rate, stall, memory]


if __name__ == "__main__":
    if len(sys.argv) == 2:
        application()
        print(measure_memory(sys.argv[1]))
    else:
        run()
