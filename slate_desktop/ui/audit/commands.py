"""Shows the audit trail, keeps it fresh while somebody looks, and writes it as a table."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from slate_desktop.errors import SlateError
from slate_desktop.translation import plural, sentence
from slate_desktop.ui import dialogs

if TYPE_CHECKING:
    from slate_desktop.control.client import Slate
    from slate_desktop.ui.audit.dialog import AuditDialog
    from slate_desktop.ui.window import MainWindow

PAGE = 200
# More is for the exported table.
MOST = 4_800
_FRESH_S = 3.0


async def show_audit(window: MainWindow) -> None:
    """Open the dialog on the chosen project's trail, until it is closed."""
    from slate_desktop.ui.audit.dialog import AuditDialog

    slate = window.workspace.slate
    if slate is None:
        return
    try:
        projects = await slate.list_projects()
    except SlateError as error:
        window.show_error(error, window.tr("The audit trail cannot be shown."))
        return
    dialog = AuditDialog(window, window.theme, projects)
    chosen = window.workspace.project
    dialog.projects.setCurrentIndex(max(0, dialog.projects.findData(chosen.id if chosen else "")))
    reader = _Reader(slate, dialog)
    tasks = window.tasks
    dialog.wanted.connect(reader.begin_again)
    dialog.older_wanted.connect(reader.take_older)
    dialog.export_wanted.connect(
        lambda: tasks.spawn(_export(window, slate, dialog), "export audit", dialog)
    )
    tasks.spawn(reader.run(), "read audit", dialog)
    await dialogs.wait_for(dialog)


class _Reader:
    """Reads the entries that the dialog wants; only one read at a time."""

    def __init__(self, slate: Slate, dialog: AuditDialog) -> None:
        self._slate = slate
        self._dialog = dialog
        self._limit = PAGE
        self._now = asyncio.Event()

    def begin_again(self) -> None:
        """Another project or span was chosen."""
        self._limit = PAGE
        self._now.set()

    def take_older(self) -> None:
        """More of the same are wanted."""
        self._limit = min(self._limit + PAGE, MOST)
        self._now.set()

    async def run(self) -> None:
        """Read until cancelled, which happens when the dialog goes."""
        dialog = self._dialog
        while True:
            self._now.clear()
            limit = self._limit
            try:
                found = await self._slate.list_audit(
                    dialog.project_id, since=dialog.since, limit=limit + 1
                )
            except SlateError as error:
                dialog.show_message(sentence(str(error)))
            else:
                if not self._now.is_set():
                    dialog.show_message("")
                    has_older = limit < len(found) and limit < MOST
                    dialog.show_entries(found[:limit], has_older=has_older)
            try:
                async with asyncio.timeout(_FRESH_S):
                    await self._now.wait()
            except TimeoutError:
                continue


async def _export(window: MainWindow, slate: Slate, dialog: AuditDialog) -> None:
    path = await dialogs.choose_save_file(
        dialog, window.tr("Export the audit trail"), "audit.csv", (window.tr("Table (*.csv)"),)
    )
    if path is None:
        return
    if not path.suffix:
        path = path.with_suffix(".csv")
    person = dialog.people.currentData() or None
    try:
        count = await slate.export_audit(path, dialog.project_id, since=dialog.since, person=person)
    except SlateError as error:
        dialog.show_message(sentence(str(error)))
        return
    window.say(
        plural(
            "{count:,} row is in {path}.", "{count:,} rows are in {path}.", count, path=path.name
        )
    )
