"""The support bundle in the window: looked through, saved, and offered once after a crash."""

from __future__ import annotations

import asyncio
import contextlib
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
from PySide6.QtWidgets import QApplication, QDialog, QFileDialog, QLineEdit, QPushButton

from slate_desktop.diagnosis import support
from slate_desktop.diagnosis.check import Check, State
from slate_desktop.diagnosis.support import SupportFile
from slate_desktop.settings import files, paths
from slate_desktop.ui import crash
from slate_desktop.ui.dialogs import ProblemDialog, Question
from slate_desktop.ui.help_dialogs import NewsDialog, note_version
from slate_desktop.ui.support import commands
from slate_desktop.ui.support.dialog import SupportDialog
from slate_desktop.ui.window import MainWindow
from tests.gui.conftest import until


@pytest.fixture(autouse=True)
def no_checks(monkeypatch: pytest.MonkeyPatch) -> None:
    async def collect() -> list[SupportFile]:
        return support.gather([Check(name="disk", state=State.OK, detail="fine")])

    monkeypatch.setattr(support, "collect", collect)


async def test_it_is_looked_through_and_saved(window: MainWindow, tmp_path: Path) -> None:
    window.registry["help.support"].trigger()
    await until(lambda: window.findChild(SupportDialog) is not None)
    dialog = window.findChild(SupportDialog)
    await until(dialog.save.isEnabled)
    assert "README.txt" in dialog.list.item(0).text()
    dialog.list.setCurrentRow(2)
    assert '"disk"' in dialog.text.toPlainText()
    dialog.save.click()
    await until(lambda: dialog.findChild(QFileDialog) is not None)
    chooser = dialog.findChild(QFileDialog)
    await until(chooser.isVisible)
    target = tmp_path / "bundle.zip"
    chooser.findChild(QLineEdit).setText(str(target))
    chooser.accept()
    await until(target.exists)
    await until(lambda: "bundle.zip" in window.status_row.message.text())
    with zipfile.ZipFile(target) as archive:
        assert "checks.json" in archive.namelist()


async def test_it_may_be_closed_while_the_checks_run(
    window: MainWindow, monkeypatch: pytest.MonkeyPatch
) -> None:
    collected = asyncio.Event()

    async def collect() -> list[SupportFile]:
        with contextlib.suppress(asyncio.CancelledError):  # the last check had ended by then
            await collected.wait()
        return [SupportFile(name="about.json", text="{}")]

    monkeypatch.setattr(support, "collect", collect)
    window.registry["help.support"].trigger()
    await until(lambda: window.findChild(SupportDialog) is not None)
    window.findChild(SupportDialog).reject()
    await until(lambda: window.findChild(SupportDialog) is None)
    collected.set()
    await until(lambda: not any("support" in name for name in window.tasks.names))
    assert not window.details.banner.isVisible()


async def test_a_fault_of_the_program_leads_to_it(window: MainWindow) -> None:
    window.show_error(RuntimeError("boom"))
    window.details.banner.details.click()
    await until(lambda: window.findChild(ProblemDialog) is not None)
    dialog = window.findChild(ProblemDialog)
    (button,) = [b for b in dialog.findChildren(QPushButton) if "bundle" in b.text()]
    button.click()
    await until(lambda: window.findChild(SupportDialog) is not None)
    window.findChild(SupportDialog).reject()


async def test_a_crash_is_told_once_and_a_bundle_offered(window: MainWindow) -> None:
    files.ensure_private_dir(paths.data_dir())
    files.ensure_private_dir(paths.log_dir())
    code = (
        "import faulthandler, os, sys;"
        f"faulthandler.enable(open({str(crash.crash_log())!r}, 'a')); os.abort()"
    )
    command = [sys.executable, "-c", code]
    await asyncio.to_thread(subprocess.run, command, check=False, stderr=subprocess.DEVNULL)
    window.tasks.spawn(commands.offer_after_crash(window), "offer", window)
    await until(lambda: window.findChild(Question) is not None)
    question = window.findChild(Question)
    assert question.windowTitle() == "SLATE crashed"
    (look,) = [b for b in question.findChildren(QPushButton) if "Look" in b.text()]
    look.click()
    await until(lambda: window.findChild(SupportDialog) is not None)
    dialog = window.findChild(SupportDialog)
    await until(dialog.save.isEnabled)
    names = [dialog.list.item(row).text() for row in range(dialog.list.count())]
    assert any("desktop-crash.log" in name for name in names)
    dialog.reject()
    assert crash.take_news() == ""
    await commands.offer_after_crash(window)
    assert not [
        w for w in QApplication.topLevelWidgets() if isinstance(w, QDialog) and w.isVisible()
    ]


async def test_a_new_version_says_so_once_and_shows_what_is_new(window: MainWindow) -> None:
    assert not note_version(window.state)  # the first start of all is no news
    assert not note_version(window.state)
    window.state.version = "0.0.1"
    assert note_version(window.state)
    assert not note_version(window.state)
    window.registry["help.news"].trigger()
    await until(lambda: window.findChild(NewsDialog) is not None)
    dialog = window.findChild(NewsDialog)
    assert "support bundle" in dialog.text.toPlainText()
    dialog.reject()
