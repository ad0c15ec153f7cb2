"""The dialog of servers: which one is used, joining, forgetting, and opening anew."""

from __future__ import annotations

import time
from pathlib import Path

import pytest
import shiboken6
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QDialog, QFileDialog, QPushButton

from slate_desktop.control import joining
from slate_desktop.domain.joining import Joiner, JoinFile, write_join_file
from slate_desktop.settings import files, joined, paths
from slate_desktop.settings.joined import Joined, JoinedServer
from slate_desktop.settings.model import load_settings
from slate_desktop.settings.secrets import get_secret, set_secret
from slate_desktop.ui.servers_dialog import ServersDialog
from slate_desktop.ui.window import MainWindow
from slate_desktop.wire.keys import SigningKey
from tests.gui.conftest import until


def have_joined(name: str) -> Joined:
    """Keep a server as joining does."""
    directory = joined.directory_of(name)
    for path in (paths.config_dir(), directory.parent):
        files.ensure_private_dir(path)
    server = JoinedServer(
        name=name,
        kind="person",
        id="u1",
        nats_url=f"tls://{name}:4222",
        database_host=name,
        database_port=5432,
        database_name="slate",
        database_user="slate_p_u1",
    )
    set_secret(f"user_seed.{name}", SigningKey.generate().seed)
    return joined.write(directory, server, ca=b"ca", certificate=b"c", private_key=b"k")


def join_file(tmp_path: Path, kind: Joiner = Joiner.PERSON) -> Path:
    path = tmp_path / f"{kind.value}.slate-join"
    content = JoinFile(
        version=1,
        kind=kind,
        server="sbx02",
        name="Anna",
        nats_url="tls://127.0.0.1:9",
        ca="no certificate",
        invitation=SigningKey.generate().seed,
        expires_ms=int(time.time() * 1000) + 60_000,
    )
    path.write_bytes(write_join_file(content))
    return path


async def opened(window: MainWindow) -> ServersDialog:
    window.registry["server.choose"].trigger()
    await until(lambda: window.findChild(ServersDialog) is not None)
    dialog = window.findChild(ServersDialog)
    assert isinstance(dialog, ServersDialog)
    await until(lambda: dialog.isVisible() and dialog.list.count() > 0)
    return dialog


def press(button: QPushButton) -> None:
    assert button.isEnabled()
    QTest.mouseClick(button, Qt.MouseButton.LeftButton)


def question() -> QDialog | None:
    """The question that is asked just now."""
    for widget in QApplication.topLevelWidgets():
        is_other = isinstance(widget, QDialog) and not isinstance(widget, ServersDialog)
        if is_other and widget.isVisible() and not isinstance(widget, QFileDialog):
            return widget
    return None


async def answer(words: str) -> None:
    await until(lambda: question() is not None)
    asked = question()
    assert asked is not None
    (button,) = [b for b in asked.findChildren(QPushButton) if words in b.text()]
    press(button)
    await until(lambda: question() is None)


async def test_the_used_one_is_marked_and_another_opens_the_window_anew(
    window: MainWindow,
) -> None:
    have_joined("sbx01")
    closes: list[bool] = []
    window.close_wanted.connect(lambda: closes.append(True))
    dialog = await opened(window)
    texts = [dialog.list.item(row).text() for row in range(dialog.list.count())]
    assert texts == ["This computer   ·   in use", "sbx01   ·   tls://sbx01:4222"]
    assert not dialog.use_button.isEnabled()
    assert not dialog.leave_button.isEnabled()
    dialog.list.setCurrentRow(1)
    press(dialog.use_button)
    await until(lambda: closes)
    assert window.next_profile == "sbx01"
    assert load_settings().profile == "sbx01"
    await until(lambda: not shiboken6.isValid(dialog) or not dialog.isVisible())


async def test_a_server_is_forgotten_after_a_question(window: MainWindow) -> None:
    have_joined("sbx01")
    dialog = await opened(window)
    dialog.list.setCurrentRow(1)
    press(dialog.leave_button)
    await answer("Cancel")
    assert joined.names() == ["sbx01"]
    press(dialog.leave_button)
    await answer("Forget")
    await until(lambda: dialog.list.count() == 1)
    assert joined.names() == []
    assert get_secret("user_seed.sbx01") is None
    dialog.reject()


async def test_a_join_file_that_fails_says_why_and_changes_nothing(
    window: MainWindow, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    dialog = await opened(window)
    paths_and_words = {
        tmp_path / "absent": "cannot be read",
        join_file(tmp_path): "certificate in the join file",
        join_file(tmp_path, Joiner.AGENT): "for an agent",
    }
    chosen = iter(paths_and_words)

    async def choose(*_arguments: object) -> Path:
        return next(chosen)

    monkeypatch.setattr("slate_desktop.ui.dialogs.choose_open_file", choose)
    for words in paths_and_words.values():
        press(dialog.join_button)
        await until(lambda words=words: words in dialog.message.text())
        await until(dialog.join_button.isEnabled)
        assert dialog.message.isVisible()
    assert joined.names() == []
    dialog.reject()


async def test_a_test_names_what_keeps_a_server_from_working(window: MainWindow) -> None:
    have_joined("sbx01")
    dialog = await opened(window)
    dialog.list.setCurrentRow(1)
    press(dialog.test_button)
    # The kept certificate of the authority is none.
    await until(lambda: dialog.findings.checks and dialog.test_button.isEnabled())
    (check,) = dialog.findings.checks
    assert (check.name, check.state) == ("profile", "failed")
    assert dialog.findings.isVisible()
    dialog.list.setCurrentRow(0)
    assert not dialog.findings.isVisible()
    press(dialog.test_button)
    await until(lambda: [check.name for check in dialog.findings.checks] == ["stack"])
    dialog.reject()


async def test_what_was_joined_can_be_used_at_once(
    window: MainWindow, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def join(invitation: JoinFile, **_options: object) -> Joined:
        return have_joined(invitation.server)

    monkeypatch.setattr(joining, "join", join)
    closes: list[bool] = []
    window.close_wanted.connect(lambda: closes.append(True))
    path = join_file(tmp_path)
    window.tasks.spawn(window.server_commands.join(path), "join", window)
    await answer("Use sbx02")
    await until(lambda: closes)
    assert window.next_profile == "sbx02"
    assert load_settings().profile == "sbx02"
