"""Runs the coroutine of a command: connects, reports errors, and turns both into an exit code."""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, NoReturn

import typer

from slate_desktop.cli.exits import EXIT_INTERRUPTED
from slate_desktop.cli.output import Output

if TYPE_CHECKING:
    from slate_desktop.control.client import Slate

Action = Callable[["Slate", Output], Awaitable[int | None]]


def with_slate(as_json: bool, action: Action) -> NoReturn:
    """Connect, run ``action``, and end the command with its exit code."""

    async def connected(output: Output) -> int | None:
        from slate_desktop.control.client import Slate
        from slate_desktop.settings.model import load_settings

        for note in load_settings().notes:
            output.note(note)
        async with await Slate.connect(on_step=on_steps(output)) as slate:
            return await action(slate, output)

    alone(as_json, connected)


def alone(as_json: bool, action: Callable[[Output], Awaitable[int | None]]) -> NoReturn:
    """Run ``action`` without a connection, and end the command with its exit code."""
    from slate_desktop.log import setup

    setup.configure("error")
    output = Output(as_json=as_json)

    async def run() -> int | None:
        return await action(output)

    try:
        code = asyncio.run(run()) or 0
    except KeyboardInterrupt:
        code = EXIT_INTERRUPTED
    except BrokenPipeError:
        # The reader went away, as `head` does; nothing more can be printed, not even at the end.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        code = 0
    except typer.BadParameter:
        raise  # wrong usage, seen late: said as any other
    except Exception as exc:  # noqa: BLE001 - the boundary of a command
        code = output.error(exc)
    raise typer.Exit(code)


def on_steps(output: Output) -> Callable[[str, str], None]:
    """Say which parts of the embedded stack are being started; nothing when it runs already."""
    started: set[str] = set()

    def on_step(name: str, state: str) -> None:
        if state == "starting":
            started.add(name)
            output.note(f"starting {name} …")
        elif state == "failed" or name in started:
            output.note(f"{name} {state}")

    return on_step
