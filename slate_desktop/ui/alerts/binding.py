"""Tells of alerts as they come, and opens the dialog of a project's rules."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec
from PySide6.QtWidgets import QApplication

from slate_desktop.errors import SlateError
from slate_desktop.translation import sentence

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from slate_desktop.control.alert_feed import AlertFeed
    from slate_desktop.control.client import Slate
    from slate_desktop.domain.alerts import Alert, AlertRule
    from slate_desktop.ui.alerts.dialog import AlertsDialog
    from slate_desktop.ui.window import MainWindow

_SHOWN_ALERTS = 200


class AlertBinding:
    """One per window."""

    def __init__(self, window: MainWindow) -> None:
        self._window = window
        self._feed: AlertFeed | None = None
        self._end: Callable[[], None] | None = None
        self._dialog: AlertsDialog | None = None
        window.workspace.connected.connect(self._on_connected)

    def close(self) -> None:
        """Tell nothing more."""
        if self._end is not None:
            self._end()
            self._end = None
        if self._feed is not None:
            self._feed.close()

    def open(self) -> None:
        """Show the rules of the chosen project."""
        self._window.tasks.spawn(self._show(), "alerts", self._window)

    # -- as they come ----------------------------------------------------------------------

    def _on_connected(self) -> None:
        slate, notices = self._window.workspace.slate, self._window.workspace.notices
        if slate is None or notices is None:
            return
        from slate_desktop.control.alert_feed import AlertFeed

        self.close()
        self._feed = AlertFeed(notices, self._name_of, self._draw_the_eye)
        self._end = slate.events.on_alert(self._on_alert)

    def _on_alert(self, alert: Alert) -> None:
        if self._feed is not None:
            self._feed.take(alert)
        self._window.performance.ask_soon()
        if self._dialog is not None:
            self._spawn(self._fill(self._dialog))

    def _draw_the_eye(self) -> None:
        if not self._window.isActiveWindow():
            QApplication.alert(self._window)

    def _name_of(self, session_id: str) -> str:
        session = self._window.workspace.find_session(session_id)
        return self._window.session_title(session) if session else session_id[:8]

    # -- the dialog ------------------------------------------------------------------------

    async def _show(self) -> None:
        from slate_desktop.ui import dialogs
        from slate_desktop.ui.alerts.dialog import AlertsDialog

        window, project = self._window, self._window.workspace.project
        if project is None or window.workspace.slate is None:
            return
        dialog = AlertsDialog(window, window.theme, project.name)
        dialog.setProperty("project", project.id)
        dialog.add_wanted.connect(lambda: self._spawn(self._edit(dialog, None)))
        dialog.change_wanted.connect(lambda rule: self._spawn(self._edit(dialog, rule)))
        dialog.remove_wanted.connect(lambda rule: self._spawn(self._remove(dialog, rule)))
        dialog.switched.connect(lambda rule, on: self._spawn(self._switch(dialog, rule, on)))
        dialog.alert_chosen.connect(lambda alert: self._spawn(self._go(dialog, alert)))
        self._dialog = dialog
        try:
            if await self._fill(dialog):
                await dialogs.wait_for(dialog)
            else:
                dialog.deleteLater()
        finally:
            self._dialog = None

    async def _fill(self, dialog: AlertsDialog) -> bool:
        """Read rules and alerts; tells whether that could be."""
        slate, project_id = self._window.workspace.slate, dialog.property("project")
        if slate is None:
            return False
        try:
            rules = await slate.list_alert_rules(project_id)
            alerts = await slate.list_alerts(project_id, limit=_SHOWN_ALERTS)
        except SlateError as error:
            self._window.show_error(error, self._window.tr("The alerts could not be read."))
            return False
        if self._dialog is dialog:
            names = {alert.session_id: self._name_of(alert.session_id) for alert in alerts}
            dialog.set_rules(rules)
            dialog.set_alerts(alerts, names)
        return True

    async def _edit(self, dialog: AlertsDialog, rule: AlertRule | None) -> None:
        from slate_desktop.ui import dialogs
        from slate_desktop.ui.alerts.editor import RuleEditor

        slate, project_id = self._window.workspace.slate, dialog.property("project")
        if slate is None:
            return
        try:
            rules = await slate.list_alert_rules(project_id)
        except SlateError as error:
            await self._tell(dialog, error)
            return
        names = [known.name for known in rules if rule is None or known.id != rule.id]
        session_id = self._window.workspace.current_session_id
        editor = RuleEditor(dialog, names, rule, can_test=session_id is not None)
        editor.test_wanted.connect(
            lambda wanted: self._spawn(self._try(slate, editor, wanted, session_id or ""))
        )
        if not await dialogs.wait_for(editor) or editor.rule is None:
            return
        change = slate.add_alert_rule if rule is None else slate.change_alert_rule
        await self._do(dialog, change(project_id, editor.rule))

    async def _try(self, slate: Slate, editor: object, rule: AlertRule, session_id: str) -> None:
        import shiboken6

        from slate_desktop.domain.alerts import alert_words
        from slate_desktop.ui.alerts.editor import RuleEditor

        tr = self._window.tr
        try:
            trial = await slate.test_alert_rule(rule, session_id)
        except SlateError as error:
            words = sentence(str(error))
        else:
            told = tr("1 alert") if len(trial.alerts) == 1 else tr("{n} alerts")
            words = tr("Of {all} looked at, {matches} match: {alerts}.").format(
                all=f"{trial.looked_at:,}",
                matches=f"{trial.matches:,}",
                alerts=told.format(n=len(trial.alerts)),
            )
            words = "\n".join(
                [words, *(sentence(alert_words(alert)) for alert in trial.alerts[:3])]
            )
        if isinstance(editor, RuleEditor) and shiboken6.isValid(editor):
            editor.show_outcome(words)

    async def _remove(self, dialog: AlertsDialog, rule: AlertRule) -> None:
        from slate_desktop.ui import dialogs

        tr, slate = self._window.tr, self._window.workspace.slate
        text = tr("Remove the rule {name} for everybody in the project? What it told stays.")
        is_wanted = await dialogs.ask(
            dialog,
            self._window.theme,
            title=tr("Remove rule"),
            text=text.format(name=rule.name),
            action=tr("Remove"),
            is_danger=True,
        )
        if is_wanted and slate is not None:
            await self._do(dialog, slate.remove_alert_rule(dialog.property("project"), rule.id))

    async def _switch(self, dialog: AlertsDialog, rule: AlertRule, is_on: bool) -> None:
        slate = self._window.workspace.slate
        if slate is not None:
            changed = msgspec.structs.replace(rule, is_enabled=is_on)
            await self._do(dialog, slate.change_alert_rule(dialog.property("project"), changed))

    async def _go(self, dialog: AlertsDialog, alert: Alert) -> None:
        """Close the dialog and show the moment of an alert in its log."""
        dialog.reject()
        from slate_desktop.ui.moments import show_moment

        await show_moment(self._window, alert.session_id, alert.at_ns)

    async def _do(self, dialog: AlertsDialog, change: Awaitable[object]) -> None:
        try:
            await change
        except SlateError as error:
            await self._tell(dialog, error)
        if self._dialog is dialog:
            await self._fill(dialog)

    async def _tell(self, dialog: AlertsDialog, error: SlateError) -> None:
        from slate_desktop.ui import dialogs
        from slate_desktop.ui.problems import describe

        problem = describe(error, self._window.tr("The rules were not changed."))
        await dialogs.wait_for(dialogs.ProblemDialog(dialog, self._window.theme, problem))

    def _spawn(self, work: object) -> None:
        self._window.tasks.spawn(work, "alert rules", self._window)  # type: ignore[arg-type]
