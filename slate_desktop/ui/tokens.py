"""Design tokens: the colours, sizes and fonts that every widget takes its look from.

Owns reading ``resources/themes/<name>.toml`` into values; knows nothing of widgets. Nothing else
in the program may name a colour.
"""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from PySide6.QtGui import QColor

from slate_desktop.errors import SettingsError
from slate_desktop.settings.paths import resource_path

THEMES = ("dark", "light", "contrast")
UI_FAMILY = "Inter"
MONO_FAMILY = "JetBrains Mono"
BASE_POINT_SIZE = 9.5
# Logical pixels.
SPACE_XS, SPACE_S, SPACE_M, SPACE_L, SPACE_XL = 4, 6, 10, 16, 24
RADIUS = 5
# Of dialogs: room at the left, top, right and bottom, and between neighbouring buttons.
DIALOG_MARGINS = (18, 18, 18, 14)
BUTTON_GAP = 8
ICON_SIZE = 16


@dataclass(frozen=True)
class Tokens:
    """The colours of one theme, as ``tokens.color("surface.panel")``."""

    name: str
    colors: dict[str, str]
    ansi: tuple[str, ...]

    @property
    def is_dark(self) -> bool:
        """Whether light text stands on dark ground."""
        return self.color("surface.window").lightnessF() < 0.5

    def hex(self, key: str) -> str:
        """Return a colour as ``#rrggbb``."""
        return self.colors[key]

    def color(self, key: str, alpha: int = 255) -> QColor:
        """Return a colour, optionally translucent (``alpha`` 0 to 255)."""
        color = QColor(self.colors[key])
        color.setAlpha(alpha)
        return color


@lru_cache
def load_tokens(name: str) -> Tokens:
    """Read the tokens of the theme ``name``.

    Raises:
        SettingsError: the theme file is missing or broken.
    """
    path = Path(resource_path("themes", f"{name}.toml"))
    try:
        data = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as exc:
        raise SettingsError(
            f"The theme {path} cannot be used: {exc}.", hint="Reinstall SLATE."
        ) from exc
    colors = {
        f"{group}.{key}": value
        for group, values in data.items()
        if isinstance(values, dict)
        for key, value in values.items()
        if isinstance(value, str)
    }
    return Tokens(name=data["name"], colors=colors, ansi=tuple(data["ansi"]["colors"]))


def contrast_ratio(first: str, second: str) -> float:
    """Return the contrast of two ``#rrggbb`` colours, 1 to 21.

    Source: https://www.w3.org/TR/WCAG22/#dfn-contrast-ratio
    """
    light, dark = sorted((_luminance(first), _luminance(second)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


def _luminance(color: str) -> float:
    channels = [int(color[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    red, green, blue = (
        c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels
    )
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue
