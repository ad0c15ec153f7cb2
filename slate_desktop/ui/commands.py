"""What the actions do: coroutines over the workspace, with their questions and error messages."""

from __future__ import annotations

import asyncio
import contextlib
from pathlib import Path
from typing import TYPE_CHECKING

import shiboken6
from PySide6.QtWidgets import QDialog

from slate_desktop.domain.engine import (
    EngineDetection,
    default_container_config,
    detect_engine,
)
from slate_desktop.domain.session import SessionStatus
from slate_desktop.errors import OutcomeUnknownError, SlateError
from slate_desktop.translation import plural
from slate_desktop.ui import dialogs, folders
from slate_desktop.ui.dialogs import ProblemDialog
from slate_desktop.ui.problems import Problem, describe

if TYPE_CHECKING:
    from slate_desktop.control.models import RuntimeSessionModel
    from slate_desktop.ui.add_project import AddProjectDialog
    from slate_desktop.ui.execute_dialog import ExecuteDialog
    from slate_desktop.ui.window import MainWindow


class Commands:
    """One per window. Every method may be spawned as a task of the window."""

    def __init__(self, window: MainWindow) -> None:
        self._window = window
        self._history: list[str] = []

    # -- sessions --------------------------------------------------------------------------

    async def start(self) -> None:
        """Start the chosen session, or a new one of the chosen project."""
        window, work = self._window, self._window.workspace
        form = window.details.form
        form.check()
        if not form.is_valid:
            return
        session, project = work.session, work.project
        key = work.current_session_id or work.current_project_id
        if window.binding.config.key != key:
            # The form still shows what was chosen before.
            await window.reload_config()
            if window.binding.config.key != key:
                return
        state = session.status if session is not None else None
        request = form.request() if can_edit(state) else None
        host = form.host.wanted
        new_of = None
        if session is None:
            if project is None:
                return
            window.binding.set_creating(True)
            try:
                session = await work.create_session(project.id, request)
            except SlateError as error:
                window.show_error(error, window.tr("The session could not be created."))
                return
            finally:
                window.binding.set_creating(False)
            new_of, request = project.id, None
        window.last_command[session.id] = window.tr("The session could not be started.")
        model = await work.open_model(session.id)
        if model is None:
            return
        if await model.start(request, host=host) is not None:
            window.last_command.pop(session.id, None)
            window.drafts.pop(session.id, None)
            if new_of is not None:
                window.drafts.pop(new_of, None)
        elif new_of is not None:
            await self._take_back(model, new_of)

    async def _take_back(self, model: RuntimeSessionModel, project_id: str) -> None:
        """Remove a session whose first start was refused: nothing of it ever ran.

        One whose outcome is unknown stays, since it may be starting.
        """
        error, work = model.error, self._window.workspace
        session = model.session
        if error is None or isinstance(error, OutcomeUnknownError):
            return
        if session is None or session.status is not SessionStatus.CREATING:
            return
        with contextlib.suppress(SlateError):
            await work.remove_session(model.session_id)
            work.choose_project(project_id)
            self._window.show_error(error, self._window.tr("The session could not be started."))

    async def _chosen_model(self) -> RuntimeSessionModel | None:
        """Return the chosen session's model; its log may be closed, or still opening."""
        work = self._window.workspace
        session = work.session
        return None if session is None else await work.open_model(session.id)

    async def stop(self) -> None:
        """Stop the chosen session."""
        session = self._window.workspace.session
        if session is not None:
            await self.stop_session(session.id)

    async def stop_session(self, session_id: str) -> None:
        """Stop a session, whether it is chosen or not."""
        model = await self._window.workspace.open_model(session_id)
        if model is not None:
            text = self._window.tr("The session could not be stopped.")
            self._window.last_command[model.session_id] = text
            self._forget_command(model, await model.stop())

    async def restart(self) -> None:
        """Restart the chosen session."""
        model = await self._chosen_model()
        if model is not None:
            text = self._window.tr("The session could not be restarted.")
            self._window.last_command[model.session_id] = text
            self._forget_command(model, await model.restart())

    def _forget_command(self, model: RuntimeSessionModel, outcome: object) -> None:
        """What goes wrong after a command was done has nothing to do with it."""
        if outcome is not None:
            self._window.last_command.pop(model.session_id, None)

    async def execute(self) -> None:
        """Open the Execute prompt of the chosen session."""
        window, session = self._window, self._window.workspace.session
        if session is None or window.workspace.slate is None:
            return
        title = window.session_title(session)
        from slate_desktop.ui.execute_dialog import ExecuteDialog

        dialog = ExecuteDialog(window, window.theme, title, self._history)
        dialog.execute_wanted.connect(
            lambda argv, limit: window.tasks.spawn(
                self._execute(dialog, session.id, argv, limit), "execute", dialog
            )
        )
        await dialogs.wait_for(dialog)

    async def _execute(
        self, dialog: ExecuteDialog, session_id: str, argv: list[str], limit_s: float
    ) -> None:
        slate = self._window.workspace.slate
        try:
            if slate is None:
                return
            result = await slate.execute_command(session_id, argv, limit_s)
        except SlateError as error:
            if shiboken6.isValid(dialog):
                dialog.show_problem(describe(error))
        else:
            if shiboken6.isValid(dialog):
                dialog.show_result(result)

    async def remove_session(self) -> None:
        """Remove the chosen session after asking."""
        window, session = self._window, self._window.workspace.session
        if session is None:
            return
        title = window.session_title(session)
        is_sure = await dialogs.ask(
            window,
            window.theme,
            title=window.tr("Remove session"),
            text=window.tr("Remove {title} and its log from the list?").format(title=title),
            action=window.tr("Remove session"),
            is_danger=True,
        )
        if is_sure:
            await self._guarded(
                window.workspace.remove_session(session.id),
                window.tr("The session could not be removed."),
            )

    # -- projects --------------------------------------------------------------------------

    async def add_project(self, folder: str = "") -> None:
        """Ask for a folder and add it."""
        window = self._window
        from slate_desktop.ui.add_project import AddProjectDialog

        dialog = AddProjectDialog(window, window.theme, "")
        dialog.look_wanted.connect(
            lambda text: window.tasks.spawn(self._look(dialog, text), "detect engine", dialog)
        )
        dialog.browse_wanted.connect(
            lambda: window.tasks.spawn(self._browse(dialog), "choose folder", dialog)
        )
        project = window.workspace.project
        if not folder and project is not None and folders.is_folder(project):
            folder = project.root
        dialog.folder.setText(folder)
        while await self._dialog_accepted(dialog):
            root, name, engine, command = dialog.values
            try:
                await window.workspace.add_project(root, name, engine, command)
            except SlateError as error:
                problem = describe(error)
                dialog.show_error("\n".join(p for p in (problem.why, problem.next_step) if p))
                continue
            break
        dialog.deleteLater()

    @staticmethod
    async def _dialog_accepted(dialog: AddProjectDialog) -> bool:
        future: asyncio.Future[int] = asyncio.get_running_loop().create_future()

        def on_finished(result: int) -> None:
            if not future.done():
                future.set_result(result)

        connection = dialog.finished.connect(on_finished)
        dialogs.make_room(dialog)
        dialogs.add_help(dialog)
        dialog.open()
        try:
            return await future == QDialog.DialogCode.Accepted
        finally:
            if shiboken6.isValid(dialog):
                dialog.finished.disconnect(connection)
                dialog.hide()

    async def _look(self, dialog: AddProjectDialog, text: str) -> None:
        found = await asyncio.to_thread(_look_at, text.strip())
        if shiboken6.isValid(dialog):
            dialog.show_finding(text, found)

    async def _browse(self, dialog: AddProjectDialog) -> None:
        start = dialog.root if dialog.folder.text().strip() else None
        title = self._window.tr("Folder of the game")
        chosen = await dialogs.choose_directory(dialog, title, start)
        if chosen is not None and shiboken6.isValid(dialog):
            dialog.folder.setText(str(chosen))

    async def remove_project(self) -> None:
        """Remove the chosen project after asking."""
        window, project = self._window, self._window.workspace.project
        if project is None:
            return
        if folders.is_folder(project):
            window.workspace.close_folder(project.id)
            return
        text = window.tr("Remove {name} from SLATE? The files in {root} stay as they are.")
        is_sure = await dialogs.ask(
            window,
            window.theme,
            title=window.tr("Remove project"),
            text=text.format(name=project.name, root=project.root),
            action=window.tr("Remove project"),
            is_danger=True,
        )
        if is_sure:
            await self._guarded(
                window.workspace.remove_project(project.id),
                window.tr("The project could not be removed."),
            )

    async def keep_for_project(self) -> None:
        """Start every new session of the project with the values of the form."""
        window, project = self._window, self._window.workspace.project
        slate = window.workspace.slate
        if project is None or slate is None or not window.details.form.is_valid:
            return
        from slate_desktop.control.configs import chosen_fields

        preset = default_container_config(project.engine, project.engine_version)
        settings = chosen_fields(window.details.form.config(), preset)
        what = window.tr("The values could not be kept.")
        if not await self._guarded(slate.update_project(project.id, settings=settings), what):
            return
        window.drafts.pop(project.id, None)
        await self._guarded(window.workspace.refresh_projects(), what)
        await window.reload_config()

    async def reset_config(self) -> None:
        """Take back changes; where there are none, forget what was kept for the project."""
        window, work = self._window, self._window.workspace
        key = work.current_session_id or work.current_project_id or ""
        form = window.details.form
        is_changed = form.is_changed or not form.is_valid
        window.drafts.pop(key, None)
        project = work.project
        if not is_changed and work.session is None and project is not None and work.slate:
            what = window.tr("The values could not be forgotten.")
            await self._guarded(work.slate.update_project(project.id, settings={}), what)
            await self._guarded(work.refresh_projects(), what)
        await window.reload_config()

    # -- console ---------------------------------------------------------------------------

    async def save_log(self) -> None:
        """Save the shown lines to a file."""
        window = self._window
        if not window.console.has_lines:
            return
        session = window.workspace.find_session(window.console.current_id)
        kind = session.runtime_type if session is not None else "console"
        name = f"{kind}-{session.id[:8]}.log" if session is not None else f"{kind}.log"
        title = window.tr("Save the shown lines")
        path = await dialogs.choose_save_file(
            window,
            title,
            name,
            [
                window.tr("Log: text, JSON lines, or either compressed")
                + " (*.log *.jsonl *.log.gz *.jsonl.gz)"
            ],
        )
        if path is None:
            return
        try:
            count = await window.console.save(path)
        except OSError as error:
            problem = Problem(
                what=window.tr("The log could not be saved."),
                why=window.tr("{path}: {why}.").format(path=path, why=error.strerror or error),
                next_step=window.tr("Choose another place."),
                raw=repr(error),
            )
            await self.show_problem(problem)
            return
        window.say(
            plural(
                "{count} line saved to {path}", "{count} lines saved to {path}", count, path=path
            )
        )

    async def load_older(self, session_id: str) -> None:
        """Put an older page in front of a log."""
        model = self._window.workspace.models.get(session_id)
        if model is not None and model.has_older_logs:
            await model.load_older_logs()

    # -- errors ----------------------------------------------------------------------------

    async def show_problem(self, problem: Problem) -> None:
        """Open the dialog with the raw text."""
        dialog = ProblemDialog(self._window, self._window.theme, problem)
        dialog.report_wanted.connect(self._window.registry["help.support"].trigger)
        await dialogs.wait_for(dialog)

    async def _guarded(self, work: object, what: str) -> bool:
        """Do it, or show why not; tells whether it was done."""
        try:
            await work  # type: ignore[misc]
        except SlateError as error:
            self._window.show_error(error, what)
            return False
        return True


def _look_at(folder: str) -> EngineDetection | None:
    root = Path(folder).expanduser()
    return detect_engine(root) if folder and root.is_dir() else None


def can_edit(status: SessionStatus | None) -> bool:
    """Tell whether a session's configuration can be changed, None for a new one."""
    return status in (None, SessionStatus.CREATING, SessionStatus.STOPPED, SessionStatus.FAILED)


def can_start(status: SessionStatus | None) -> bool:
    """Tell whether Start has a meaning; a lost one starts on a host that answers."""
    return can_edit(status) or status is SessionStatus.LOST


def can_stop(status: SessionStatus | None) -> bool:
    """Tell whether Stop has a meaning."""
    return status in (SessionStatus.STARTING, SessionStatus.RUNNING, SessionStatus.LOST)
