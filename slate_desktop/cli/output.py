"""What commands print: one JSON object on standard output with ``--json``, else words and tables.

Errors are objects ``{"error": {...}}`` on standard output with ``--json``; the sentence always goes
to standard error too, so that a person who reads along sees it.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from slate_desktop.cli.exits import EXIT_USAGE, exit_code_of

_NO_FOLD = 10_000


class Output:
    """Prints the results of one command."""

    def __init__(self, *, as_json: bool) -> None:
        self.as_json = as_json

    def result(self, value: Mapping[str, Any], human: str | None = None) -> None:
        """Print the one result of a command."""
        if self.as_json:
            _write_json(value)
        elif human is not None:
            self.say(human)
        else:
            self.fields(value)

    def line(self, value: Mapping[str, Any], human: str) -> None:
        """Print one of many results, such as a log line."""
        if self.as_json:
            _write_json(value)
        else:
            self.say(human)

    def say(self, text: str) -> None:
        """Print words to standard output."""
        sys.stdout.write(f"{text}\n")

    def text(self, text: str) -> None:
        """Print a whole text that has its own line ends."""
        sys.stdout.write(text)

    def note(self, text: str) -> None:
        """Print words to standard error."""
        sys.stderr.write(f"{text}\n")
        sys.stderr.flush()

    def flush(self) -> None:
        """Send what was printed on its way."""
        sys.stdout.flush()

    def table(self, headers: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
        """Print a table."""
        from rich.console import Console
        from rich.table import Table
        from rich.text import Text

        table = Table(box=None, pad_edge=False, header_style="bold")
        for header in headers:
            table.add_column(header, overflow="fold")
        for row in rows:
            # Names come from elsewhere: never as markup.
            table.add_row(*(Text("" if cell is None else str(cell)) for cell in row))
        # Lines are folded for a person's terminal only: a script wants a row on one line.
        width = None if sys.stdout.isatty() else _NO_FOLD
        Console(highlight=False, width=width).print(table)

    def fields(self, value: Mapping[str, Any]) -> None:
        """Print an object as aligned names and values."""
        shown = {name: item for name, item in value.items() if item not in (None, "", [], {})}
        width = max((len(name) for name in shown), default=0)
        for name, item in shown.items():
            text = item if isinstance(item, str) else json.dumps(item, ensure_ascii=False)
            self.say(f"{name:<{width}}  {text}")

    def usage(self, error: Any) -> int:
        """Print a usage error and return its exit code."""
        message = error.format_message()
        code = getattr(error, "exit_code", EXIT_USAGE) or EXIT_USAGE
        if self.as_json:
            _write_json({"error": {"code": "usage", "message": message}})
        context = getattr(error, "ctx", None)
        if context is not None:
            self.note(context.get_usage())
        self.note(f"slate: {message}")
        return code

    def error(self, error: BaseException) -> int:
        """Print an error and return its exit code."""
        from slate_desktop.errors import SlateError

        described = describe_error(error)
        if self.as_json:
            _write_json({"error": described})
        self.note(f"slate: {described['message']}")
        if described.get("hint"):
            self.note(f"       {described['hint']}")
        if not isinstance(error, SlateError | TimeoutError | KeyboardInterrupt):
            import traceback

            self.note("".join(traceback.format_exception(error)))
        return exit_code_of(error)


def describe_error(error: BaseException) -> dict[str, Any]:
    """Return an error as plain data, with the names of error replies."""
    from slate_desktop import errors

    if isinstance(error, errors.CommandError):
        described: dict[str, Any] = {"code": error.code.value, "message": error.message}
        described |= {"field": error.field, "retry": error.retry.value, "details": error.details}
    elif isinstance(error, errors.OutcomeUnknownError):
        described = {"code": "outcome_unknown", "message": str(error), "idem": error.idem}
    else:
        described = {"code": _CODES.get(type(error).__name__, "internal"), "message": str(error)}
        described["message"] = described["message"] or type(error).__name__
    hint = getattr(error, "hint", "")
    return described | ({"hint": hint} if hint else {})


_CODES = {
    "NotConnectedError": "not_connected",
    "AgentOfflineError": "agent_offline",
    "DeniedError": "denied",
    "ForgedReplyError": "forged_reply",
    "StackError": "stack",
    "DatabaseError": "db_unavailable",
    "DriverUnavailableError": "driver_unavailable",
    "EnvironmentFaultError": "environment",
    "SettingsError": "settings",
    "StaleWriteError": "illegal_state",
    "TimeoutError": "timeout",
    "KeyboardInterrupt": "interrupted",
}


def _write_json(value: Mapping[str, Any]) -> None:
    text = json.dumps(value, ensure_ascii=False, default=_plain)
    try:
        text.encode(sys.stdout.encoding or "utf-8")
    except UnicodeEncodeError:
        # The bytes of a file's name that are no text, or a terminal that has not all letters.
        text = json.dumps(value, default=_plain)
    sys.stdout.write(f"{text}\n")


def _plain(value: object) -> object:
    import msgspec

    return msgspec.to_builtins(value)
