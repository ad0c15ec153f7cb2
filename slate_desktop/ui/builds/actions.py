"""What can be done with builds, as specs for the registry."""

from __future__ import annotations

from PySide6.QtCore import QCoreApplication

from slate_desktop.ui.actions import ActionSpec


def _tr(source: str) -> str:
    return QCoreApplication.translate("Actions", source)


def build_action_specs(menu: str) -> list[ActionSpec]:
    """Return the actions of the menu ``menu``."""
    return [
        ActionSpec(
            "build.start",
            _tr("&Build"),
            menu,
            "build",
            "package",
            "accent.text",
            keys=("Ctrl+B", "Ctrl+Shift+B"),
            hint=_tr("Build the project as the Build pane says"),
        ),
        ActionSpec(
            "build.keep_preset",
            _tr("&Keep as a preset…"),
            menu,
            "build",
            "save",
            hint=_tr("Keep what the Build pane says under a name"),
        ),
        ActionSpec(
            "build.remove_preset",
            _tr("Remo&ve preset…"),
            menu,
            "build",
            "trash-2",
            hint=_tr("Remove the chosen preset of the project"),
        ),
        ActionSpec(
            "build.log",
            _tr("Show lo&g"),
            menu,
            "one",
            "terminal",
            hint=_tr("Open the log of the build in the console"),
        ),
        ActionSpec(
            "build.cancel",
            _tr("&Cancel build"),
            menu,
            "one",
            "circle-x",
            hint=_tr("End the chosen builds"),
        ),
        ActionSpec(
            "build.first",
            _tr("Build &next"),
            menu,
            "queue",
            "arrow-up-from-line",
            keys=("Alt+Shift+Home",),
            hint=_tr("Move the build to the front of the queue"),
        ),
        ActionSpec(
            "build.earlier",
            _tr("Build &earlier"),
            menu,
            "queue",
            "arrow-up",
            keys=("Alt+Shift+Up",),
            hint=_tr("Move the build before the one in front of it"),
        ),
        ActionSpec(
            "build.later",
            _tr("Build &later"),
            menu,
            "queue",
            "arrow-down",
            keys=("Alt+Shift+Down",),
            hint=_tr("Move the build behind the one after it"),
        ),
        ActionSpec(
            "build.retry",
            _tr("Build &again"),
            menu,
            "one",
            "rotate-cw",
            hint=_tr("Build the same again"),
        ),
        ActionSpec(
            "build.change",
            _tr("Build with c&hanges"),
            menu,
            "one",
            "sliders-horizontal",
            hint=_tr("Fill the Build pane with what this build was asked for"),
        ),
        ActionSpec(
            "build.compare",
            _tr("C&ompare builds"),
            menu,
            "two",
            "copy-check",
            hint=_tr("Show two builds side by side"),
        ),
    ]
