"""Where the command palette leads: sessions, documents, projects, builds and assets."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from slate_desktop.ui import status
from slate_desktop.ui.command_palette import Command

if TYPE_CHECKING:
    from slate_desktop.ui.window import MainWindow

_MAX_SESSIONS, _MAX_BUILDS, _MAX_ASSETS = 50, 50, 40
_MIN_LETTERS = 2
_FRESH_S = 5.0
_ICONS = {"texture": "file-image", "model": "file-box", "audio": "file-audio", "video": "film"}


class PalettePlaces:
    """One per window. Assets are looked for by their path, as there may be 50,000."""

    def __init__(self, window: MainWindow) -> None:
        self._window = window
        self._root: Path | None = None
        self._assets: list[tuple[str, str, str]] = []
        self._read_at = 0.0
        self._is_reading = False

    def places(self) -> Iterable[Command]:
        """Yield all places but assets, and look for those of the chosen project again."""
        self._read_assets()
        window, work = self._window, self._window.workspace
        for session in work.sessions[:_MAX_SESSIONS]:
            yield Command(
                title=window.session_title(session),
                run=lambda session_id=session.id: work.choose_session(session_id),
                group=window.tr("Session"),
                hint=status.session_words(session),
                icon="terminal",
            )
        for document in window.documents.documents:
            yield Command(
                title=document.title,
                run=lambda path=document.path: window.documents.open_path(path),
                group=window.tr("Document"),
                hint=str(document.path),
                icon="file",
            )
        for project in work.projects:
            yield Command(
                title=project.name,
                run=lambda project_id=project.id: work.choose_project(project_id),
                group=window.tr("Project"),
                hint=project.root,
                icon="gamepad-2",
            )
        yield from self._builds()

    def search(self, text: str) -> Iterable[Command]:
        """Yield the chosen project's assets whose path holds all words of ``text``."""
        words = text.lower().split()
        root, window = self._root, self._window
        if root is None or sum(map(len, words)) < _MIN_LETTERS:
            return
        found = 0
        for lower, path, kind in self._assets:
            if all(word in lower for word in words):
                yield Command(
                    title=path,
                    run=lambda path=root / path: window.documents.open_path(path),
                    group=window.tr("Asset"),
                    hint=kind,
                    icon=_ICONS.get(kind, "file"),
                )
                found += 1
                if found == _MAX_ASSETS:
                    return

    def _builds(self) -> Iterable[Command]:
        binding = self._window.late.binding
        if binding is None:
            return
        from slate_desktop.ui.builds import words

        window = self._window
        for build in binding.builds[:_MAX_BUILDS]:
            project = window.workspace.find_project(build.project_id)
            yield Command(
                title=words.title(build, project.name if project is not None else ""),
                run=lambda build_id=build.id: window.tasks.spawn(
                    binding.show_build(build_id), "show build", window
                ),
                group=window.tr("Build"),
                hint=words.state_words(build),
                icon="package",
            )

    def _read_assets(self) -> None:
        project = self._window.workspace.project
        root = Path(project.root) if project is not None else None
        is_fresh = root == self._root and time.monotonic() - self._read_at < _FRESH_S
        if self._is_reading or is_fresh:
            return
        if root != self._root:
            self._root, self._assets = root, []
        if root is not None:
            self._is_reading = True
            self._window.tasks.spawn(self._scan(root), "assets of the palette", self._window)

    async def _scan(self, root: Path) -> None:
        from slate_desktop.control.asset_index import scan

        try:
            found = await asyncio.to_thread(scan, root)
        finally:
            self._is_reading = False
        if root == self._root:
            self._assets = [(entry.path.lower(), entry.path, entry.kind) for entry in found]
            self._read_at = time.monotonic()
            self._window.palette_.refresh()
