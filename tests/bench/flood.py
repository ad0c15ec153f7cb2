"""100,000 lines a second from a real container to the real window, end to end.

The window, its broker, database and agent are the product's own. A container prints numbered lines
at the rate for some time; afterwards every line must be stored and shown once and in order. What is
measured: the most that the window's thread did in one turn, the memory that window and agent gained
once the console was full, and how far behind the screen was.

``python -m tests.bench.flood --seconds 300`` runs it longer; ``--lines`` gives another rate.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import statistics
import time
from pathlib import Path
from tempfile import TemporaryDirectory
from unittest import mock

import msgspec
import psutil

from slate_desktop.control import Slate
from slate_desktop.domain.session import SessionStatus
from slate_desktop.stack.state import StackFiles
from slate_desktop.ui import app as app_module
from slate_desktop.ui.loop import Loop
from slate_desktop.ui.theme import Theme
from slate_desktop.ui.window import MainWindow
from slate_desktop.ui.window_state import WindowState
from tests.bench.display import virtual_display
from tests.bench.engine import BenchEngine
from tests.bench.harness import Result
from tests.bench.program import own_stack
from tests.bench.qt import Heart, application
from tests.services import docker as service

SECONDS = 20.0
RATE = 100_000
LIMIT_MS = 16.0
_SAMPLE_S = 0.5
_END_S = 600.0
# Short lines, because five minutes at the rate must stay below the limit of 1 GiB a session.
_PROGRAM = r"""
# The small Perl of base images has no finer clock of its own.
sub now { open(my $file, "<", "/proc/uptime"); return (split(" ", <$file>))[0]; }
my ($rate, $seconds) = @ARGV;
$| = 1;
my ($begin, $n) = (now(), 0);
while ((my $passed = now() - $begin) < $seconds) {
    my ($due, $text) = (int($passed * $rate), "");
    while ($n < $due) { $n++; $text .= sprintf("%08d LogShaders: built 15 ms\n", $n); }
    print $text;
    select(undef, undef, undef, 0.01);
}
"""


class Figures(msgspec.Struct):
    """What one run showed."""

    printed: int
    shown: int
    lost: int
    longest_turn_ms: float
    longest_turn_at_s: float
    turns_over_limit: int
    window_mb: list[float]
    agent_mb: list[float]
    lag_s: list[float]
    end_s: float
    window_cpu: float
    agent_us: float = 0.0
    said: list[str] = []


async def _until(is_true: object, what: str, timeout_s: float = 60.0) -> None:
    try:
        async with asyncio.timeout(timeout_s):
            while not is_true():  # type: ignore[operator]  # noqa: ASYNC110
                await asyncio.sleep(0.05)
    except TimeoutError:
        raise SystemExit(f"{what} did not come within {timeout_s:.0f} s") from None


async def _flood(rate: int, seconds: float) -> Figures:
    app = application()
    theme = Theme(app)

    async def connect(_on_step: object) -> Slate:
        return await Slate.connect("local")

    window = MainWindow(theme, WindowState(has_samples=True), connect)  # type: ignore[arg-type]
    window.build()
    window.resize(1400, 900)
    window.show()
    window.tasks.spawn(window.workspace.run(), "workspace", window)
    try:
        await _until(lambda: window.workspace.slate is not None, "the connection")
        with TemporaryDirectory() as directory:
            return await _run(window, Path(directory), rate, seconds)
    finally:
        await app_module.shut_down(window)
        window.close_for_good()


async def _run(window: MainWindow, directory: Path, rate: int, seconds: float) -> Figures:
    root = directory / "flood"
    root.mkdir()
    (root / "flood.pl").write_text(_PROGRAM)
    for path in (directory, root):
        path.chmod(0o755)
    work, slate = window.workspace, window.workspace.slate
    assert slate is not None
    command = ["perl", "/app/project/flood.pl", str(rate), str(seconds)]
    project = await slate.add_project(root, name="flood", engine="custom", command=command)
    image, _, tag = service.BASE_IMAGE.partition(":")
    config = {"driver": "docker", "image": image, "tag": tag, "memory": "128m"}
    row = await slate.create_runtime_session(project.id, config | {"networkMode": "none"})
    await _until(lambda: work.find_session(row.id) is not None, "the session")
    work.choose_session(row.id)
    await _until(lambda: window.console.current_id == row.id, "its log")
    model = work.models[row.id]
    if await model.start() is None:
        raise SystemExit(f"the container does not start: {model.error}")
    await _until(lambda: model.session.status is not SessionStatus.STARTING, "the start")
    if model.session.status is not SessionStatus.RUNNING:
        raise SystemExit(f"the container does not run: {model.session}")
    processes = [psutil.Process(), psutil.Process(_agent_pid())]
    figures = Figures(0, 0, 0, 0.0, 0.0, 0, [], [], [], 0.0, 0.0)
    begin, cpu_s = time.monotonic(), time.thread_time()
    agent_s = _used_s(processes[1])
    with Heart() as heart:
        while not model.session.is_final and time.monotonic() < begin + 5 * seconds + _END_S:
            await asyncio.sleep(_SAMPLE_S)
            await _sample(figures, model, processes, time.monotonic() - begin)
        ended = time.monotonic()
    figures.window_cpu = (time.thread_time() - cpu_s) / (ended - begin)
    figures.longest_turn_ms = heart.longest_cpu_ms
    longest = heart.cpu_ms.index(heart.longest_cpu_ms)
    figures.longest_turn_at_s = sum(heart.wall_ms[:longest], longest) / 1e3
    figures.turns_over_limit = sum(ms > LIMIT_MS for ms in heart.cpu_ms)
    await _until(lambda: model.session.log_complete, "the whole log", 5 * seconds + _END_S)
    figures.end_s = time.monotonic() - begin - seconds
    await _until(lambda: model.logs.last_seq >= model.log.last_seq, "the last line")
    agent_s = _used_s(processes[1]) - agent_s
    await _check(figures, model)
    figures.agent_us = agent_s / figures.shown * 1e6
    return figures


def _used_s(process: psutil.Process) -> float:
    times = process.cpu_times()
    return times.user + times.system


async def _sample(
    figures: Figures, model: object, processes: list[psutil.Process], at_s: float
) -> None:
    buffer = model.logs  # type: ignore[attr-defined]
    if len(buffer) and at_s > 1.0:
        figures.lag_s.append(time.time() - buffer.row(len(buffer) - 1).timestamp_ns / 1e9)
    # The ring buffer gives the oldest lines up in groups: it is full from the first group on.
    if len(buffer) and buffer.first_seq > 1:
        for process, into in zip(processes, (figures.window_mb, figures.agent_mb), strict=True):
            # In a thread: adding a process' pages up takes the time of a long turn.
            info = await asyncio.to_thread(process.memory_full_info)
            into.append(info.uss / 1e6)


async def _check(figures: Figures, model: object) -> None:
    """Read the whole stored log: every line once and in order, in the window's part too."""
    log, buffer = model.log, model.logs  # type: ignore[attr-defined]
    expected = 1
    async for page in log.read(1, log.last_seq):
        for row in page:
            head = row.message[:8]
            if head.isdecimal():
                figures.shown += 1
                # A number that is passed over is lost; one that comes again, or late, is wrong too.
                figures.lost += int(head) - expected if int(head) >= expected else 1
                expected = max(expected, int(head) + 1)
            elif row.stream == "slate":
                figures.said.append(row.message)
    figures.printed = expected - 1
    kept = [row.seq for row in buffer.rows(0, len(buffer))]
    if buffer.gaps or kept != list(range(kept[0], kept[0] + len(kept))):
        figures.lost += 1


