"""The menu *Open recent*: the projects and folders that were looked at last, newest first."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QPoint, Qt, Signal
from PySide6.QtGui import QAction
from PySide6.QtWidgets import QMenu

from slate_desktop.errors import SlateError
from slate_desktop.ui import folders, icons, project_memory
from slate_desktop.ui.text import clean

if TYPE_CHECKING:
    from slate_desktop.domain.project import Project
    from slate_desktop.ui.window import MainWindow

# At most, in letters of the font and as a share of the window: the beginning and the end of a path
# tell which one it is.
_NAME, _PATH = (40, 0.3), (44, 0.32)


class RecentMenu(QMenu):
    """Filled when it opens. Choosing an entry leads to the project, as on the start page.

    Emits ``cleared`` when the list was emptied.
    """

    cleared = Signal()

    def __init__(self, window: MainWindow) -> None:
        super().__init__(window)
        self._window = window
        self._shown: dict[str, tuple[Project, QAction]] = {}
        self._missing: set[str] = set()
        self._is_looking = False
        self.setToolTipsVisible(True)
        self.aboutToShow.connect(self._fill)
        for changed in (window.workspace.projects_changed, window.workspace.current_changed):
            changed.connect(self.show_availability)
        self.show_availability()

    def show_availability(self) -> None:
        """Switch the entry of the menu on or off."""
        why = self._window.tr("No project or folder was opened yet.")
        self._window.registry.set_enabled("project.recent", bool(self._projects()), why)

    def open_by_itself(self) -> None:
        """Open below the menu bar, with the newest one marked: for the palette and for keys."""
        bar = self._window.menuBar()
        self.popup(bar.mapToGlobal(QPoint(8, bar.height())))
        self.setActiveAction(self.actions()[0])

    def _projects(self) -> list[Project]:
        window = self._window
        return project_memory.recent(window.state, window.workspace.projects)

    def _fill(self) -> None:
        tokens = self._window.theme.tokens
        self.clear()
        self._shown.clear()
        for number, project in enumerate(self._projects(), start=1):
            icon = "folder" if folders.is_folder(project) else "gamepad-2"
            action = self.addAction(icons.icon(icon, tokens, "text.muted"), "")
            action.triggered.connect(lambda *_, project=project: self._choose(project))
            self._shown[project.id] = (project, action)
            self._show_title(project, action, number)
        self.addSeparator()
        clear = self.addAction(self.tr("&Clear this list"), self._clear)
        clear.setToolTip(self.tr("Forget what was opened last; projects and their files stay"))
        if not self._is_looking:
            self._is_looking = True
            self._window.tasks.spawn(self._look(), "recent folders", self._window)

    def _show_title(self, project: Project, action: QAction, number: int) -> None:
        name, path = clean(project.name), clean(project.root)
        form = self.tr("{name} (folder missing)") if project.id in self._missing else "{name}"
        mark = self.fontMetrics().horizontalAdvance(form.format(name=""))
        title = form.format(name=self._cut(name, _NAME, mark)).replace("&", "&&")
        # What stands behind the tab has the column of the keys.
        action.setText(f"&{number}  {title}\t{self._cut(path, _PATH)}")
        # Zero-width space first: Qt guesses rich text from a leading tag.
        action.setToolTip(f"\u200b{name}\n{path}")

    def _cut(self, text: str, most: tuple[int, float], taken: int = 0) -> str:
        letters, share = most
        metrics = self.fontMetrics()
        room = min(letters * metrics.averageCharWidth(), round(share * self._window.width()))
        return metrics.elidedText(text, Qt.TextElideMode.ElideMiddle, room - taken)

    async def _look(self) -> None:
        """Mark the entries whose folder is not there; a slow disk holds nothing up."""
        roots = {name: Path(project.root) for name, (project, _) in self._shown.items()}
        try:
            self._missing = await asyncio.to_thread(
                lambda: {name for name, root in roots.items() if not _is_there(root)}
            )
        finally:
            self._is_looking = False
        for number, (project, action) in enumerate(self._shown.values(), start=1):
            self._show_title(project, action, number)
        # It may have become wider than there is room beside it.
        beyond = self.geometry().right() - self.screen().availableGeometry().right()
        if self.isVisible() and beyond > 0:
            self.move(max(0, self.x() - beyond), self.y())

    def _choose(self, project: Project) -> None:
        self._window.tasks.spawn(self._open(project), "open recent", self._window)

    async def _open(self, project: Project) -> None:
        window = self._window
        window.binding.leave_start()
        window.documents.show_overview()
        window.workspace.choose_project(project.id)
        window.projects.expand_project(project.id)
        path = Path(project.root)
        if await asyncio.to_thread(_is_there, path):
            return
        words = window.tr("The files of {name} cannot be shown.").format(name=clean(project.name))
        if self._may_be_elsewhere(project):
            window.say(words)
        else:
            error = SlateError(
                f"{path} is not there.", hint="Bring the folder back, or remove it from SLATE."
            )
            window.show_error(error, words)

    def _may_be_elsewhere(self, project: Project) -> bool:
        """Tell whether a project's folder may well be on somebody else's computer."""
        slate = self._window.workspace.slate
        return slate is not None and slate.profile != "local" and not folders.is_folder(project)

    def _clear(self) -> None:
        window = self._window
        project_memory.forget_recent(window.state, window.workspace.projects)
        self.show_availability()
        self.cleared.emit()


def _is_there(root: Path) -> bool:
    try:
        return root.is_dir()
    except OSError:  # it may be there, for somebody else
        return True
