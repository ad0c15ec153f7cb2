"""Going to a moment of a session in its log, from graphs and alerts."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from slate_desktop.errors import SlateError

if TYPE_CHECKING:
    from slate_desktop.control.models import RuntimeSessionModel
    from slate_desktop.ui.window import MainWindow

_OPEN_S = 10.0


async def show_moment(window: MainWindow, session_id: str, at_ns: int) -> None:
    """Choose a session and show the line of a moment (UTC nanoseconds) of it."""
    work = window.workspace
    if work.current_session_id != session_id:
        work.choose_session(session_id)
    model = await _model_of(window, session_id)
    if model is None:
        window.say(window.tr("That session is gone."))
        return
    try:
        seq = await model.find_moment(at_ns)
    except SlateError as error:
        window.show_error(error, window.tr("The log of that moment cannot be shown."))
        return
    if seq is not None and model is work.model:
        window.console.select(model.session_id)
        window.console.filters.clear()
        window.in_console(lambda: window.console.reveal_seq(seq))


async def _model_of(window: MainWindow, session_id: str) -> RuntimeSessionModel | None:
    """Return the model of a session that was just chosen, once it is open."""
    work = window.workspace
    if session_id in work.models:
        return work.models[session_id]
    opened = asyncio.Event()
    connection = work.model_opened.connect(lambda _id: opened.set())
    try:
        async with asyncio.timeout(_OPEN_S):
            while session_id not in work.models:
                await opened.wait()
                opened.clear()
    except TimeoutError:
        return None
    finally:
        work.model_opened.disconnect(connection)
    return work.models[session_id]
