"""Every dialog of the program, made as its users see it: for tests over all of them."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

from PySide6.QtWidgets import QDialog

from slate_desktop.control.values import ExecResult
from slate_desktop.diagnosis.support import SupportFile
from slate_desktop.domain.alerts import Alert, make_rule
from slate_desktop.domain.audit import AuditEntry
from slate_desktop.domain.builds.comparison import Comparison, Difference, FileDifference
from slate_desktop.domain.engine import Engine, EngineDetection
from slate_desktop.domain.project import Member
from slate_desktop.domain.quotas import Level, Quota, QuotaUse, Scope, lines_of
from slate_desktop.domain.retention import LogPolicy
from slate_desktop.domain.roles import Role
from slate_desktop.domain.sizes import GIB
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
from slate_desktop.ui.help.dialog import GuideDialog
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
        "The session could not be started.",
        "Port 8080 is taken.",
        "Take another.",
        raw="port_conflict: bind 0.0.0.0:8080: address already in use",
        is_bug=True,
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
    dialog.show_rows(
        [
            ServerRow(name="local", address="", is_used=True, can_leave=False),
            ServerRow(
                name="studio", address="tls://slate.studio.example:4222", is_used=False,
                can_leave=True,
            ),
        ]
    )  # fmt: skip
    dialog.show_message("The server does not answer.")
    return dialog


def _settings(window: MainWindow, folder: Path) -> QDialog:
    states, _ = catalog.states()
    dialog = SettingsDialog(window, window.theme, states, str(folder))
    assert len(dialog.rows) == len(states)  # those below the edge, too
    dialog.show_states(states, ["settings.toml was ignored."])
    dialog.show_problem("build_slots", "Enter a whole number from 0 to 64.")
    dialog.show_saved("Theme is saved.", needs_restart=True)
    return dialog


def _alerts(window: MainWindow, _folder: Path) -> QDialog:
    dialog = AlertsDialog(window, window.theme, "pong")
    rules = [
        make_rule(name="Crashes", kind="text", pattern="crash"),
        make_rule(name="Broken paths", kind="level", level="error"),
        make_rule(name="Server is full", kind="memory", threshold="80%", held_s=60),
    ]
    told = (
        (rules[0], 1204, "crash in the physics thread at res://Main.gd:24"),
        (rules[2], 1, "memory at 86 % of its limit"),
        (rules[1], 17, "Path of bot 17 is blocked, at res://Main.gd:31"),
    )
    at_ns = 1_772_619_744_000_000_000
    alerts = [
        Alert(
            id=str(number), project_id="p", session_id=f"3f2a91c{number}", rule_id=rule.id,
            rule_name=rule.name, kind=rule.kind, at_ns=at_ns - number * 310_000_000_000,
            last_ns=at_ns, count=count, words=words,
        )
        for number, (rule, count, words) in enumerate(told)
    ]  # fmt: skip
    dialog.set_rules(rules)
    dialog.set_alerts(alerts, {})
    return dialog


def _rule(window: MainWindow, _folder: Path) -> QDialog:
    rule = make_rule(name="Memory", kind="memory", threshold="80%")
    dialog = RuleEditor(window, ["Crashes"], rule, can_test=True)
    dialog.show_outcome("Of the 10,000 samples looked at 7 match: 1 alert.")
    return dialog


def _conflicts(window: MainWindow, _folder: Path) -> QDialog:
    dialog = ConflictsDialog(window, "pong")
    day_ns = 86_400_000_000_000
    mine = Entry("save/game.dat", 2_000_000, 1_772_619_744_000_000_000, "a" * 64)
    theirs = Entry("save/game.dat", 2_004_112, mine.mtime_ns + day_ns, "b" * 64)
    scene = Entry("levels/harbour/Harbour.tscn", 48_210, mine.mtime_ns - 3 * day_ns, "c" * 64)
    dialog.show_conflicts(
        [Conflict(mine.path, None, mine, theirs), Conflict(scene.path, scene, None, scene)]
    )
    dialog.show_message("It is being decided.")
    return dialog


def _comparison(window: MainWindow, _folder: Path) -> QDialog:
    facts = (
        ("Platform", "linux", "linux"),
        ("Type", "development", "production"),
        ("Status", "completed", "failed"),
        ("Verdict", "passed", "failed"),
        ("Engine", "godot 3.5", "godot 3.5"),
        ("Driver", "docker", "docker"),
        ("Commit", "9f41c27d3a", "51e0b8aa02 (changed)"),
        ("Duration", "7.0 s", "14.1 s"),
        ("Errors", "0", "2"),
        ("Warnings", "1", "1"),
    )
    files = (
        ("harbour.pck", 18_400_000, 21_250_000, False),
        ("harbour.x86_64", 30_600_000, 30_600_000, True),
        ("levels/harbour/a_tower_with_a_long_name_of_its_own.res", None, 310_000, False),
        ("readme.txt", 1_200, None, False),
    )
    found = Comparison(
        facts=tuple(Difference(name=n, left=a, right=b) for n, a, b in facts),
        files=tuple(
            FileDifference(path=path, left=left, right=right, is_same_content=is_same)
            for path, left, right, is_same in files
        ),
        left_bytes=49_001_200,
        right_bytes=52_160_000,
    )
    return ComparisonDialog(window, window.theme, found, "819ac48d", "c34420cd")


def _members(window: MainWindow, _folder: Path) -> QDialog:
    project = window.workspace.projects[0]
    dialog = MembersDialog(window, project, "me")
    people = (
        ("me", "Anna", Role.OWNER),
        ("b", "Bert", Role.DEVELOPER),
        ("d", "Maximiliane von Hohenstein-Waldburg", Role.ARTIST),
        ("user-7f3c", "", Role.VIEWER),
    )
    dialog.show_members(
        [Member(project_id=project.id, user_id=i, role=r, name=n) for i, n, r in people]
    )
    quota = Quota(
        scope=Scope.PROJECT, subject_id=project.id, level=Level.OWNER, set_by="Anna",
        sessions=4, memory_bytes=64 * GIB,
    )  # fmt: skip
    use = QuotaUse(sessions=2, memory_bytes=12 * GIB, cpus=6.0, disk_bytes=3 * GIB)
    dialog.show_quotas(lines_of([quota], use), may_change=True)
    return dialog


def _audit(window: MainWindow, _folder: Path) -> QDialog:
    projects = window.workspace.projects
    dialog = AuditDialog(window, window.theme, projects)
    at = datetime(2026, 3, 4, 10, 22, tzinfo=UTC)
    asked = (
        ("Anna", "session.execute", "3f2a91c0", "ls -l /app/project", "ok", ""),
        ("Anna", "session.start", "3f2a91c0", "", "port_conflict", "Port 8080 is taken."),
        ("Bert", "build.run", "c34420cd", "linux production", None, ""),
        ("Bert", "asset.submit", "art/textures/stone_albedo.png", "texture", "ok", ""),
        ("Maximiliane von Hohenstein-Waldburg", "project.grant", "Bert", "developer", "ok", ""),
        ("Anna", "session.stop", "88cd5ecb", "", "not_found", "There is no such session."),
    )
    entries = [
        AuditEntry(
            id=len(asked) - number, project_id=projects[0].id, project_name=projects[0].name,
            user_id=name, user_name=name, agent_id="sbx01", action=action, target=target,
            detail=detail, asked_at=at, recorded_at=at - timedelta(minutes=17 * number), code=code,
            message=message, ended_at=at,
        )
        for number, (name, action, target, detail, code, message) in enumerate(asked)
    ]  # fmt: skip
    dialog.show_entries(entries, has_older=True)
    return dialog


def _execute(window: MainWindow, _folder: Path) -> QDialog:
    line = "ls -l /app/project"
    dialog = ExecuteDialog(window, window.theme, "pong", [line])
    listing = (
        "total 12\n"
        "-rw-r--r-- 1 slate slate 1248 Mar  4 10:20 Main.gd\n"
        "drwxr-xr-x 2 slate slate 4096 Mar  4 10:20 art\n"
        "-rw-r--r-- 1 slate slate   17 Mar  4 10:20 project.godot\n"
    )
    dialog.show_running(line)
    dialog.show_result(ExecResult(exit_code=0, stdout=listing, stderr="", duration_ms=38))
    return dialog


def _support(window: MainWindow, _folder: Path) -> QDialog:
    dialog = SupportDialog(window, window.theme)
    about = {"slate": "0.1.0", "python": "3.11.7", "qt": "6.11.3", "system": "Debian 12"}
    checks = [
        {"name": "Docker", "state": "ok", "words": "Docker 20.10.24 answers"},
        {"name": "Disk", "state": "warning", "words": "12 GB are free, 20 GB are advised"},
    ]
    log = (
        "2026-03-04T10:22:24Z info connected server=tls://<host>:4222\n"
        "2026-03-04T10:22:25Z warning the database answers slowly ms=1240\n"
    )
    parts = (
        ("README.txt", "What this bundle holds, and what was taken out of it.\n"),
        ("about.json", json.dumps(about, indent=2)),
        ("checks.json", json.dumps(checks, indent=2)),
        ("logs/desktop.log", log * 12),
    )
    dialog.show_files([SupportFile(name=name, text=text) for name, text in parts])
    dialog.list.setCurrentRow(2)
    dialog.show_message("The disk is full.", is_problem=True)
    return dialog


_NEWS = """
Sessions, builds and assets of your games, from one window or from the command line.