def _agent_pid() -> int:
    children = StackFiles(Path(os.environ["SLATE_DATA_DIR"])).read_children().processes
    return next(child.pid for name, child in children.items() if name.startswith("agent"))


def measure(rate: int = RATE, seconds: float = SECONDS) -> Figures:
    """Run it once, on a display, a stack and an engine of its own."""
    with TemporaryDirectory() as directory:
        engine = BenchEngine(Path(directory) / "project")  # makes the image
        asyncio.run(engine.aclose())
    with virtual_display(), own_stack() as environment, mock.patch.dict(os.environ, environment):
        app = application()
        with asyncio.Runner(loop_factory=lambda: Loop(app)) as runner:
            return runner.run(_flood(rate, seconds))


def run(rate: int = RATE, seconds: float = SECONDS) -> list[Result]:
    """One run; every figure against its limit."""
    figures = measure(rate, seconds)
    name = f"Flood, {rate:,} lines/s for {seconds:.0f} s"
    turn = Result(f"{name}, longest turn of the window", "limit", "ms", goal=1.0)
    turn.peer_values, turn.our_values = [LIMIT_MS], [figures.longest_turn_ms]
    turn.note = (
        f"processor time of the window's thread, {figures.turns_over_limit} turns over the limit, "
        f"the longest after {figures.longest_turn_at_s:.1f} s; "
        f"{figures.window_cpu:.0%} of a core"
    )
    loss = Result(f"{name}, lines lost or out of order", "limit", "lines", goal=1.0)
    # No line may be lost: one is twice the limit.
    loss.peer_values, loss.our_values = [0.5], [float(figures.lost)]
    loss.note = (
        f"{figures.shown:,} of {figures.printed:,} lines stored and shown, "
        f"{figures.printed / seconds:,.0f} lines/s printed; the screen was behind by "
        f"{statistics.median(figures.lag_s):.2f} s (most {max(figures.lag_s):.2f} s), "
        f"complete {figures.end_s:.1f} s after the time; the agent took {figures.agent_us:.1f} µs "
        f"a line"
    )
    if figures.said:
        loss.note += f"; the log says: {'; '.join(figures.said)}"
    results = [turn, loss]
    for who, values in (("window", figures.window_mb), ("agent", figures.agent_mb)):
        if len(values) >= 8:
            quarter = len(values) // 4
            memory = Result(f"{name}, memory of the {who} at the end", "once full", "MB", goal=1.1)
            memory.peer_values, memory.our_values = values[:quarter], values[-quarter:]
            steps = [values[len(values) * step // 10] for step in range(10)]
            memory.note = f"in tenths of the time: {', '.join(f'{mb:.0f}' for mb in steps)}"
            results.append(memory)
    for result in results:
        result.higher_is_better = False
        result.show()
    return results


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=SECONDS)
    parser.add_argument("--lines", type=int, default=RATE)
    options = parser.parse_args()
    run(options.lines, options.seconds)
