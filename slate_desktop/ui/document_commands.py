"""What the actions for files and documents do. None of them needs a server."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from PySide6.QtGui import QGuiApplication

from slate_desktop.errors import SlateError
from slate_desktop.ui import dialogs, outside

if TYPE_CHECKING:
    from slate_desktop.ui.window import MainWindow


class DocumentCommands:
    """One per window."""

    def __init__(self, window: MainWindow) -> None:
        self._window = window

    def slots(self) -> dict[str, Callable[..., Any]]:
        """Return what the registry's actions call."""
        window = self._window

        def spawn(work: Callable[[], Any], name: str) -> Callable[[], object]:
            return lambda: window.tasks.spawn(work(), name, window)

        return {
            "folder.open": spawn(self.choose_folder, "open folder"),
            "file.open": spawn(self.choose_file, "open file"),
            "document.save": spawn(self.save, "save"),
            "document.reload": self._reload,
            "document.pin": self._pin,
            "document.reveal": lambda: self._with_path(outside.reveal),
            "document.external": lambda: self._with_path(outside.open_externally),
            "document.copy_path": lambda: self._with_path(
                lambda path: QGuiApplication.clipboard().setText(str(path))
            ),
            "document.close": spawn(self.close, "close document"),
            "document.close_others": spawn(self.close_others, "close documents"),
            "document.next": lambda: window.documents.step(1),
            "document.previous": lambda: window.documents.step(-1),
        }

    async def open_path(self, path: Path) -> None:
        """Open a folder in the tree or a file in a tab; says so when it is neither."""
        window = self._window
        path = await asyncio.to_thread(lambda: path.expanduser().absolute())
        if await asyncio.to_thread(path.is_dir):
            project = window.workspace.open_folder(path)
            window.projects.expand_project(project.id)
        elif await asyncio.to_thread(path.exists):
            window.documents.open_path(path)
        else:
            window.show_error(
                SlateError(f"{path} is not there."), window.tr("The path cannot be opened.")
            )

    async def choose_folder(self) -> None:
        """Let the user choose a folder to look at."""
        window = self._window
        chosen = await dialogs.choose_directory(window, window.tr("Open folder"), self._here())
        if chosen is not None:
            await self.open_path(chosen)

    async def choose_file(self) -> None:
        """Let the user choose a file to look at."""
        window = self._window
        chosen = await dialogs.choose_open_file(window, window.tr("Open file"), self._here())
        if chosen is not None:
            await self.open_path(chosen)

    async def save(self) -> None:
        """Save the document that is shown."""
        document = self._window.documents.current
        if document is not None:
            await document.save()

    async def close(self) -> None:
        """Close the document that is shown."""
        document = self._window.documents.current
        if document is not None:
            await self._window.documents.close_document(document)

    async def close_others(self) -> None:
        """Close all documents but the one that is shown and the pinned ones."""
        document = self._window.documents.current
        if document is not None:
            await self._window.documents.close_others(document)

    async def close_window(self, then: Callable[[], object]) -> None:
        """Close the window, after one question where something is not saved."""
        if await self._window.documents.may_close_all():
            then()
        else:
            self._window.next_profile = None

    def _here(self) -> Path | None:
        project = self._window.workspace.project
        return Path(project.root) if project is not None else None

    def _reload(self) -> None:
        document = self._window.documents.current
        if document is not None:
            document.start()

    def _pin(self, is_on: bool) -> None:
        document = self._window.documents.current
        if document is not None:
            self._window.documents.set_pinned(document, is_on)

    def _with_path(self, then: Callable[[Path], object]) -> None:
        document = self._window.documents.current
        if document is not None:
            try:
                then(document.path)
            except SlateError as error:
                self._window.show_error(error)
