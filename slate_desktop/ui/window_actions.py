"""Everything that the window can do, as specs for the registry, in the order of the menus."""

from __future__ import annotations

from PySide6.QtCore import QCoreApplication

from slate_desktop.ui.actions import ActionSpec
from slate_desktop.ui.builds.actions import build_action_specs
from slate_desktop.ui.console.commands import console_specs
from slate_desktop.ui.view_actions import help_specs, view_specs


def _tr(source: str) -> str:
    return QCoreApplication.translate("Actions", source)


def menu_titles() -> tuple[str, ...]:
    """Return the menus from left to right."""
    return (
        _tr("&File"),
        _tr("&Project"),
        _tr("&View"),
        _tr("&Runtime"),
        _tr("&Build"),
        _tr("&Console"),
        _tr("&Assets"),
        _tr("&Help"),
    )


def build_specs() -> list[ActionSpec]:
    """Return every action."""
    file, project, view, runtime, build, console, assets, help_ = menu_titles()
    return [
        *_file_specs(file),
        *_project_specs(project),
        *_runtime_specs(runtime),
        *build_action_specs(build),
        *console_specs(console),
        *_asset_specs(assets),
        *view_specs(view),
        *help_specs(help_),
    ]


def _file_specs(menu: str) -> list[ActionSpec]:
    return [
        ActionSpec(
            "project.add",
            _tr("&Add project…"),
            menu,
            "open",
            "folder-plus",
            keys=("Ctrl+O",),
            hint=_tr("Add the folder of a game"),
        ),
        ActionSpec(
            "project.recent",
            _tr("Open &recent"),
            menu,
            "open",
            "clock",
            hint=_tr("The projects and folders that were looked at last"),
        ),
        *_document_specs(menu),
        ActionSpec(
            "settings.open",
            _tr("Se&ttings…"),
            menu,
            "settings",
            "settings",
            keys=("Ctrl+,",),
            hint=_tr("Everything that can be set, with its meaning"),
        ),
        ActionSpec(
            "settings.file",
            _tr("Open settings.to&ml"),
            menu,
            "settings",
            "file-text",
            hint=_tr("The file that the settings are in"),
        ),
        ActionSpec(
            "app.quit",
            _tr("&Quit"),
            menu,
            "quit",
            "log-out",
            keys=("Ctrl+Q",),
            hint=_tr("Close the window; sessions run on"),
        ),
    ]


def _project_specs(menu: str) -> list[ActionSpec]:
    return [
        ActionSpec(
            "project.members",
            _tr("&Members…"),
            menu,
            "project",
            "key-round",
            hint=_tr("Who is in the project, and what they may do"),
        ),
        ActionSpec(
            "project.logs",
            _tr("Keep &logs…"),
            menu,
            "project",
            "clock",
            hint=_tr("How long and how much of the project's logs is kept"),
        ),
        ActionSpec(
            "project.alerts",
            _tr("&Alerts…"),
            menu,
            "project",
            "bell",
            hint=_tr("Rules that tell of lines, figures and ends of the project's sessions"),
        ),
        ActionSpec(
            "audit.show",
            _tr("A&udit trail…"),
            menu,
            "project",
            "list-checks",
            hint=_tr("Who asked for what in your projects, and how it ended"),
        ),
        *_sync_specs(menu),
        ActionSpec(
            "link.copy",
            _tr("Cop&y link"),
            menu,
            "link",
            "external-link",
            hint=_tr("A slate:// link that shows the chosen session or project to others here"),
        ),
        ActionSpec(
            "project.remove",
            _tr("&Remove project…"),
            menu,
            "link",
            "trash-2",
            hint=_tr("Remove the project from SLATE; its files stay"),
        ),
        ActionSpec(
            "server.choose",
            _tr("Ser&vers…"),
            menu,
            "server",
            "server",
            hint=_tr("Work on this computer, or on a server that you share with others"),
        ),
        ActionSpec(
            "server.join",
            _tr("&Join a server…"),
            menu,
            "server",
            "key-round",
            hint=_tr("With the file that its administrator gave you"),
        ),
    ]


