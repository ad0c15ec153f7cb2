"""Pictures of alerts: what a session under load tells of, its rules, and trying one."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

from slate_desktop.domain.alerts import make_rule

Take = Callable[[Any, str], Awaitable[None]]
Until = Callable[..., Awaitable[None]]
_TOLD_S = 60.0


async def add_rules(window: Any, project_id: str) -> None:
    """Give a project the rules that its load will meet."""
    for rule in (
        make_rule(name="Blocked paths", kind="text", pattern="is blocked", cooldown_s=60),
        make_rule(name="Memory above plan", kind="memory", threshold="16m", held_s=3),
        make_rule(name="Busy processor", kind="cpu", threshold="150%", held_s=10),
        make_rule(name="Crashes", kind="exit"),
        make_rule(name="Slow frames", kind="text", pattern=r"waits .* \d{3,} ms", is_regex=True,
                  is_enabled=False),
    ):  # fmt: skip
        await window.workspace.slate.add_alert_rule(project_id, rule)


async def alert_pictures(window: Any, take: Take, until: Until) -> None:
    """Look at the alerts of the chosen project, whose session runs under load."""
    from slate_desktop.ui.alerts.dialog import AlertsDialog
    from slate_desktop.ui.alerts.editor import RuleEditor

    project, slate = window.workspace.project, window.workspace.slate

    async def told() -> set[str]:
        return {alert.rule_name for alert in await slate.list_alerts(project.id, limit=50)}

    async with asyncio.timeout(_TOLD_S):
        while not {"Blocked paths", "Memory above plan"} <= await told():  # noqa: ASYNC110
            await asyncio.sleep(0.5)
    await take(window, "alerts-told")
    window.toasts.clear()
    window.registry["project.alerts"].trigger()
    await until(lambda: window.findChild(AlertsDialog) is not None, "the alerts")
    dialog = window.findChild(AlertsDialog)
    await until(lambda: dialog.isVisible() and dialog.alerts.topLevelItemCount() > 0, "alerts")
    dialog.rules.setCurrentItem(dialog.rules.topLevelItem(0))
    await take(dialog, "alerts")
    dialog.change_wanted.emit(dialog.rule)
    await until(lambda: window.findChild(RuleEditor) is not None, "the rule")
    editor = window.findChild(RuleEditor)
    editor.test.click()
    await until(lambda: bool(editor.outcome.text()), "the trial", 60)
    await take(editor, "alert-rule")
    editor.reject()
    dialog.reject()
