"""Words, icons and colours of states: never colour alone."""

from __future__ import annotations

from datetime import UTC, datetime

from PySide6.QtCore import QCoreApplication

from slate_desktop.domain.logs import LogLevel
from slate_desktop.domain.session import RuntimeSession, SessionStatus
from slate_desktop.translation import message
from slate_desktop.ui.text import format_running


def _tr(source: str) -> str:
    return QCoreApplication.translate("Status", source)


_WORDS = {
    SessionStatus.CREATING: message("creating"),
    SessionStatus.STARTING: message("starting"),
    SessionStatus.RUNNING: message("running"),
    SessionStatus.STOPPING: message("stopping"),
    SessionStatus.STOPPED: message("stopped"),
    SessionStatus.FAILED: message("failed"),
    SessionStatus.LOST: message("host lost"),
}
# Icon and colour of each state; the shapes differ too.
_LOOKS = {
    SessionStatus.CREATING: ("circle-dashed", "state.busy"),
    SessionStatus.STARTING: ("circle-dashed", "state.busy"),
    SessionStatus.RUNNING: ("dot-filled", "state.ok"),
    SessionStatus.STOPPING: ("circle-dashed", "state.busy"),
    SessionStatus.STOPPED: ("dot-hollow", "state.idle"),
    SessionStatus.FAILED: ("circle-x", "state.error"),
    SessionStatus.LOST: ("triangle-alert", "state.warn"),
}
_LAMP_ROLES = {
    "ok": "state.ok",
    "busy": "state.busy",
    "warning": "state.warn",
    "off": "state.error",
    "unknown": "state.idle",
}


def status_words(status: SessionStatus) -> str:
    """Return a state in words."""
    return _tr(_WORDS[status])


def level_words(level: LogLevel) -> str:
    """Return a level in words, inside of a sentence."""
    return {
        LogLevel.DEBUG: _tr("debug"),
        LogLevel.INFO: _tr("info"),
        LogLevel.WARN: _tr("warn"),
        LogLevel.ERROR: _tr("error"),
    }[level]


def status_look(status: SessionStatus) -> tuple[str, str]:
    """Return icon and colour role of a state."""
    return _LOOKS[status]


def lamp_role(state: str) -> str:
    """Return the colour role of a lamp."""
    return _LAMP_ROLES[state]


def session_title(session: RuntimeSession) -> str:
    """Return the name of a session: its kind and the start of its id, as the CLI takes it."""
    return f"{session.runtime_type} {session.id[:8]}"


def session_words(session: RuntimeSession, now: datetime | None = None) -> str:
    """Return what a list says about a session: state, how long, or how it ended."""
    words = status_words(session.status)
    moment = now or datetime.now(UTC)
    if session.status is SessionStatus.RUNNING and session.started_at is not None:
        return f"{words} · {format_running((moment - session.started_at).total_seconds())}"
    if session.status is SessionStatus.FAILED:
        if session.oom_killed:
            return f"{words} · {_tr('out of memory')}"
        if session.exit_code is not None:
            return f"{words} · {_tr('exit code {code}').format(code=session.exit_code)}"
    return words
