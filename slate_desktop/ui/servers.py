"""Joins servers and changes between them; the window then opens anew on the other one."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from slate_desktop.errors import SlateError
from slate_desktop.translation import sentence
from slate_desktop.ui import dialogs
from slate_desktop.ui.problems import describe

if TYPE_CHECKING:
    from slate_desktop.diagnosis.check import Check
    from slate_desktop.ui.servers_dialog import ServerRow, ServersDialog
    from slate_desktop.ui.window import MainWindow


class ServerCommands:
    """One per window."""

    def __init__(self, window: MainWindow) -> None:
        self._window = window

    def slots(self) -> dict[str, Callable[..., Any]]:
        """Return what the registry's actions call."""
        window = self._window
        return {
            "server.choose": lambda: window.tasks.spawn(self.choose(), "servers", window),
            "server.join": lambda: window.tasks.spawn(self.join(), "join server", window),
        }

    async def choose(self) -> None:
        """Show the servers, and do what is wanted with them until the dialog is closed."""
        from slate_desktop.ui.servers_dialog import ServersDialog

        window = self._window
        dialog = ServersDialog(window, window.theme)

        def spawn(work: Callable[..., Any], name: str) -> Callable[..., object]:
            return lambda *values: window.tasks.spawn(work(dialog, *values), name, dialog)

        dialog.use_wanted.connect(spawn(self._use, "use server"))
        dialog.leave_wanted.connect(spawn(self._leave, "forget server"))
        dialog.join_wanted.connect(spawn(self._join, "join server"))
        dialog.test_wanted.connect(spawn(self._test, "test server"))
        dialog.show_rows(await asyncio.to_thread(_rows, self._used()))
        await dialogs.wait_for(dialog)

    async def join(self, file: Path | None = None) -> None:
        """Join the server of a join file, which the user chooses where none is given."""
        window = self._window
        file = file or await self._choose_file()
        if file is None:
            return
        window.say(window.tr("Joining…"))
        try:
            name = await _join(file)
        except SlateError as error:
            window.show_error(error, window.tr("The server could not be joined."))
            return
        finally:
            window.say("")
        if await dialogs.ask(
            window,
            window.theme,
            title=window.tr("Joined {name}").format(name=name),
            text=window.tr("You have joined {name}. Open SLATE on it now?").format(name=name),
            action=window.tr("Use {name}").format(name=name),
        ):
            await self._remember(name)
            self._open_anew(name)

    async def _join(self, dialog: ServersDialog) -> None:
        file = await self._choose_file()
        if file is None:
            return
        dialog.show_message("")
        dialog.set_busy(True)
        try:
            name = await _join(file)
        except SlateError as error:
            problem = describe(error, self._window.tr("The server could not be joined."))
            said = (problem.what, problem.why, problem.next_step)
            dialog.show_message(" ".join(part for part in said if part))
        else:
            rows = await asyncio.to_thread(_rows, self._used())
            dialog.show_rows(rows)
            dialog.list.setCurrentRow([row.name for row in rows].index(name))
        finally:
            dialog.set_busy(False)

    async def _leave(self, dialog: ServersDialog, name: str) -> None:
        window = self._window
        if not await dialogs.ask(
            dialog,
            window.theme,
            title=window.tr("Forget {name}").format(name=name),
            text=window.tr(
                "Forget {name} on this computer, with your key for it? To use it again you need a"
                " new invitation. Nothing is removed from the server."
            ).format(name=name),
            action=window.tr("Forget"),
            is_danger=True,
        ):
            return
        from slate_desktop.control import joining

        try:
            await joining.leave(name)
        except SlateError as error:
            dialog.show_message(sentence(str(error)))
        dialog.show_rows(await asyncio.to_thread(_rows, self._used()))

    async def _test(self, dialog: ServersDialog, name: str) -> None:
        from slate_desktop.diagnosis.profile import check_profile

        dialog.show_message("")
        dialog.show_findings(())
        dialog.set_busy(True)
        found: list[Check] = []
        try:
            async for check in check_profile(name):
                found.append(check)
                dialog.show_findings(found)
        finally:
            dialog.set_busy(False)

    async def _use(self, dialog: ServersDialog, name: str) -> None:
        try:
            await self._remember(name)
        except SlateError as error:
            dialog.show_message(sentence(str(error)))
        else:
            # A window does not close while a dialog of it is open.
            dialog.accept()
            self._open_anew(name)

    async def _remember(self, name: str) -> None:
        from slate_desktop.settings.model import save_settings

        await asyncio.to_thread(save_settings, {"profile": name})

    def _open_anew(self, name: str) -> None:
        """Close in order, and open again on another server; unsaved files are asked about."""
        self._window.next_profile = name
        self._window.quit()

    async def _choose_file(self) -> Path | None:
        window = self._window
        return await dialogs.choose_open_file(window, window.tr("Join a server: the join file"))

    def _used(self) -> str:
        """The profile that this window is on, or tries to be on."""
        slate = self._window.workspace.slate
        return self._window.profile or (slate.profile if slate is not None else "")


def _rows(used: str) -> list[ServerRow]:
    from slate_desktop.control import profiles
    from slate_desktop.settings import joined
    from slate_desktop.settings.model import load_settings
    from slate_desktop.ui.servers_dialog import ServerRow

    settings = load_settings()
    if not used:
        used = settings.profile
        if used == "auto":
            used = "local" if settings.is_local else "remote"
    others = joined.names()
    rows = []
    for name in profiles.names():
        address = settings.nats_url or "" if name == "remote" else ""
        if name in others:
            try:
                address = joined.read(joined.directory_of(name)).server.nats_url
            except SlateError:
                continue  # damaged: `slate connect` writes it anew
        is_used = name == used
        can_leave = name in others and not is_used
        rows.append(ServerRow(name=name, address=address, is_used=is_used, can_leave=can_leave))
    return rows


async def _join(file: Path) -> str:
    from slate_desktop.control import joining
    from slate_desktop.domain.joining import Joiner

    invitation = await asyncio.to_thread(joining.load_join_file, file)
    joining.check_is_for(invitation, Joiner.PERSON)
    return (await joining.join(invitation)).server.name
