"""What was named when the window was opened: a path, a ``slate://`` link, or a join file."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QUrl
from PySide6.QtGui import QGuiApplication

from slate_desktop.domain.links import Link, LinkKind, is_link, parse_link
from slate_desktop.errors import SlateError
from slate_desktop.translation import sentence
from slate_desktop.ui import dialogs

if TYPE_CHECKING:
    from slate_desktop.control.client import Slate
    from slate_desktop.ui.window import MainWindow

JOIN_SUFFIX = ".slate-join"


async def open_wanted(window: MainWindow, text: str) -> None:
    """Open what somebody or another program named; nothing is changed without a question."""
    if is_link(text):
        await _open_link(window, text)
        return
    url = QUrl(text)
    path = Path(url.toLocalFile() if url.isLocalFile() else text)
    if path.suffix == JOIN_SUFFIX:
        await _ask_to_join(window, path)
    else:
        await window.document_commands.open_path(path)


def copy_link(window: MainWindow) -> None:
    """Put a link to what is chosen into the clipboard."""
    work = window.workspace
    if work.slate is None or (work.session is None and work.project is None):
        return
    if work.session is not None:
        kind, name = LinkKind.SESSION, work.session.id
    else:
        assert work.project is not None  # noqa: S101 - one of both, see above
        kind, name = LinkKind.PROJECT, work.project.id
    link = Link(profile=work.slate.profile, kind=kind, id=name)
    QGuiApplication.clipboard().setText(str(link))
    window.say(window.tr("Copied: {link}").format(link=link))


async def _open_link(window: MainWindow, text: str) -> None:
    what = window.tr("The link cannot be opened.")
    try:
        link = parse_link(text)
    except SlateError as error:
        window.show_error(error, what)
        return
    slate = await _connected(window)
    if slate.profile != link.profile:
        text = window.tr(
            "It belongs to {server}, and this window works on {mine}. Change over in File, Servers."
        ).format(server=link.profile, mine=slate.profile)
        window.show_error(SlateError(text), what)
        return
    if not await _show(window, link):
        text = window.tr("There is no {kind} {name} here, or it is not yours.")
        window.show_error(
            SlateError(text.format(kind=sentence(link.kind.value), name=link.id)), what
        )


async def _connected(window: MainWindow) -> Slate:
    """Wait for the connection; the start page tells what keeps it, and goes on trying."""
    work = window.workspace
    if work.slate is None or not work.answered.is_set():
        is_connected = asyncio.Event()
        connection = work.connected.connect(is_connected.set)
        try:
            await is_connected.wait()
        finally:
            work.disconnect(connection)
    return work.connected_slate()


async def _show(window: MainWindow, link: Link) -> bool:
    work = window.workspace
    window.binding.leave_start()
    if link.kind is LinkKind.PROJECT:
        if work.find_project(link.id) is None:
            return False
        work.choose_project(link.id)
        window.projects.expand_project(link.id)
    elif link.kind is LinkKind.SESSION:
        if work.find_session(link.id) is None:
            return False
        work.choose_session(link.id)
    else:
        return await window.build_binding.show_build(link.id)
    return True


async def _ask_to_join(window: MainWindow, path: Path) -> None:
    from slate_desktop.control import joining

    try:
        invitation = await asyncio.to_thread(joining.load_join_file, path)
    except SlateError as error:
        window.show_error(error, window.tr("The server could not be joined."))
        return
    if await dialogs.ask(
        window,
        window.theme,
        title=window.tr("Join a server"),
        text=window.tr(
            "Join the server {server} at {address} as {name}? Do so only if you know who gave you"
            " this file: the server's administrator sees what you do there."
        ).format(server=invitation.server, address=invitation.nats_url, name=invitation.name),
        action=window.tr("Join"),
    ):
        await window.server_commands.join(path)
