"""The configuration form: filled for what is chosen, kept as a draft while it is edited."""

from __future__ import annotations

from typing import TYPE_CHECKING

from slate_desktop.domain.container import ContainerConfig, parse_container_config
from slate_desktop.domain.engine import default_container_config
from slate_desktop.errors import SlateError
from slate_desktop.ui import folders
from slate_desktop.ui.commands import can_edit

if TYPE_CHECKING:
    from slate_desktop.ui.window import MainWindow


class ConfigBinding:
    """Fills the form with what the chosen session or project starts with."""

    def __init__(self, window: MainWindow) -> None:
        self._window = window
        self._work = window.workspace
        # Whose configuration the form holds.
        self.key = ""

    @property
    def chosen_key(self) -> str:
        """What is chosen now: a session, else a project, else nothing."""
        return self._work.current_session_id or self._work.current_project_id or ""

    async def load(self) -> bool:
        """Fill the form anew; False where there is nothing to fill it with any more."""
        window, work = self._window, self._work
        key = self.chosen_key
        try:
            base = await self._base_config()
        except SlateError as error:
            window.show_error(error, window.tr("The configuration could not be read."))
            return False
        if base is None or key != self.chosen_key:
            return False
        self.key = key
        draft = window.drafts.get(key)
        window.details.set_config(draft or base, base=base)
        if work.session is not None and not can_edit(work.session.status):
            window.drafts.pop(key, None)
        return True

    def keep_draft(self) -> None:
        """Remember what was changed in the form, so that it is there when one comes back."""
        form, drafts = self._window.details.form, self._window.drafts
        if self.chosen_key != self.key or not form.is_valid:
            return
        if form.is_changed:
            drafts[self.key] = form.config()
        else:
            drafts.pop(self.key, None)

    async def _base_config(self) -> ContainerConfig | None:
        work = self._work
        if work.session is not None:
            if work.slate is None:
                return parse_container_config(work.session.container_config)
            return await work.slate.effective_config(work.session)
        if work.project is None:
            return None
        if work.slate is not None and not folders.is_folder(work.project):
            return await work.slate.default_container_config(work.project.id)
        return default_container_config(work.project.engine, work.project.engine_version)
