"""Every control of the settings and of the build form says what it is for."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtWidgets import (
    QAbstractButton,
    QComboBox,
    QLineEdit,
    QPlainTextEdit,
    QWidget,
)

from slate_desktop.ui.text import explain, set_invalid
from slate_desktop.ui.window import MainWindow
from tests.gui.dialog_makers import DIALOGS

_CONTROLS = (QAbstractButton, QComboBox, QLineEdit, QPlainTextEdit)


def silent(root: QWidget) -> list[str]:
    """Return the controls that say nothing when the pointer rests on them."""
    controls = [widget for kind in _CONTROLS for widget in root.findChildren(kind)]
    # What Qt makes within a field, such as its clear button.
    own = [w for w in controls if not isinstance(w.parentWidget(), (QLineEdit, QComboBox))]
    assert len(own) > 10
    return [
        f"{type(w).__name__} {w.accessibleName()}" for w in own if not w.toolTip().strip("\u200b")
    ]


async def test_every_control_of_the_settings_says_what_it_is_for(
    window: MainWindow, tmp_path: Path
) -> None:
    make = next(make for kind, make in DIALOGS if kind.__name__ == "SettingsDialog")
    dialog = make(window, tmp_path)
    assert silent(dialog) == []
    dialog.deleteLater()


async def test_every_control_of_the_build_form_says_what_it_is_for(window: MainWindow) -> None:
    window.build_panel.form.env.set_values([("NAME", "value", False)])
    assert silent(window.build_panel) == []


def test_a_fault_stands_in_the_tip_until_it_is_mended(window: MainWindow) -> None:
    field = QLineEdit()
    explain(field, "<b>How many</b>")
    set_invalid(field, "It must be a whole number")
    assert "whole number" in field.toolTip()
    set_invalid(field, "")
    assert field.toolTip() == field.whatsThis() == "\u200b<b>How many</b>"
    field.deleteLater()
