"""Pictures of the dialogs, which need no engine."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

Take = Callable[[Any, str], Awaitable[None]]
Until = Callable[..., Awaitable[None]]


async def dialog_pictures(window: Any, take: Take, until: Until) -> None:
    """Open one dialog after the other."""
    from PySide6.QtGui import QKeySequence

    from slate_desktop.ui.settings.dialog import SettingsDialog
    from slate_desktop.ui.settings.shortcuts_dialog import ShortcutsDialog

    await until(lambda: window.is_built, "the window")
    await until(lambda: window.workspace.answered.is_set(), "the connection")
    await until(lambda: window.binding.start_page is not None, "the start page")
    window.resize(1440, 900)
    guide = window.binding.start_page.guide
    for name in ("session", "asset"):
        await until(guide.buttons[name].isEnabled, f"the button of {name}")
        guide.buttons[name].click()
        await until(lambda name=name: name in window.state.guide_done, name)
    await take(window, "start-page")
    work = window.workspace
    session = next(session for session in work.sessions if session.is_live)
    work.choose_session(session.id)
    await until(window.registry["session.stop"].isEnabled, "Stop")
    window.registry["session.stop"].trigger()
    await until(lambda: work.find_session(session.id).is_final, "the stop")
    settings = await _opened(window, "settings.open", SettingsDialog, until)
    settings.search.setText("agent")
    settings.rows["build_slots"].field.setText("99")
    await take(settings, "settings")
    settings.discard()
    shortcuts = await _opened(window, "help.keys", ShortcutsDialog, until)
    shortcuts.choose("session.execute")
    shortcuts.key.setKeySequence(QKeySequence("Ctrl+B"))
    await take(shortcuts, "shortcuts")
    shortcuts.reject()
    from slate_desktop.ui.support.dialog import SupportDialog

    support = await _opened(window, "help.support", SupportDialog, until)
    await until(support.save.isEnabled, "the bundle")
    support.list.setCurrentRow(3)
    await take(support, "support-bundle")
    support.reject()
    from slate_desktop.ui.help.dialog import GuideDialog

    guide_dialog = await _opened(window, "help.guide", GuideDialog, until)
    guide_dialog.show_page("howto/window.md#console")
    await take(guide_dialog, "guide")
    guide_dialog.reject()
    window.theme.set_choice("contrast")
    await take(window, "window-contrast")


async def _opened(window: Any, action: str, kind: type, until: Until) -> Any:
    window.registry[action].trigger()
    await until(lambda: window.findChild(kind) is not None, action)
    return window.findChild(kind)
