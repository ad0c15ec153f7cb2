"""The look of the whole program: Fusion, a palette and a short style sheet made from the tokens.

Owns which theme is on and the zoom of the text. Widgets that paint themselves listen to
``Theme.changed`` and read ``Theme.tokens``.
"""

from __future__ import annotations

import string
from pathlib import Path

from PySide6.QtCore import QObject, Qt, Signal
from PySide6.QtGui import QFont, QFontDatabase, QPalette
from PySide6.QtWidgets import QApplication

from slate_desktop.settings.paths import cache_dir, resource_path
from slate_desktop.ui import icons
from slate_desktop.ui.tokens import (
    BASE_POINT_SIZE,
    MONO_FAMILY,
    UI_FAMILY,
    Tokens,
    load_tokens,
)

CHOICES = ("dark", "light", "contrast", "system")
ZOOM_STEPS = (0.8, 0.9, 1.0, 1.1, 1.25, 1.5, 1.75, 2.0)
_FONT_FILES = (
    "Inter-Regular.ttf",
    "Inter-SemiBold.ttf",
    "JetBrainsMono-Regular.ttf",
    "JetBrainsMono-Bold.ttf",
)


class Theme(QObject):
    """The theme in use. One per application.

    Args:
        has_sheet: False where many widgets are made first: Qt styles a widget again each time that
            it, or what holds it, gets a new parent. ``add_sheet`` then styles all of them once.

    Attributes:
        choice: ``dark``, ``light``, ``contrast`` or ``system``.
        tokens: the colours in use.
        zoom: factor on the size of all text.
    """

    changed = Signal()

    def __init__(
        self,
        app: QApplication,
        *,
        choice: str = "dark",
        zoom: float = 1.0,
        has_sheet: bool = True,
    ) -> None:
        super().__init__(app)
        self._app = app
        self._has_sheet = has_sheet
        self.choice = choice if choice in CHOICES else "dark"
        self.zoom = min(ZOOM_STEPS, key=lambda step: abs(step - zoom))
        for name in _FONT_FILES:
            QFontDatabase.addApplicationFont(str(resource_path("fonts", name)))
        app.setStyle("Fusion")
        # Kept: what Python lets go of takes the objects along that were asked from it.
        self._hints = app.styleHints()
        self._accessibility = self._hints.accessibility()
        self._hints.colorSchemeChanged.connect(self._on_system_changed)
        self._accessibility.contrastPreferenceChanged.connect(self._on_system_changed)
        self.tokens: Tokens = load_tokens(self._resolve())
        self._apply()

    def add_sheet(self) -> None:
        """Use the style sheet from now on."""
        if not self._has_sheet:
            self._has_sheet = True
            self._set_sheet()

    def set_choice(self, choice: str) -> None:
        """Switch to ``dark``, ``light``, ``contrast`` or what the system says."""
        if choice in CHOICES and choice != self.choice:
            self.choice = choice
            self._refresh()

    def step_zoom(self, direction: int) -> None:
        """Make all text one step larger (1), smaller (-1) or normal (0)."""
        if direction == 0:
            zoom = 1.0
        else:
            index = ZOOM_STEPS.index(self.zoom) + direction
            zoom = ZOOM_STEPS[max(0, min(len(ZOOM_STEPS) - 1, index))]
        if zoom != self.zoom:
            self.zoom = zoom
            self._refresh()

    def ui_font(self, *, scale: float = 1.0, is_bold: bool = False) -> QFont:
        """Return the font of the user interface."""
        font = QFont(UI_FAMILY)
        font.setPointSizeF(BASE_POINT_SIZE * self.zoom * scale)
        if is_bold:
            font.setWeight(QFont.Weight.DemiBold)
        return font

    def mono_font(self) -> QFont:
        """Return the font of the console and of everything that is code."""
        font = mono_font()
        font.setPointSizeF(BASE_POINT_SIZE * self.zoom)
        return font

    def _resolve(self) -> str:
        if self.choice != "system":
            return self.choice
        if self._accessibility.contrastPreference() is Qt.ContrastPreference.HighContrast:
            return "contrast"
        scheme = self._hints.colorScheme()
        return "light" if scheme is Qt.ColorScheme.Light else "dark"

    def _on_system_changed(self) -> None:
        if self.choice == "system":
            self._refresh()

    def _refresh(self) -> None:
        self.tokens = load_tokens(self._resolve())
        self._apply()
        self.changed.emit()

    def _apply(self) -> None:
        self._app.setFont(self.ui_font())
        self._app.setPalette(build_palette(self.tokens))
        if self._has_sheet:
            self._set_sheet()

    def _set_sheet(self) -> None:
        self._app.setStyleSheet(build_style_sheet(self.tokens, cache_dir() / "icons", self.zoom))


def mono_font() -> QFont:
    """Return the font of code, of no size of its own."""
    font = QFont(MONO_FAMILY)
    font.setStyleHint(QFont.StyleHint.Monospace)
    font.setFixedPitch(True)
    # Its ligatures draw "://" and "--" as signs of their own; logs and code show what is there.
    font.setFeature(QFont.Tag("calt"), 0)
    return font


def build_palette(tokens: Tokens) -> QPalette:
    """Return Fusion's palette in the theme's colours."""
    palette = QPalette()
    role, group = QPalette.ColorRole, QPalette.ColorGroup
    for key, name in (
        (role.Window, "surface.panel"),
        (role.Base, "surface.input"),
        (role.AlternateBase, "surface.panel"),
        (role.Button, "surface.raised"),
        (role.ToolTipBase, "surface.raised"),
        (role.Highlight, "surface.selected"),
        (role.HighlightedText, "text.on_selected"),
        (role.WindowText, "text.normal"),
        (role.Text, "text.normal"),
        (role.ButtonText, "text.normal"),
        (role.ToolTipText, "text.normal"),
        (role.PlaceholderText, "text.faint"),
        (role.BrightText, "state.error"),
        (role.Link, "accent.text"),
        (role.Accent, "accent.main"),
        (role.Mid, "surface.border"),
        (role.Midlight, "surface.hover"),
        (role.Dark, "surface.border_strong"),
        (role.Shadow, "surface.shadow"),
        (role.Light, "surface.hover"),
    ):
        palette.setColor(key, tokens.color(name))
    for key in (role.WindowText, role.Text, role.ButtonText):
        palette.setColor(group.Disabled, key, tokens.color("text.disabled"))
    return palette


def build_style_sheet(tokens: Tokens, icon_directory: Path, zoom: float = 1.0) -> str:
    """Fill the style sheet template with the theme's colours and arrow icons."""
    template = Path(resource_path("themes", "style.qss")).read_text(encoding="utf-8")
    values = {key.replace(".", "_"): value for key, value in tokens.colors.items()}
    for key, name, role in (
        ("icon_chevron", "chevron-down", "text.muted"),
        ("icon_up", "chevron-up", "text.muted"),
        ("icon_check", "check", "text.on_accent"),
        ("icon_checked", "check", "text.normal"),
        ("icon_closed", "chevron-right", "text.muted"),
        ("icon_open", "chevron-down", "text.muted"),
    ):
        values[key] = icons.icon_file(name, tokens, role, icon_directory)
    # A least height of the sheet wins over what the words of a widget need.
    for height in (16, 18, 23):
        values[f"height_{height}"] = f"{round(height * zoom)}px"
    values["width_40"] = f"{round(40 * zoom)}px"
    return string.Template(template).substitute(values)
