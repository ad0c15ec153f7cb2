"""Errors for people: what happened, why, and what to do next, with the raw text one click away.

Owns the one boundary that turns exceptions into what the user sees. Errors of our tree are told;
anything else is a bug of the program, told as one and written to the crash log.
"""

from __future__ import annotations

import traceback

import msgspec
from PySide6.QtCore import QCoreApplication

from slate_desktop.errors import (
    AgentOfflineError,
    CommandError,
    DatabaseError,
    DeniedError,
    DriverUnavailableError,
    ErrorCode,
    ForgedReplyError,
    NotConnectedError,
    OutcomeUnknownError,
    SettingsError,
    SlateError,
    StackError,
    StaleWriteError,
)
from slate_desktop.translation import message, sentence


def _tr(source: str) -> str:
    return QCoreApplication.translate("Problems", source)


class Problem(msgspec.Struct, frozen=True):
    """What the user is told.

    Attributes:
        what: what did not happen, one short sentence.
        why: the reason, as far as it is known.
        next_step: what to do about it, may be empty.
        raw: the text for a bug report.
        is_bug: whether the program itself is at fault.
    """

    what: str
    why: str
    next_step: str = ""
    raw: str = ""
    is_bug: bool = False

    @property
    def text(self) -> str:
        """Everything but the raw text, as one paragraph each."""
        return "\n".join(part for part in (self.what, self.why, self.next_step) if part)


# What can be done about a code, where the error itself has no hint.
_NEXT: dict[str, str] = {
    ErrorCode.IMAGE_MISSING: message(
        "Switch on “Pull the image” in the details, or build the image: "
        "docs/howto/images.md shows how."
    ),
    ErrorCode.IMAGE_DENIED: message(
        "Use an image of the registry that this host allows, or ask its "
        "administrator to allow this one."
    ),
    ErrorCode.PORT_CONFLICT: message("Change the host port in the details, or stop what uses it."),
    ErrorCode.PORT_DENIED: message("Choose a host port that this host allows."),
    ErrorCode.LIMIT_DENIED: message("Lower memory or CPUs in the details."),
    ErrorCode.GPU_UNAVAILABLE: message(
        "Switch the GPU off in the details, or use a host that has one."
    ),
    ErrorCode.MOUNT_DENIED: message("Mount only directories inside the project."),
    ErrorCode.DOCKER_UNAVAILABLE: message(
        "Start Docker, or choose the local process driver in the "
        "details. “slate doctor” tells more."
    ),
    ErrorCode.DOCKER_ERROR: message(
        "Look at the raw text; “slate doctor” checks the Docker engine."
    ),
    ErrorCode.DB_UNAVAILABLE: message("SLATE reconnects by itself. Running sessions go on."),
    ErrorCode.DISK_LOW: message("Free some space on the host, then try again."),
    ErrorCode.FORBIDDEN: message("Ask an owner of the project."),
    ErrorCode.OOM: message("Raise the memory limit in the details, then start again."),
    ErrorCode.NO_AGENT: message("Start an agent on the host (“slate agent”), then start again."),
    ErrorCode.COMMAND_NOT_FOUND: message(
        "Correct the command in the details, or install the program."
    ),
    ErrorCode.EXITED: message(
        "The last lines of the console usually say why. Mend it and start again."
    ),
    ErrorCode.CONTAINER_LOST: message("Start the session again."),
    ErrorCode.DOCKER_RESTARTED: message("Start the session again."),
    ErrorCode.START_INTERRUPTED: message("Start the session again."),
    ErrorCode.RATE_LIMITED: message("Wait a moment, then try again."),
    ErrorCode.BUSY: message("Wait until the host has room, or stop another session."),
    ErrorCode.EXEC_TIMEOUT: message("Give it more time, or run something shorter."),
    ErrorCode.NOT_RUNNING: message("Start the session first."),
    ErrorCode.EXPIRED: message("Check that the clocks of both machines agree, then try again."),
    ErrorCode.FUTURE: message("Check that the clocks of both machines agree."),
}


def next_step_for(code: str | None) -> str:
    """Return what to do about an error code, or an empty string."""
    text = _NEXT.get(code or "", "")
    return _tr(text) if text else ""


def told(error: SlateError) -> str:
    """Return what happened and what to do, for a line beside what was tried."""
    return " ".join(sentence(part) for part in (str(error), error.hint) if part)


def describe(error: BaseException, what: str = "") -> Problem:
    """Turn an exception into what the user reads.

    Args:
        error: what was raised.
        what: the operation in words, such as "The session could not be started."
    """
    raw = "".join(traceback.format_exception(error)).strip()
    if not isinstance(error, SlateError):
        return Problem(
            what=what or _tr("Something went wrong inside SLATE."),
            why=_tr("This is a fault of the program: {kind}.").format(kind=type(error).__name__),
            next_step=_tr("Please report it with the raw text below. You can go on working."),
            raw=raw,
            is_bug=True,
        )
    if isinstance(error, CommandError):
        raw = f"code: {error.code}\nfield: {error.field or '–'}\n\n{raw}"
        next_step = sentence(error.hint) or next_step_for(error.code)
    else:
        next_step = sentence(error.hint) or _next_for_class(error)
    return Problem(
        what=what or _title_for_class(error),
        why=_sentence(sentence(str(error))),
        next_step=next_step,
        raw=raw,
    )


def _title_for_class(error: SlateError) -> str:
    for kind, title in (
        (NotConnectedError, message("SLATE is not connected.")),
        (AgentOfflineError, message("The host does not answer.")),
        (DeniedError, message("The broker refused the request.")),
        (ForgedReplyError, message("The answer is not believed.")),
        (OutcomeUnknownError, message("No answer came in time.")),
        (StackError, message("The local services could not be started.")),
        (DatabaseError, message("The database is not available.")),
        (DriverUnavailableError, message("Runtimes cannot be started here.")),
        (SettingsError, message("A setting cannot be used.")),
        (StaleWriteError, message("Somebody else changed this in the meantime.")),
    ):
        if isinstance(error, kind):
            return _tr(title)
    return _tr("That did not work.")


def _next_for_class(error: SlateError) -> str:
    for kind, text in (
        (
            NotConnectedError,
            message("SLATE reconnects by itself; try again when the lamp is green."),
        ),
        (
            AgentOfflineError,
            message("Start the agent on that host (“slate agent”), then try again."),
        ),
        (
            ForgedReplyError,
            message("Look at the session’s state, and tell the server’s administrator."),
        ),
        (
            OutcomeUnknownError,
            message("The state is shown as soon as the host answers. Then try again."),
        ),
        (DatabaseError, message("SLATE reconnects by itself. Running sessions go on.")),
        (StackError, message("“slate doctor” checks everything that the local services need.")),
        (
            DriverUnavailableError,
            message("“slate doctor” says what is missing and how to mend it."),
        ),
        (StaleWriteError, message("Look at the new state and try again.")),
    ):
        if isinstance(error, kind):
            return _tr(text)
    return ""


def _sentence(text: str) -> str:
    text = text.strip()
    if not text:
        return ""
    text = text[0].upper() + text[1:]
    return text if text[-1] in ".!?”" else f"{text}."
