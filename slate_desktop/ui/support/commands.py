"""Shows and writes support bundles, and offers one after a crash."""

from __future__ import annotations

import asyncio
import importlib
import logging
from typing import TYPE_CHECKING

import shiboken6

from slate_desktop.diagnosis import support
from slate_desktop.errors import SlateError
from slate_desktop.translation import sentence
from slate_desktop.ui import crash, dialogs
from slate_desktop.ui.painted import painted
from slate_desktop.ui.problems import told
from slate_desktop.ui.support.dialog import SupportDialog

if TYPE_CHECKING:
    from slate_desktop.ui.window import MainWindow

log = logging.getLogger(__name__)


async def open_support(window: MainWindow) -> None:
    """Show what a bundle would hold, and write it where the user wants it."""
    dialog = SupportDialog(window, window.theme)
    collecting = window.tasks.spawn(_fill(dialog), "support bundle", dialog)
    dialog.save_wanted.connect(
        lambda: window.tasks.spawn(_save(window, dialog), "save support bundle", dialog)
    )
    await dialogs.wait_for(dialog)
    if collecting is not None:
        collecting.cancel()


async def offer_after_crash(window: MainWindow) -> None:
    """Where the last run ended in a crash, say so once and offer a bundle."""
    text = await asyncio.to_thread(crash.take_news)
    if not text:
        return
    log.warning("the last run ended in a crash", extra={"trace": text[:2000]})
    if await dialogs.ask(
        window,
        window.theme,
        title=window.tr("SLATE crashed"),
        text=window.tr(
            "SLATE ended in a crash the last time. Sessions and builds were not touched by it, and"
            " your files are as they were saved.\n\nA support bundle helps whoever mends this."
            " You can look through it first; nothing is sent."
        ),
        action=window.tr("Look at the bundle"),
    ):
        await open_support(window)


async def _fill(dialog: SupportDialog) -> None:
    await painted(dialog)
    try:
        # Libraries of engines and services come with it.
        await asyncio.to_thread(importlib.import_module, "slate_desktop.diagnosis")
        files = await support.collect()
    except (SlateError, OSError) as error:
        if shiboken6.isValid(dialog):
            dialog.show_message(sentence(str(error)), is_problem=True)
        return
    # It may have been closed in the turn of the loop in which the last check ended.
    if shiboken6.isValid(dialog):
        dialog.show_files(files)


async def _save(window: MainWindow, dialog: SupportDialog) -> None:
    target = await dialogs.choose_save_file(
        dialog, window.tr("Save support bundle"), support.file_name(), ["ZIP (*.zip)"]
    )
    if target is None:
        return
    try:
        await asyncio.to_thread(support.write, dialog.files, target)
    except SlateError as error:
        if shiboken6.isValid(dialog):
            words = told(error)
            dialog.show_message(words, is_problem=True)
        return
    window.say(window.tr("The support bundle is in {path}.").format(path=target))
    if shiboken6.isValid(dialog):
        dialog.accept()
