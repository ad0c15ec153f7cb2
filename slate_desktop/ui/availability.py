"""Which actions can be used now, and why the others cannot."""

from __future__ import annotations

from typing import TYPE_CHECKING

from slate_desktop.domain.session import SessionStatus
from slate_desktop.ui import folders
from slate_desktop.ui.commands import can_edit, can_start, can_stop
from slate_desktop.ui.console.commands import NEED_LOG

if TYPE_CHECKING:
    from slate_desktop.ui.window import MainWindow


class Availability:
    """Switches the actions of a window on and off, each with its reason."""

    def __init__(self, window: MainWindow) -> None:
        self._window = window
        # A session is being created, which takes Start away at once.
        self.is_creating = False

    def show(self) -> None:
        """Switch the actions of projects, sessions and the console."""
        self._show_start()
        self._show_running()
        registry, window = self._window.registry, self._window
        work, no_link = window.workspace, self._no_link()
        registry.set_enabled("project.add", not no_link, no_link)
        registry.set_enabled("audit.show", not no_link, no_link)
        can_remove = not no_link and work.project is not None
        registry.set_enabled(
            "project.remove", folders.is_folder(work.project) or can_remove, no_link
        )
        is_own = can_remove and not folders.is_folder(work.project)
        why = no_link or window.tr("Choose a project first.")
        for name in ("project.logs", "project.alerts", "project.members"):
            registry.set_enabled(name, is_own, why)
        for name in NEED_LOG:
            registry.set_enabled(
                f"console.{name}", window.console.has_lines, window.tr("No log is open.")
            )

    def show_documents(self) -> None:
        """Switch the actions of documents."""
        registry, area = self._window.registry, self._window.documents
        document = area.current
        why = self._window.tr("No document is open.")
        for name in ("close", "close_others", "pin", "reload", "reveal", "external", "copy_path"):
            registry.set_enabled(f"document.{name}", document is not None, why)
        can_save = document is not None and document.can_save
        registry.set_enabled("document.save", can_save, self._window.tr("Nothing to save here."))
        pin = registry["document.pin"]
        pin.blockSignals(True)
        pin.setChecked(document is not None and area.is_pinned(document))
        pin.blockSignals(False)

    # -- private ---------------------------------------------------------------------------

    def _show_start(self) -> None:
        window, work = self._window, self._window.workspace
        why = self._no_link()
        if work.project is None and work.session is None:
            why = why or window.tr("Choose a project first.")
        elif folders.is_folder(work.project):
            why = why or window.tr("This folder is no project yet: add it first (Ctrl+O).")
        elif not window.details.is_valid:
            why = why or window.tr("Correct the marked fields first.")
        elif not can_start(self._status()):
            why = why or window.tr("It is already running.")
        window.registry.set_enabled("session.start", not why and not self._is_busy(), why)

    def _show_running(self) -> None:
        registry, work = self._window.registry, self._window.workspace
        no_link, status = self._no_link(), self._status()
        is_on, is_free = not no_link, not self._is_busy()
        not_running = no_link or self._window.tr("Nothing is running.")
        is_running = is_on and status is SessionStatus.RUNNING
        registry.set_enabled("session.stop", is_on and can_stop(status), not_running)
        registry.set_enabled("session.restart", is_running and is_free, not_running)
        registry.set_enabled("session.execute", is_running, not_running)
        registry.set_enabled("session.new", work.session is not None, no_link)
        has_ended = work.session is not None and can_edit(status)
        registry.set_enabled("session.remove", is_on and has_ended and is_free, no_link)

    def _no_link(self) -> str:
        if self._window.workspace.slate is not None:
            return ""
        return self._window.tr("SLATE is not connected yet.")

    def _status(self) -> SessionStatus | None:
        session = self._window.workspace.session
        return session.status if session is not None else None

    def _is_busy(self) -> bool:
        model = self._window.workspace.model
        return self.is_creating or (model is not None and model.is_loading)
