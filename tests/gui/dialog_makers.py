"""Every dialog of the program, made as its users see it: for tests over all of them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from PySide6.QtWidgets import QDialog

from slate_desktop.diagnosis.support import SupportFile
from slate_desktop.domain.alerts import Alert, make_rule
from slate_desktop.domain.builds.comparison import Comparison, Difference, FileDifference
from slate_desktop.domain.engine import Engine, EngineDetection
from slate_desktop.domain.retention import LogPolicy
from slate_desktop.domain.trees.compare import Difference as Conflict
from slate_desktop.domain.trees.manifest import Entry
from slate_desktop.settings import catalog
from slate_desktop.settings.parts import Part
from slate_desktop.ui.add_project import AddProjectDialog
from slate_desktop.ui.alerts.dialog import AlertsDialog
from slate_desktop.ui.alerts.editor import RuleEditor
from slate_desktop.ui.assets.quick_look import QuickLook
from slate_desktop.ui.audit.dialog import AuditDialog
from slate_desktop.ui.builds.comparison import ComparisonDialog
from slate_desktop.ui.builds.presets import PresetDialog
from slate_desktop.ui.dialogs import ProblemDialog, Question
from slate_desktop.ui.documents.closing import SaveQuestion
from slate_desktop.ui.execute_dialog import ExecuteDialog
from slate_desktop.ui.help_dialogs import AboutDialog, NewsDialog
from slate_desktop.ui.jobs.preset_commands import SaveDialog
from slate_desktop.ui.members import MembersDialog
from slate_desktop.ui.monitor.duty import DutyDialog
from slate_desktop.ui.monitor.retention import RetentionDialog
from slate_desktop.ui.problems import Problem
from slate_desktop.ui.servers_dialog import ServerRow, ServersDialog
from slate_desktop.ui.settings.dialog import SettingsDialog
from slate_desktop.ui.settings.shortcuts_dialog import ShortcutsDialog
from slate_desktop.ui.support.dialog import SupportDialog
from slate_desktop.ui.sync.conflicts import ConflictsDialog
from slate_desktop.ui.window import MainWindow

Make = Callable[[MainWindow, Path], QDialog]


def _problem(window: MainWindow, _folder: Path) -> QDialog:
    problem = Problem(
        "The session could not be started.", "Port 8080 is taken.", "Take another.", is_bug=True
    )
    dialog = ProblemDialog(window, window.theme, problem)
    dialog.toggle.click()
    return dialog


def _question(window: MainWindow, _folder: Path) -> QDialog:
    return Question(
        window,
        window.theme,
        title="Remove pong",
        text="Remove pong from SLATE? Its files stay.",
        action="Remove",
        is_danger=True,
    )


def _add_project(window: MainWindow, folder: Path) -> QDialog:
    dialog = AddProjectDialog(window, window.theme, str(folder))
    dialog.show_finding(str(folder), EngineDetection(engine=Engine.CUSTOM))
    dialog.show_error("A project of that name is there already.")
    return dialog


def _servers(window: MainWindow, _folder: Path) -> QDialog:
    dialog = ServersDialog(window, window.theme)
    dialog.show_rows([ServerRow(name="local", address="", is_used=True, can_leave=False)])
    dialog.show_message("The server does not answer.")
    return dialog


def _settings(window: MainWindow, folder: Path) -> QDialog:
    states, _ = catalog.states()
    dialog = SettingsDialog(window, window.theme, states, str(folder))
    dialog.show_states(states, ["settings.toml was ignored."])
    dialog.show_problem("build_slots", "Enter a whole number from 0 to 64.")
    dialog.show_saved("Theme is saved.", needs_restart=True)
    return dialog


def _alerts(window: MainWindow, _folder: Path) -> QDialog:
    dialog = AlertsDialog(window, window.theme, "pong")
    rule = make_rule(name="Crashes", kind="text", pattern="crash")
    alert = Alert(
        id="a", project_id="p", session_id="s", rule_id=rule.id, rule_name=rule.name,
        kind=rule.kind, at_ns=1, last_ns=1, count=1204, words="crash at 12",
    )  # fmt: skip
    dialog.set_rules([rule])
    dialog.set_alerts([alert], {})
    return dialog


def _rule(window: MainWindow, _folder: Path) -> QDialog:
    rule = make_rule(name="Memory", kind="memory", threshold="80%")
    dialog = RuleEditor(window, ["Crashes"], rule, can_test=True)
    dialog.show_outcome("Of 10,000 looked at, 7 match: 1 alerts.")
    return dialog


def _conflicts(window: MainWindow, _folder: Path) -> QDialog:
    dialog = ConflictsDialog(window, "pong")
    mine = Entry("save/game.dat", 2_000_000, 1_700_000_000_000_000_000, "a" * 64)
    dialog.show_conflicts([Conflict("save/game.dat", None, mine, None)])
    dialog.show_message("It is being decided.")
    return dialog


def _comparison(window: MainWindow, _folder: Path) -> QDialog:
    found = Comparison(
        facts=(Difference(name="Status", left="completed", right="failed"),),
        files=(FileDifference(path="game.pck", left=10, right=20, is_same_content=False),),
        left_bytes=10,
        right_bytes=20,
    )
    return ComparisonDialog(window, window.theme, found, "1", "2")


def _support(window: MainWindow, _folder: Path) -> QDialog:
    dialog = SupportDialog(window, window.theme)
    dialog.show_files([SupportFile(name="about.json", text="{}")])
    dialog.show_message("The disk is full.", is_problem=True)
    return dialog


DIALOGS: tuple[tuple[type[QDialog], Make], ...] = (
    (ProblemDialog, _problem),
    (Question, _question),
    (AddProjectDialog, _add_project),
    (ServersDialog, _servers),
    (SettingsDialog, _settings),
    (ComparisonDialog, _comparison),
    (
        MembersDialog,
        lambda window, _: MembersDialog(window, window.workspace.projects[0], "me"),
    ),
    (SupportDialog, _support),
    (DutyDialog, lambda window, _: DutyDialog(window, "sbx01", is_drain=True)),
    (NewsDialog, lambda window, _: NewsDialog(window, "- One thing\n- Another")),
    (ShortcutsDialog, lambda window, _: ShortcutsDialog(window, window.theme)),
    (ExecuteDialog, lambda window, _: ExecuteDialog(window, window.theme, "pong", ["ls"])),
    (QuickLook, lambda window, _: QuickLook(window, window.documents.context)),
    (AuditDialog, lambda window, _: AuditDialog(window, window.theme, window.workspace.projects)),
    (ConflictsDialog, _conflicts),
    (RetentionDialog, lambda window, _: RetentionDialog(window, "pong", LogPolicy())),
    (AlertsDialog, _alerts),
    (RuleEditor, _rule),
    (SaveQuestion, lambda window, _: SaveQuestion(window, window.theme, ["hero.gd"])),
    (PresetDialog, lambda window, _: PresetDialog(window, ["release"], "release")),
    (SaveDialog, lambda window, _: SaveDialog(window, None)),
    (
        AboutDialog,
        lambda window, _: AboutDialog(
            window, window.theme, [Part(name="msgspec", version="0.20", licence="BSD-3-Clause")]
        ),
    ),
)
