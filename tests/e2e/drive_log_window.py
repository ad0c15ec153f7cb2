"""Runs the real window on one session's log and prints what it shows, one JSON object a step.

Modes: ``begin`` (add the project, start a container, stay until SIGTERM), ``end`` (open the session
of before, stop it, read its whole log), ``offline`` (the same without servers).
"""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Any

from tests.e2e.drive_window import lines_of, points_of, run_driven_by, tell, until

# What is shown first is the newest; the rest of a log comes from the database.
_SOME_LINES = 500


def _numbers(rows: list[Any]) -> list[int]:
    return [int(row.message.split()[1]) for row in rows if row.message.startswith("line ")]


async def _connected(window: Any) -> None:
    await until(lambda: "online" in window.status_row.lamps.buttons["agent"].text(), "an agent")


async def begin(window: Any) -> None:
    """Start the container, tell the session, and stay."""
    await _connected(window)
    work, root = window.workspace, Path(os.environ["TEST_PROJECT"])
    image, _, tag = os.environ["TEST_IMAGE"].partition(":")
    project = await work.slate.add_project(
        root, name="flood", engine="custom", command=["perl", "/app/project/loop.pl"]
    )
    await work.refresh_projects()
    config = {"driver": "docker", "image": image, "tag": tag, "memory": "96m"}
    session = await work.create_session(project.id, config | {"networkMode": "none"})
    await until(window.registry["session.start"].isEnabled, "Start")
    window.registry["session.start"].trigger()
    await until(lambda: work.session and work.session.status.value == "running", "running")
    await until(lambda: lines_of(window) > _SOME_LINES, "lines")
    await until(lambda: len(work.models[session.id].stats_history) > 1, "samples")
    tell({"session": session.id})


async def _show(window: Any) -> str:
    session_id = os.environ["TEST_SESSION"]
    await until(lambda: window.workspace.find_session(session_id), "the session")
    window.workspace.choose_session(session_id)
    await until(lambda: window.console.current_id == session_id, "its log")
    return session_id


def _what_shows(window: Any, session_id: str) -> dict[str, Any]:
    """Return verdict, configuration and graph as the panes have them."""
    session = window.workspace.find_session(session_id)
    return {
        "status": session.status.value,
        "verdict": window.details.state.text(),
        "memory": window.details.form.config().memory_bytes,
        "points": points_of(window),
    }


async def end(window: Any) -> dict[str, Any]:
    """Look at the session that runs, stop it, and read its log from the first line to the last."""
    await _connected(window)
    session_id = await _show(window)
    model = await until(lambda: window.workspace.models.get(session_id), "the model")
    have = model.logs.last_seq
    await until(lambda: model.logs.last_seq > have + _SOME_LINES, "new lines")
    # Those of the first window may be out of sight by now; two make a line.
    seen = model.stats_history.revision
    await until(lambda: model.stats_history.revision > seen + 1, "new samples")
    await until(window.registry["session.stop"].isEnabled, "Stop")
    window.registry["session.stop"].trigger()
    await until(lambda: window.workspace.find_session(session_id).is_final, "the stop")
    await until(lambda: model.session.log_complete, "the whole log")
    await until(lambda: model.logs.last_seq >= model.log.last_seq, "its last line")
    await until(lambda: not model.logs.gaps, "the gaps to be filled")
    rows = [row async for page in model.log.read(1, model.log.last_seq) for row in page]
    shown = model.logs.rows(0, len(model.logs))
    await until(lambda: points_of(window) > 1, "the graph")
    return {
        "seqs": [row.seq for row in rows] == list(range(1, model.log.last_seq + 1)),
        "numbers": _numbers(rows) == list(range(1, len(_numbers(rows)) + 1)),
        "shown": [row.seq for row in shown] == list(range(shown[0].seq, shown[0].seq + len(shown))),
        "lines": len(_numbers(rows)),
        "last": shown[-1].message,
        **_what_shows(window, session_id),
    }


async def offline(window: Any) -> dict[str, Any]:
    """Show the session although no server answers."""
    session_id = await _show(window)
    await until(lambda: window.console.current_log is not None, "the kept log")
    await until(lambda: points_of(window) > 1, "the kept graph")
    log = window.console.current_log
    last = log.rows(len(log) - 1, len(log))[0]
    return {
        "connected": window.workspace.slate is not None,
        "kept": len(log),
        "last": last.message,
        **_what_shows(window, session_id),
    }


if __name__ == "__main__":
    steps = {"begin": begin, "end": end, "offline": offline}
    code = run_driven_by(steps[sys.argv[1]], is_offline=sys.argv[1] == "offline")
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)
