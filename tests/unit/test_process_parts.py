"""The process driver's parts: line cutting, the spool, commands."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import psutil
import pytest
from hypothesis import given
from hypothesis import strategies as st

from slate_desktop.agent.drivers import process_shim
from slate_desktop.agent.drivers.commands import check_program, engine_command
from slate_desktop.agent.drivers.process_exec import kill_tree
from slate_desktop.agent.drivers.process_files import RuntimeFiles, SpoolReader
from slate_desktop.agent.drivers.process_shim import LineCutter, Spool
from slate_desktop.domain.container import ContainerConfig
from slate_desktop.domain.engine import Engine, preset_for
from slate_desktop.errors import CommandError, ErrorCode


@given(st.lists(st.binary(max_size=50).map(lambda data: data.replace(b"\r", b"\n"))))
def test_line_cutter_keeps_every_byte(parts: list[bytes]) -> None:
    cutter = LineCutter()
    pieces = [piece for part in parts for piece in cutter.feed(part)]
    pieces += cutter.finish()

    text = b"".join(parts)
    expected = text.split(b"\n")
    if expected[-1] == b"":
        expected.pop()
    assert [data for data, _ in pieces] == expected


@pytest.mark.parametrize("size", [16383, 16384, 16385, 32768, 40000])
def test_line_cutter_marks_pieces_of_long_lines(size: int) -> None:
    cutter = LineCutter()
    pieces = cutter.feed(b"a" * size + b"\n") + cutter.feed(b"b\n")

    assert b"".join(data for data, _ in pieces) == b"a" * size + b"b"
    assert [is_partial for _, is_partial in pieces].count(False) == 2
    assert all(len(data) <= 16384 for data, _ in pieces)


def test_spool_gives_rising_stamps_and_survives_rotation(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(process_shim, "SEGMENT_BYTES", 200)
    spool = Spool(str(tmp_path))
    files = RuntimeFiles(tmp_path)
    reader, found = SpoolReader(files, 0), []
    for number in range(40):
        spool.write(1 + number % 2, [(b"line %d" % number, False)])
        found += reader.read()
    while frames := reader.read():
        found += frames

    stamps = [frame.ts_ns for frame in found]
    assert [frame.data for frame in found] == [b"line %d" % n for n in range(40)]
    assert stamps == sorted(set(stamps))
    assert len(files.segments()) <= process_shim.MAX_SEGMENTS


def test_spool_read_from_a_moment_begins_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(process_shim, "SEGMENT_BYTES", 400)
    spool = Spool(str(tmp_path))
    for number in range(40):
        spool.write(1, [(b"line %d" % number, False)])

    def read(since_ns: int) -> list:
        reader, found = SpoolReader(RuntimeFiles(tmp_path), since_ns), []
        while frames := reader.read():
            found += frames
        return found

    everything = read(0)
    middle = everything[len(everything) // 2].ts_ns
    assert read(middle) == [frame for frame in everything if frame.ts_ns >= middle]


def test_gap_is_marked_when_the_spool_outran_a_reader_that_stood_still(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(process_shim, "SEGMENT_BYTES", 200)
    spool, reader = Spool(str(tmp_path)), SpoolReader(RuntimeFiles(tmp_path), 0)
    spool.write(1, [(b"line 0", False)])
    found = reader.read()
    for number in range(1, 100):
        spool.write(1, [(b"line %d" % number, False)])
    while frames := reader.read():
        found += frames

    marked = [int(frame.data.split()[1]) for frame in found if frame.is_after_gap]
    numbers = [int(frame.data.split()[1]) for frame in found]
    assert numbers == [0, *range(numbers[1], 100)]
    assert marked == [numbers[1]]
    assert numbers[1] > 1


@pytest.mark.skipif(sys.platform == "win32", reason="not on this platform: POSIX groups")
def test_group_of_a_number_that_was_given_away_is_not_killed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    # Here the shim would be this process, whose other children are servers that tests share.
    monkeypatch.setattr(process_shim, "descendants", lambda _root: [])
    foreign = subprocess.Popen(["sleep", "60"], start_new_session=True)
    try:
        kill_tree(foreign.pid, None)
        process_shim.kill_all(foreign, process_shim.start_ticks(os.getpid()))
        assert foreign.poll() is None
        kill_tree(foreign.pid, psutil.Process(foreign.pid))
        assert foreign.wait(10) == -signal.SIGKILL
    finally:
        foreign.kill()
        foreign.wait(10)


def test_torn_record_at_the_end_is_left_out(tmp_path: Path) -> None:
    Spool(str(tmp_path)).write(1, [(b"whole", False), (b"torn off", False)])
    segment = RuntimeFiles(tmp_path).segments()[0]
    segment.write_bytes(segment.read_bytes()[:-3])

    assert [f.data for f in SpoolReader(RuntimeFiles(tmp_path), 0).read()] == [b"whole"]


def test_files_that_are_missing_or_broken_are_none(tmp_path: Path) -> None:
    files = RuntimeFiles(tmp_path)
    (tmp_path / "pid.json").write_text('{"pid": 1')
    (tmp_path / "exit.json").write_text('{"exit_code": "x"}')

    assert (files.spec(), files.pid(), files.exit()) == (None, None, None)


def test_own_command_wins_and_names_are_filled_in(tmp_path: Path) -> None:
    config = ContainerConfig(command=["{python}", "{root}/main.py"])

    assert engine_command(Engine.CUSTOM, str(tmp_path), config) == [
        sys.executable, f"{tmp_path}/main.py",
    ]  # fmt: skip


def test_godot_3_project_finds_its_server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "project.godot").write_text("config_version=4\n")
    program = tmp_path / "bin" / "godot3-server"
    program.parent.mkdir()
    program.write_text("#!/bin/sh\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(program.parent))
    # The preset's command is for its image and says nothing about this machine.
    config = ContainerConfig(command=preset_for(Engine.GODOT, "3").container["command"])

    argv = engine_command(Engine.GODOT, str(tmp_path), config)

    assert argv == [str(program), "--path", str(tmp_path)]


@pytest.mark.parametrize("engine", list(Engine))
def test_engine_without_program_says_what_to_do(
    engine: Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))

    with pytest.raises(CommandError) as caught:
        engine_command(engine, str(tmp_path), ContainerConfig())

    assert caught.value.code is ErrorCode.COMMAND_NOT_FOUND
    assert caught.value.hint


def test_program_is_looked_for_in_the_project(tmp_path: Path) -> None:
    (tmp_path / "run.sh").write_text("#!/bin/sh\n")
    with pytest.raises(CommandError):
        check_program(["./run.sh"], str(tmp_path), {})

    (tmp_path / "run.sh").chmod(0o755)
    check_program(["./run.sh"], str(tmp_path), {})
