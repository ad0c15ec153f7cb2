"""What the View and the Help menu offer, as specs for the registry."""

from __future__ import annotations

from PySide6.QtCore import QCoreApplication

from slate_desktop.ui.actions import ActionSpec


def _tr(source: str) -> str:
    return QCoreApplication.translate("Actions", source)


def view_specs(menu: str) -> list[ActionSpec]:
    """Return what changes the look of the window: palette, panes, themes, size."""
    return [
        ActionSpec(
            "palette.commands",
            _tr("&Command palette…"),
            menu,
            "palette",
            "command",
            keys=("Ctrl+Shift+P",),
            hint=_tr("Run any command by name"),
        ),
        ActionSpec(
            "palette.places",
            _tr("&Go to…"),
            menu,
            "palette",
            "search",
            keys=("Ctrl+P",),
            hint=_tr("A session, project, asset or build, by name"),
        ),
        ActionSpec(
            "view.start",
            _tr("S&tart page"),
            menu,
            "palette",
            "house",
            hint=_tr("Recent projects, what runs, and the first steps"),
        ),
        ActionSpec(
            "view.project",
            _tr("&Project"),
            menu,
            "panes",
            "panel-left",
            keys=("Ctrl+1",),
            is_checkable=True,
        ),
        ActionSpec(
            "view.sessions",
            _tr("&Sessions"),
            menu,
            "panes",
            "list",
            keys=("Ctrl+2",),
            is_checkable=True,
        ),
        ActionSpec(
            "view.performance",
            _tr("P&erformance"),
            menu,
            "panes",
            "activity",
            keys=("Ctrl+3",),
            is_checkable=True,
        ),
        ActionSpec(
            "view.console",
            _tr("C&onsole"),
            menu,
            "panes",
            "panel-bottom",
            keys=("Ctrl+J",),
            is_checkable=True,
        ),
        ActionSpec(
            "view.build",
            _tr("&Build"),
            menu,
            "panes",
            "package",
            keys=("Ctrl+4",),
            is_checkable=True,
        ),
        ActionSpec(
            "view.builds",
            _tr("B&uilds"),
            menu,
            "panes",
            "layers",
            keys=("Ctrl+5",),
            is_checkable=True,
        ),
        ActionSpec(
            "view.assets",
            _tr("&Assets"),
            menu,
            "panes",
            "layout-grid",
            keys=("Ctrl+6",),
            is_checkable=True,
        ),
        ActionSpec(
            "view.jobs",
            _tr("Asset &jobs"),
            menu,
            "panes",
            "boxes",
            keys=("Ctrl+7",),
            is_checkable=True,
        ),
        ActionSpec("view.reset", _tr("&Reset layout"), menu, "panes", "undo-2"),
        ActionSpec("theme.dark", _tr("&Dark theme"), menu, "theme", "moon", is_checkable=True),
        ActionSpec("theme.light", _tr("&Light theme"), menu, "theme", "sun", is_checkable=True),
        ActionSpec(
            "theme.contrast",
            _tr("&High contrast"),
            menu,
            "theme",
            "contrast",
            is_checkable=True,
            hint=_tr("White and bright colours on black, with strong borders"),
        ),
        ActionSpec(
            "theme.system", _tr("Theme of the s&ystem"), menu, "theme", "monitor", is_checkable=True
        ),
        ActionSpec(
            "zoom.in",
            _tr("Zoom &in"),
            menu,
            "zoom",
            "zoom-in",
            keys=("Ctrl+=", "Ctrl++"),
            hint=_tr("Make all text larger"),
        ),
        ActionSpec("zoom.out", _tr("&Zoom out"), menu, "zoom", "zoom-out", keys=("Ctrl+-",)),
        ActionSpec("zoom.reset", _tr("Nor&mal size"), menu, "zoom", keys=("Ctrl+0",)),
        ActionSpec(
            "view.full_screen",
            _tr("&Full screen"),
            menu,
            "screen",
            "maximize",
            keys=("F11",),
            is_checkable=True,
        ),
    ]


def help_specs(menu: str) -> list[ActionSpec]:
    """Return what tells of the program."""
    return [
        ActionSpec(
            "help.page",
            _tr("&Help on this"),
            menu,
            "guide",
            "circle-help",
            keys=("F1",),
            hint=_tr("The guide's page of the pane or dialog that you are in"),
        ),
        ActionSpec(
            "help.what",
            _tr("What is &this?"),
            menu,
            "guide",
            keys=("Shift+F1",),
            hint=_tr("Press it, then whatever you wonder about"),
        ),
        ActionSpec(
            "help.guide",
            _tr("&Guide"),
            menu,
            "guide",
            "file-text",
            hint=_tr("How everything works; needs no network"),
        ),
        ActionSpec(
            "help.keys",
            _tr("&Keyboard shortcuts…"),
            menu,
            "help",
            "keyboard",
            keys=("Ctrl+F1",),
            hint=_tr("Every command and its keys, which you can change"),
        ),
        ActionSpec("help.notices", _tr("&Notifications"), menu, "help", "bell"),
        ActionSpec(
            "help.support",
            _tr("&Support bundle…"),
            menu,
            "help",
            "bug",
            hint=_tr("What helps whoever mends a fault; nothing is sent"),
        ),
        ActionSpec(
            "help.news",
            _tr("&What is new"),
            menu,
            "help",
            "info",
            hint=_tr("What changed in this version of SLATE"),
        ),
        ActionSpec("help.about", _tr("&About SLATE"), menu, "help", "info"),
    ]
