"""Opens the settings, and does what is wanted in them: check, save, apply, test, reset."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import shiboken6

from slate_desktop.errors import SettingsError, SlateError
from slate_desktop.settings import catalog, paths
from slate_desktop.settings.model import save_settings
from slate_desktop.translation import sentence
from slate_desktop.ui import dialogs
from slate_desktop.ui.app import log_to_file
from slate_desktop.ui.problems import told
from slate_desktop.ui.settings.dialog import SettingsDialog
from slate_desktop.ui.settings.row import translated
from slate_desktop.ui.settings.shortcuts_dialog import ShortcutsDialog

if TYPE_CHECKING:
    from slate_desktop.ui.window import MainWindow


async def open_settings(window: MainWindow) -> None:
    """Show the settings until they are closed."""
    await _Opened(window).show()


async def open_settings_file(window: MainWindow) -> None:
    """Open settings.toml in a tab; one without settings is made where there is none."""
    path = paths.settings_file()
    try:
        if not await asyncio.to_thread(path.exists):
            await asyncio.to_thread(save_settings, {})
    except SlateError as error:
        window.show_error(error, window.tr("The file cannot be opened."))
        return
    window.documents.open_path(path)


async def open_shortcuts(window: MainWindow) -> None:
    """Show every action with its keys, and let them be changed."""
    await dialogs.wait_for(ShortcutsDialog(window, window.theme))


class _Opened:
    """The settings while they are shown, and until what was changed in them is saved."""

    def __init__(self, window: MainWindow) -> None:
        self._window = window
        # Two saves at once would each write a file without the other's change.
        self._saving = asyncio.Lock()

    async def show(self) -> None:
        """Show them until they are closed."""
        window = self._window
        states, notes = await asyncio.to_thread(catalog.states)
        dialog = SettingsDialog(window, window.theme, states, str(paths.settings_file()))
        dialog.show_states(states, notes)

        def spawn(work: Callable[..., Any], name: str) -> Callable[..., object]:
            # The window owns what is saved: the dialog may be closed before it is done.
            return lambda *values: window.tasks.spawn(work(dialog, *values), name, window)

        dialog.typed.connect(lambda name, text: _check(dialog, name, text))
        dialog.edited.connect(spawn(self._save_text, "save setting"))
        dialog.reset_wanted.connect(spawn(self._reset, "reset setting"))
        dialog.test_wanted.connect(spawn(self._test, "test setting"))
        dialog.discard_wanted.connect(spawn(self._ask_discard, "discard settings"))
        dialog.file_wanted.connect(spawn(self._open_file, "settings file"))
        dialog.restart_wanted.connect(spawn(self._restart, "restart"))
        await dialogs.wait_for(dialog)

    async def _save_text(self, dialog: SettingsDialog, name: str, text: str) -> None:
        setting = catalog.find(name)
        try:
            value = catalog.parse(setting, text)
        except SettingsError as error:
            _show_problem(dialog, name, error)
            return
        await self._save(dialog, name, value)

    async def _reset(self, dialog: SettingsDialog, name: str) -> None:
        if await self._save(dialog, name, None):
            state = dialog.rows[name].state
            dialog.rows[name].fill(catalog.to_text(state.value))
            dialog.show_problem(name, "")

    async def _save(self, dialog: SettingsDialog, name: str, value: Any) -> bool:
        window, setting = self._window, catalog.find(name)
        async with self._saving:
            try:
                await asyncio.to_thread(save_settings, {name: value})
            except SettingsError as error:
                if shiboken6.isValid(dialog) and dialog.isVisible():
                    _show_problem(dialog, name, error)
                else:
                    window.show_error(error, window.tr("A setting could not be saved."))
                return False
            states, notes = await asyncio.to_thread(catalog.states)
        await self._apply(name, value)
        if shiboken6.isValid(dialog):
            dialog.show_problem(name, "")
            dialog.show_states(states, notes)
            words = window.tr("{title} is saved.").format(title=translated(setting.title))
            if not setting.is_immediate:
                words += " " + window.tr("It counts from the next start on.")
            dialog.show_saved(words, needs_restart=not setting.is_immediate)
        return True

    async def _apply(self, name: str, value: Any) -> None:
        """Let a setting count that does not wait for the next start."""
        window = self._window
        if name == "theme":
            window.registry[f"theme.{value or window.theme.choice}"].setChecked(True)
            window.state.theme_setting = value or ""
        elif name == "reduced_motion":
            window.motion.set_reduced(bool(value))
        elif name == "keep_in_tray" and window.tray is not None:
            window.tray.set_keeps(bool(value))
        elif name == "log_level":
            await asyncio.to_thread(log_to_file, value or catalog.find(name).default)

    async def _test(self, dialog: SettingsDialog, name: str) -> None:
        from slate_desktop.diagnosis.addresses import check_address

        window, row = self._window, dialog.rows[name]
        values: dict[str, Any] = {}
        try:
            for other, its_row in dialog.rows.items():
                values[other] = catalog.parse(its_row.state.setting, its_row.text)
            row.test_button.setEnabled(False)
            row.show_message(window.tr("Testing…"), "muted")
            words, role = sentence(await check_address(name, values)), "ok"
        except SlateError as error:
            words, role = told(error), "warn"
        if shiboken6.isValid(dialog):
            row.test_button.setEnabled(True)
            if name not in dialog.problems:
                row.show_message(words, role)

    async def _ask_discard(self, dialog: SettingsDialog) -> None:
        window = self._window
        titles = [translated(catalog.find(name).title) for name in dialog.problems]
        if await dialogs.ask(
            dialog,
            window.theme,
            title=window.tr("Settings"),
            text=window.tr(
                "What stands in these fields cannot be saved: {titles}. Close without them?"
            ).format(titles=", ".join(titles)),
            action=window.tr("Close without them"),
            is_danger=True,
        ):
            dialog.discard()

    async def _open_file(self, dialog: SettingsDialog) -> None:
        await open_settings_file(self._window)
        dialog.reject()

    async def _restart(self, dialog: SettingsDialog) -> None:
        if dialog.problems:
            dialog.reject()
            return
        # A window does not close while a dialog of it is open.
        dialog.accept()
        states, _ = await asyncio.to_thread(catalog.states)
        (profile,) = [state.value for state in states if state.setting.name == "profile"]
        self._window.next_profile = profile
        self._window.quit()


def _check(dialog: SettingsDialog, name: str, text: str) -> None:
    try:
        catalog.parse(catalog.find(name), text)
    except SettingsError as error:
        _show_problem(dialog, name, error)
    else:
        dialog.show_problem(name, "")


def _show_problem(dialog: SettingsDialog, name: str, error: SettingsError) -> None:
    dialog.show_problem(name, told(error))
