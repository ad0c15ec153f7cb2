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
        # Where a session or a project's next one is to start, by its id.
        self._hosts: dict[str, str] = {}
        window.details.host_chosen.connect(self._keep_host)

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
        is_live = work.session is not None and not can_edit(work.session.status)
        if is_live:
            window.drafts.pop(key, None)
        await self._show_hosts(key, is_live=is_live)
        return True

    async def _show_hosts(self, key: str, *, is_live: bool) -> None:
        """Offer the hosts; of a live session only the one where it runs is of interest."""
        slate, session = self._work.slate, self._work.session
        try:
            hosts = [] if slate is None else await slate.list_hosts()
        except SlateError:
            return  # what was offered stays; the lamps say what is away
        if key == self.chosen_key:
            runs_on = session.agent_id if session is not None and is_live else None
            self._window.details.form.set_hosts(hosts, runs_on or self._hosts.get(key))

    def _keep_host(self) -> None:
        wanted = self._window.details.form.host.wanted
        if wanted is None:
            self._hosts.pop(self.key, None)
        else:
            self._hosts[self.key] = wanted

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
