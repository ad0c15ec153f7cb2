"""The nine platforms as a grid; what cannot be built stays visible, with its reason."""

from __future__ import annotations

from collections.abc import Mapping

from PySide6.QtCore import Signal
from PySide6.QtWidgets import (
    QButtonGroup,
    QGridLayout,
    QSizePolicy,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from slate_desktop.domain.build import TargetPlatform
from slate_desktop.domain.builds.matrix import PLATFORM_TITLES, Availability
from slate_desktop.translation import sentence
from slate_desktop.ui.text import explain, wrapped_label

# Three short names would fit into a row, but not three long ones with their mark.
_COLUMNS = 2


class PlatformGrid(QWidget):
    """Lets one platform be chosen; below, what is to be known of it."""

    chosen = Signal(str)

    def __init__(self) -> None:
        super().__init__()
        self._targets: dict[TargetPlatform, Availability] = {}
        self._group = QButtonGroup(self)
        self.buttons: dict[TargetPlatform, QToolButton] = {}
        grid = QGridLayout()
        grid.setContentsMargins(0, 0, 0, 0)
        grid.setSpacing(4)
        for number, platform in enumerate(TargetPlatform):
            button = QToolButton(self)
            button.setObjectName("chip")
            button.setCheckable(True)
            button.setText(PLATFORM_TITLES[platform])
            button.setAccessibleName(PLATFORM_TITLES[platform])
            explain(button, self._tip(platform))
            button.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)
            button.clicked.connect(lambda _on=False, p=platform: self._on_clicked(p))
            self._group.addButton(button)
            self.buttons[platform] = button
            grid.addWidget(button, number // _COLUMNS, number % _COLUMNS)
        self.reason = wrapped_label(role="muted")
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(6)
        layout.addLayout(grid)
        layout.addWidget(self.reason)
        self.select(TargetPlatform.LINUX)

    @property
    def platform(self) -> TargetPlatform:
        """The chosen one."""
        return next(p for p, button in self.buttons.items() if button.isChecked())

    @property
    def is_available(self) -> bool:
        """Whether the chosen one can be built."""
        found = self._targets.get(self.platform)
        return found is None or found.is_available

    def select(self, platform: TargetPlatform) -> None:
        """Choose a platform."""
        self.buttons[platform].setChecked(True)
        self._show_reason()

    def set_targets(self, targets: Mapping[TargetPlatform, Availability]) -> None:
        """Show what can be built; the others can be looked at, for their reason."""
        self._targets = dict(targets)
        for platform, button in self.buttons.items():
            found = self._targets.get(platform)
            is_on = found is None or found.is_available
            title = PLATFORM_TITLES[platform]
            # A word beside the colour: colour alone says nothing to everybody.
            button.setText(title if is_on else f"{title} ✕")
            button.setProperty("unavailable", not is_on)
            button.style().unpolish(button)
            button.style().polish(button)
            why = sentence(found.reason) if found is not None else ""
            explain(button, why or self._tip(platform))
            button.setAccessibleDescription(why)
        self._show_reason()

    def _tip(self, platform: TargetPlatform) -> str:
        return self.tr("Build for {platform}").format(platform=PLATFORM_TITLES[platform])

    def _on_clicked(self, platform: TargetPlatform) -> None:
        self._show_reason()
        self.chosen.emit(platform.value)

    def _show_reason(self) -> None:
        found = self._targets.get(self.platform)
        text = "" if found is None else sentence(found.reason or found.note)
        self.reason.setText(text)
        self.reason.setVisible(bool(text))
