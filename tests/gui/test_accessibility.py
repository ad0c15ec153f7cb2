"""The whole window and every dialog: names for screen readers, contrast, and the keyboard alone."""

from __future__ import annotations

import importlib
import pkgutil
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PySide6.QtCore import QPoint, QSize, Qt
from PySide6.QtGui import QAccessible, QImage, QKeySequence
from PySide6.QtTest import QTest
from PySide6.QtWidgets import (
    QAbstractButton,
    QApplication,
    QComboBox,
    QDialog,
    QLabel,
    QLineEdit,
    QMenu,
    QScrollBar,
    QSplitterHandle,
    QToolButton,
    QWidget,
)

import slate_desktop.ui
from slate_desktop.domain.session import SessionStatus
from slate_desktop.ui.language import speak
from slate_desktop.ui.problems import Problem
from slate_desktop.ui.tokens import THEMES
from slate_desktop.ui.window import MainWindow
from slate_desktop.ui.window_actions import build_specs
from tests.gui.conftest import until
from tests.gui.dialog_makers import DIALOGS
from tests.gui.fakes import FakeSlate

SCALE = 2


def spoken(widget: QWidget) -> str:
    """What a screen reader calls a widget."""
    interface = QAccessible.queryAccessibleInterface(widget)
    name = interface.text(QAccessible.Text.Name) if interface is not None else ""
    return (name or widget.accessibleName()).strip()


def is_qts_own(widget: QWidget) -> bool:
    """Whether Qt made a widget for itself, inside of one that has the name."""
    if widget.objectName().startswith("qt_") or isinstance(widget, QScrollBar | QSplitterHandle):
        return True
    parent = widget.parentWidget()
    inside_of = (QComboBox, QLineEdit)
    while parent is not None:
        if isinstance(parent, inside_of) and type(widget).__module__.startswith("PySide6"):
            return True
        parent = parent.parentWidget()
    return False


def path_of(widget: QWidget) -> str:
    steps: list[str] = []
    at: QWidget | None = widget
    while at is not None and len(steps) < 6:
        steps.append(type(at).__name__ + (f"#{at.objectName()}" if at.objectName() else ""))
        at = at.parentWidget()
    return " < ".join(steps)


def unnamed(root: QWidget) -> list[str]:
    """The widgets that somebody can come to, and that say nothing."""
    found = []
    for widget in root.findChildren(QWidget):
        is_button = isinstance(widget, QAbstractButton)
        can_come = widget.focusPolicy() != Qt.FocusPolicy.NoFocus or is_button
        # A button or a label without words is shown with them, and hidden until then.
        has_words = isinstance(widget, QAbstractButton | QLabel)
        is_waiting = has_words and not widget.isVisibleTo(root)
        is_empty = isinstance(widget, QLabel) and not widget.text()
        if not can_come or is_waiting or is_empty or is_qts_own(widget):
            continue
        if isinstance(widget, QMenu):
            continue
        if not spoken(widget):
            found.append(path_of(widget))
    return found


def luminance_of(root: QWidget) -> np.ndarray:
    """The relative luminance of what is painted, in ten-thousandths.

    Source: https://www.w3.org/TR/WCAG22/#dfn-relative-luminance
    """
    image = QImage(root.size() * SCALE, QImage.Format.Format_RGBX8888)
    image.setDevicePixelRatio(SCALE)
    root.render(image)
    data = np.frombuffer(image.constBits(), np.uint8)
    pixels = data.reshape(image.height(), image.bytesPerLine() // 4, 4)[:, : image.width()]
    steps = np.arange(256) / 255
    linear = np.where(steps <= 0.04045, steps / 12.92, ((steps + 0.055) / 1.055) ** 2.4)
    red, green, blue = (
        (linear * part * 10_000).astype(np.int32) for part in (0.2126, 0.7152, 0.0722)
    )
    return red[pixels[..., 0]] + green[pixels[..., 1]] + blue[pixels[..., 2]]


def weak(root: QWidget, theme: str) -> list[str]:
    """Texts and icons that do not stand out from their ground, as they are painted."""
    light = luminance_of(root)
    found: list[str] = []
    for widget in root.findChildren(QWidget):
        text = widget.text() if isinstance(widget, QLabel | QAbstractButton) else ""
        if not text.strip() or not widget.isVisibleTo(root) or not widget.isEnabled():
            continue
        if widget.visibleRegion().boundingRect() != widget.rect() or is_qts_own(widget):
            continue
        x, y = (widget.mapTo(root, QPoint()) * SCALE).toTuple()
        width, height = (widget.size() * SCALE).toTuple()
        part = light[y : y + height, x : x + width]
        if part.size == 0:
            continue
        ground = np.bincount(part.ravel()).argmax() + 500
        most = max((part.max() + 500) / ground, ground / (part.min() + 500))
        # WCAG 2.2: 4.5 for texts, 3 for icons.
        if most < (3.0 if has_icon_only(widget) else 4.5):
            found.append(f"{theme} {most:.2f} {text.strip()[:30]!r} {path_of(widget)}")
    return found


def has_icon_only(widget: QWidget) -> bool:
    style = Qt.ToolButtonStyle.ToolButtonIconOnly
    return isinstance(widget, QToolButton) and widget.toolButtonStyle() == style


async def filled(window: MainWindow, slate: FakeSlate) -> None:
    """Make every pane, and let the window have something to say."""
    assert window.jobs
    assert window.builds
    assert window.build_panel
    for dock in window.docks.docks.values():
        dock.show()
    await until(lambda: window.registry["session.start"].isEnabled())
    window.registry["session.start"].trigger()
    await until(lambda: any(s.status is SessionStatus.RUNNING for s in slate.sessions.values()))
    session_id = next(iter(slate.sessions))
    await slate.log(session_id, "hello", "an error", "a warning")
    await slate.move(
        session_id, SessionStatus.FAILED, error_code="oom", error_message="It used 2 GB"
    )
    await until(lambda: window.details.banner.isVisibleTo(window))
    window.workspace.notify("warning", "Something to know", "More of it")
    window.start_page.banner.show_problem(Problem("It failed", "The disk is full", "Free space"))


async def test_everything_in_the_window_has_a_name_and_stands_out(
    window: MainWindow, slate: FakeSlate
) -> None:
    window.resize(QSize(1520, 920))
    await filled(window, slate)
    window.registry["view.start"].trigger()
    nameless = unnamed(window)
    window.binding.leave_start()
    assert not nameless, "\n".join(nameless)
    found: list[str] = []
    for name in THEMES:
        window.theme.set_choice(name)
        for docks in (("performance", "console"), ("build", "builds"), ("assets",), ("jobs",)):
            for dock in docks:
                window.docks.docks[dock].raise_()
            QApplication.sendPostedEvents()
            found += weak(window, name)
        window.registry["view.start"].trigger()
        found += weak(window, name)
        window.binding.leave_start()
    assert not found, "\n".join(found)


def test_no_dialog_is_forgotten() -> None:
    made = {kind for kind, _ in DIALOGS}
    known = set()
    for module in pkgutil.walk_packages(slate_desktop.ui.__path__, "slate_desktop.ui."):
        for value in vars(importlib.import_module(module.name)).values():
            if isinstance(value, type) and issubclass(value, QDialog):
                known.add(value)
    own = {kind for kind in known if kind.__module__.startswith("slate_desktop.")}
    assert {kind.__name__ for kind in own - made} == set()


async def test_everything_in_the_dialogs_has_a_name_and_stands_out(
    window: MainWindow, tmp_path: Path
) -> None:
    shown = [make(window, tmp_path) for _, make in DIALOGS]
    nameless = []
    for dialog in shown:
        dialog.show()
        nameless += unnamed(dialog) + ([] if dialog.windowTitle() else [path_of(dialog)])
    assert not nameless, "\n".join(nameless)
    found = []
    for name in THEMES:
        window.theme.set_choice(name)
        for dialog in shown:
            found += weak(dialog, name)
    for dialog in shown:
        dialog.hide()
        dialog.deleteLater()
    assert not found, "\n".join(found)


async def test_every_action_runs_from_the_palette_by_keys_alone(window: MainWindow) -> None:
    ran: list[str] = []
    _record(window, ran)
    titles = Counter()
    for spec, action in window.registry.all():
        if spec.id.startswith("palette."):
            continue
        action.setEnabled(True)
        before = len(ran)
        QTest.keyClick(
            window,
            Qt.Key.Key_P,
            Qt.KeyboardModifier.ControlModifier | Qt.KeyboardModifier.ShiftModifier,
        )
        palette = window.palette_
        assert palette.isVisible()
        commands = {c.title for c in palette._commands}
        title = next(t for t in commands if t == _title(spec.text))
        QTest.keyClicks(palette.field, title)
        for _ in range(palette.model.rowCount()):
            row = palette.view.currentIndex().row()
            if palette.model.commands[row].run == action.trigger:
                break
            QTest.keyClick(palette.field, Qt.Key.Key_Down)
        QTest.keyClick(palette.field, Qt.Key.Key_Return)
        assert ran[before:] == [spec.id], spec.id
        titles[(spec.menu, title)] += 1
    assert [title for title, count in titles.items() if count > 1] == []


async def test_every_key_runs_its_action(window: MainWindow) -> None:
    ran: list[str] = []
    _record(window, ran)
    window.setFocus()
    for spec, action in window.registry.all():
        if spec.id.startswith("palette."):
            continue
        for key in spec.keys:
            action.setEnabled(True)
            before = len(ran)
            combination = QKeySequence(key)[0]
            QTest.keyClick(window, combination.key(), combination.keyboardModifiers())
            assert ran[before:] == [spec.id], f"{spec.id} by {key}"


async def test_every_menu_entry_has_a_letter(window: MainWindow) -> None:
    menus = [menu for action in window.menuBar().actions() if (menu := action.menu())]
    entries = [action.text() for menu in menus for action in menu.actions() if action.text()]
    assert len(entries) > 50
    assert [text for text in entries if "&" not in text] == []
    titles = [menu.title()[menu.title().index("&") + 1] for menu in menus]
    assert len(set(titles)) == len(titles)


@pytest.mark.parametrize("language", ["en", "de"])
async def test_no_two_entries_of_a_menu_have_one_letter_where_others_are_free(
    qapp: QApplication, language: str
) -> None:
    speak(qapp, language)
    try:
        specs = build_specs()
    finally:
        speak(qapp, "en")
    for menu in {spec.menu for spec in specs if spec.menu}:
        texts = [spec.text for spec in specs if spec.menu == menu]
        letters = [text[text.index("&") + 1].casefold() for text in texts]
        for text, letter in zip(texts, letters, strict=True):
            free = {c for c in text.casefold() if c.isalpha()} - set(letters)
            assert letters.count(letter) == 1 or not free, f"{menu} {text}: one of {sorted(free)}"


async def test_tab_comes_everywhere_and_is_caught_nowhere(
    window: MainWindow, slate: FakeSlate
) -> None:
    window.activateWindow()
    await until(lambda: window.isActiveWindow())
    wanted = {w for w in window.findChildren(QWidget) if _takes_tab(w, window)}
    window.setFocus()
    reached: set[QWidget] = set()
    for _ in range(3 * len(wanted)):
        at = QApplication.focusWidget()
        assert at is not None
        reached.add(at)
        QTest.keyClick(at, Qt.Key.Key_Tab)
        if wanted <= reached:
            break
    missed = [path_of(widget) for widget in wanted - reached]
    assert not missed, "\n".join(missed)


def _takes_tab(widget: QWidget, window: QWidget) -> bool:
    is_tab = bool(widget.focusPolicy() & Qt.FocusPolicy.TabFocus) and not widget.focusProxy()
    group = widget.group() if isinstance(widget, QAbstractButton) else None
    if group is not None and group.exclusive() and not widget.isChecked():
        return False  # the arrow keys lead to it from the one that is chosen
    return is_tab and widget.isVisibleTo(window) and widget.isEnabled() and not is_qts_own(widget)


def _record(window: MainWindow, ran: list[str]) -> None:
    for spec, action in window.registry.all():
        if spec.id.startswith("palette."):
            continue
        action.triggered.disconnect() if not spec.is_checkable else action.toggled.disconnect()
        signal: Callable[..., object] = action.triggered.connect
        signal(lambda *_, name=spec.id: ran.append(name))


def _title(text: str) -> str:
    from slate_desktop.ui.actions import plain_title

    return plain_title(text)