## New

- The tools of a pane stand in its title bar, so that logs, builds, assets and jobs have a row more.
- Alerts: rules on levels, texts, CPU and memory, told without floods (File ▸ *Alerts…*).
- What the last runs needed is said, and made the project's setting with one press.

## Mended

- A log that is read again no longer counts dropped lines twice.
- `slate doctor` names databases whose data directory was deleted.
"""

DIALOGS: tuple[tuple[type[QDialog], Make], ...] = (
    (ProblemDialog, _problem),
    (Question, _question),
    (AddProjectDialog, _add_project),
    (ServersDialog, _servers),
    (SettingsDialog, _settings),
    (ComparisonDialog, _comparison),
    (
        MembersDialog,
        _members,
    ),
    (SupportDialog, _support),
    (DutyDialog, lambda window, _: DutyDialog(window, "sbx01", is_drain=True)),
    (GuideDialog, lambda window, _: GuideDialog(window)),
    (NewsDialog, lambda window, _: NewsDialog(window, _NEWS)),
    (ShortcutsDialog, lambda window, _: ShortcutsDialog(window, window.theme)),
    (ExecuteDialog, _execute),
    (QuickLook, lambda window, _: QuickLook(window, window.documents.context)),
    (AuditDialog, _audit),
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
            window,
            window.theme,
            [
                Part(name=name, version=version, licence=licence)
                for name, version, licence in (
                    ("msgspec", "0.20", "BSD-3-Clause"),
                    ("numpy", "2.2.6", "BSD-3-Clause"),
                    ("Pillow", "11.3.0", "MIT-CMU"),
                    ("PySide6-Essentials", "6.11.3", "LGPL-3.0-only"),
                    ("typer", "0.16.0", "MIT"),
                )
            ],
        ),
    ),
)