def _document_specs(menu: str) -> list[ActionSpec]:
    return [
        ActionSpec(
            "folder.open",
            _tr("Open &folder…"),
            menu,
            "open",
            "folder-open",
            keys=("Ctrl+Shift+O",),
            hint=_tr("Show a folder in the tree; needs no server"),
        ),
        ActionSpec("file.open", _tr("&Open file…"), menu, "open", "file", keys=("Ctrl+Alt+O",)),
        ActionSpec(
            "document.save",
            _tr("&Save file"),
            menu,
            "document",
            "save",
            hint=_tr("Write the open file; Ctrl+S in the editor"),
        ),
        ActionSpec("document.reload", _tr("Rea&d again"), menu, "document", "refresh-cw"),
        ActionSpec("document.pin", _tr("&Pin tab"), menu, "document", "pin", is_checkable=True),
        ActionSpec("document.reveal", _tr("Re&veal in file manager"), menu, "document", "folder"),
        ActionSpec(
            "document.external",
            _tr("Open in another pro&gram"),
            menu,
            "document",
            "external-link",
        ),
        ActionSpec("document.copy_path", _tr("Copy pat&h"), menu, "document", "copy"),
        ActionSpec("document.close", _tr("&Close tab"), menu, "tabs", "x", keys=("Ctrl+W",)),
        ActionSpec("document.close_others", _tr("Clos&e other tabs"), menu, "tabs"),
        ActionSpec("document.next", _tr("&Next tab"), menu, "tabs", keys=("Ctrl+PgDown",)),
        ActionSpec("document.previous", _tr("Previo&us tab"), menu, "tabs", keys=("Ctrl+PgUp",)),
    ]


def _sync_specs(menu: str) -> list[ActionSpec]:
    return [
        ActionSpec(
            "sync.push",
            _tr("Push &files"),
            menu,
            "sync",
            "arrow-up-from-line",
            hint=_tr("Bring what changed in the project's folder to the hosts"),
        ),
        ActionSpec(
            "sync.pull",
            _tr("Pull f&iles"),
            menu,
            "sync",
            "arrow-down-to-line",
            hint=_tr("Bring what others and runtimes changed into the project's folder"),
        ),
        ActionSpec(
            "sync.decide",
            _tr("Files changed on &both sides…"),
            menu,
            "sync",
            "triangle-alert",
            hint=_tr("Decide which version of a file has the name"),
        ),
    ]


def _runtime_specs(menu: str) -> list[ActionSpec]:
    return [
        ActionSpec(
            "session.start",
            _tr("&Start"),
            menu,
            "run",
            "play",
            "state.ok",
            keys=("F5",),
            hint=_tr("Start a runtime with this configuration"),
        ),
        ActionSpec(
            "session.stop",
            _tr("S&top"),
            menu,
            "run",
            "square",
            "state.error",
            keys=("Shift+F5",),
            hint=_tr("Stop the session gracefully"),
        ),
        ActionSpec(
            "session.restart",
            _tr("&Restart"),
            menu,
            "run",
            "rotate-cw",
            keys=("Ctrl+Shift+F5",),
            hint=_tr("Stop the session and start it again"),
        ),
        ActionSpec(
            "session.execute",
            _tr("&Execute…"),
            menu,
            "run",
            "terminal",
            keys=("Ctrl+E",),
            hint=_tr("Run a command inside the session"),
        ),
        ActionSpec(
            "session.new",
            _tr("&New session"),
            menu,
            "sessions",
            "plus",
            keys=("Ctrl+N",),
            hint=_tr("Prepare another session of this project"),
        ),
        ActionSpec(
            "session.remove",
            _tr("Re&move session…"),
            menu,
            "sessions",
            "trash-2",
            hint=_tr("Remove a session that has ended from the list"),
        ),
    ]


def _asset_specs(menu: str) -> list[ActionSpec]:
    return [
        ActionSpec(
            "jobs.add",
            _tr("&Process assets…"),
            menu,
            "add",
            "plus",
            keys=("Ctrl+Shift+I",),
            hint=_tr("Choose textures, models and sounds; or drop them on the window"),
        ),
        ActionSpec("jobs.pause", _tr("Pause the &queue"), menu, "queue", "pause"),
        ActionSpec("jobs.cancel", _tr("&Cancel job"), menu, "job", "x"),
        ActionSpec(
            "jobs.retry",
            _tr("&Retry"),
            menu,
            "job",
            "rotate-cw",
            hint=_tr("Submit the asset again, as it is now"),
        ),
        ActionSpec("jobs.retry_failed", _tr("Retry all &failed"), menu, "job", "repeat"),
        ActionSpec("jobs.open", _tr("&Open result"), menu, "result", "eye"),
        ActionSpec("jobs.reveal", _tr("Re&veal result"), menu, "result", "folder"),
    ]
