"""Which page of the guide belongs to what is in the window, and what each thing is in a sentence.

A test knows every pane, document and dialog, and asks for its line here; and for its heading in the
pages.
"""

from __future__ import annotations

from dataclasses import dataclass
from html import escape
from pathlib import Path

from PySide6.QtWidgets import QWidget

from slate_desktop.settings.paths import guide_path
from slate_desktop.translation import message, translate

CONTENTS = "howto/window.md"


@dataclass(frozen=True)
class Topic:
    """A thing of the window.

    Attributes:
        page: below the guide's folder, with the heading's anchor after ``#``.
        what: what it is, in one sentence; translated where it is shown.
    """

    page: str
    what: str


def _topic(page: str, what: str) -> Topic:
    return Topic(f"howto/{page}", what)


_WINDOW = _topic("window.md", message("The window: projects, sessions, their logs and graphs."))
# Panes by the names of their docks, documents and dialogs by their classes.
TOPICS: dict[str, Topic] = {
    "project": _topic(
        "window.md#panes", message("Your projects with their sessions and files, as a tree.")
    ),
    "sessions": _topic(
        "window.md#a-session", message("Every session that runs or ran, of all your projects.")
    ),
    "performance": _topic(
        "window.md#performance",
        message("Graphs of what the session uses, with marks for what happened."),
    ),
    "console": _topic(
        "window.md#console", message("The logs of sessions and builds, live and to the first line.")
    ),
    "build": _topic("builds.md#in-the-window", message("How the next build is made.")),
    "builds": _topic(
        "builds.md#in-the-window",
        message("Builds that wait, run and have ended, and their results."),
    ),
    "assets": _topic("previews.md#browser", message("The assets in the project's folder.")),
    "jobs": _topic("assets.md#in-the-window", message("Assets that are being processed.")),
    "StartPage": _topic("window.md#the-first-day", message("Where to begin.")),
    "DetailsPane": _topic(
        "window.md#a-session",
        message("What the chosen session is and runs with; changes count from its next start on."),
    ),
    "TextDocument": _topic("previews.md#text-and-everything-else", message("A text file.")),
    "HexDocument": _topic("previews.md#text-and-everything-else", message("A file byte by byte.")),
    "FontDocument": _topic("previews.md#text-and-everything-else", message("A font.")),
    "VideoDocument": _topic("previews.md#text-and-everything-else", message("A video.")),
    "AudioDocument": _topic("previews.md#sounds", message("A sound, as it is and processed.")),
    "TextureDocument": _topic(
        "previews.md#textures", message("A texture, as it is and processed.")
    ),
    "ModelDocument": _topic("previews.md#models", message("A model, as it is and processed.")),
    "ProblemDialog": Topic("error-codes.md", message("What went wrong, and what to do about it.")),
    "Question": _WINDOW,
    "AddProjectDialog": _topic(
        "window.md#the-first-day", message("Makes the folder of a game a project.")
    ),
    "ServersDialog": _topic(
        "server.md#let-people-in", message("The servers that you can work on.")
    ),
    "SettingsDialog": _topic(
        "window.md#settings", message("Everything that can be set, with its meaning.")
    ),
    "ShortcutsDialog": _topic(
        "window.md#keyboard", message("Every command with its keys, which you can change.")
    ),
    "ComparisonDialog": _topic(
        "builds.md#in-the-window", message("Two builds side by side: what differs.")
    ),
    "PresetDialog": _topic(
        "builds.md#in-the-window", message("Keeps the settings of a build under a name.")
    ),
    "MembersDialog": _topic(
        "server.md#let-people-in", message("Who is in the project, and what they may do.")
    ),
    "AuditDialog": _topic(
        "server.md#who-did-what", message("Who asked for what in your projects, and how it ended.")
    ),
    "DutyDialog": _topic("server.md#more-hosts", message("Takes a host out of service.")),
    "SupportDialog": _topic(
        "window.md#when-slate-itself-fails", message("What helps whoever mends a fault.")
    ),
    "NewsDialog": _WINDOW,
    "AboutDialog": _WINDOW,
    "ExecuteDialog": _topic("window.md#a-session", message("Runs a command inside the session.")),
    "QuickLook": _topic("previews.md#browser", message("A quick look at an asset.")),
    "ConflictsDialog": _topic(
        "sync.md#when-both-sides-changed-a-file",
        message("Files that changed here and elsewhere, until you decide."),
    ),
    "RetentionDialog": _topic(
        "window.md#performance",
        message("How long and how much of the project's logs is kept."),
    ),
    "AlertsDialog": _topic(
        "window.md#performance",
        message("Rules that tell of lines, figures and ends of the project's sessions."),
    ),
    "RuleEditor": _topic(
        "window.md#performance", message("What a rule looks at, and when it tells of it.")
    ),
    "SaveQuestion": _topic(
        "previews.md#text-and-everything-else", message("Files that are not saved yet.")
    ),
    "SaveDialog": _topic(
        "assets.md#presets-of-a-project", message("Keeps options of assets under a name.")
    ),
    "GuideDialog": _WINDOW,
}


def topic_of(widget: QWidget | None) -> Topic:
    """Return the topic of the innermost thing that a widget is in; the window's where none is."""
    while widget is not None:
        for kind in type(widget).__mro__:
            if kind.__name__ in TOPICS:
                return TOPICS[kind.__name__]
        name = widget.objectName().removeprefix("dock.")
        if name in TOPICS:
            return TOPICS[name]
        widget = widget.parentWidget()
    return _WINDOW


def whats_this(topic: Topic) -> str:
    """Return the words of “What is this?” as rich text."""
    more = translate("F1 opens its page of the guide.")
    return f"<p>{escape(translate(topic.what), quote=False)}</p><p>{escape(more)}</p>"


def page_path(page: str) -> Path | None:
    """Return the file of a page, None where the guide was not installed with the program."""
    name = page.partition("#")[0]
    path = guide_path() / name
    is_installed = name == "error-codes.md" or name.startswith("howto/")
    return path if is_installed and path.is_file() else None
