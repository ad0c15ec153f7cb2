"""Logging of every entry point: readable on the terminal, JSON lines in a rotated private file.

The program logs with ``logging.getLogger(__name__)``; structlog renders. Everything passes through
``redact`` on its way out.
"""

from __future__ import annotations

import logging
import logging.handlers
import os
import sys
from collections.abc import MutableMapping
from io import TextIOWrapper
from pathlib import Path
from typing import Any, TextIO

from slate_desktop.light_imports import light_imports
from slate_desktop.log.redact import redact, redact_value

# Rich is for tracebacks that show values of variables, and takes as long as the rest; terminals
# that do not know colours by themselves are on Windows alone.
with light_imports(without=("rich",) if sys.platform == "win32" else ("rich", "colorama")):
    import structlog

MAX_FILE_BYTES = 5 * 1024 * 1024
KEPT_FILES = 3
_OWN = {"event", "level", "timestamp", "logger"}


class PrivateRotatingFileHandler(logging.handlers.RotatingFileHandler):
    """A rotating log that is readable by this user alone from its first byte on."""

    def _open(self) -> TextIOWrapper:
        flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND
        flags |= getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_CLOEXEC", 0)
        fd = os.open(self.baseFilename, flags, 0o600)
        return TextIOWrapper(os.fdopen(fd, "ab"), encoding="utf-8", errors="backslashreplace")


def configure(
    level: str = "info",
    *,
    file: Path | None = None,
    stream: TextIO | None = None,
    is_stream_on: bool = True,
) -> None:
    """Set up the root logger; calling again replaces what was set up before.

    Args:
        level: debug, info, warning or error.
        file: also write JSON lines there; its directory exists.
        stream: the terminal, standard error if None.
        is_stream_on: False where standard error goes nowhere, as in a detached supervisor.
    """
    root = logging.getLogger()
    for handler in list(root.handlers):
        if getattr(handler, "is_slate", False):
            root.removeHandler(handler)
            handler.close()
    if is_stream_on:
        target = stream or sys.stderr
        _add(root, logging.StreamHandler(target), _console_renderer(target))
    if file is not None:
        handler = PrivateRotatingFileHandler(
            file, maxBytes=MAX_FILE_BYTES, backupCount=KEPT_FILES, encoding="utf-8"
        )
        _add(root, handler, structlog.processors.JSONRenderer())
    root.setLevel(level.upper())
    # These tell of every reconnect and every request; what matters is translated by our own rooms.
    for name in ("nats", "asyncio", "urllib3", "docker", "watchfiles", "httpx"):
        logging.getLogger(name).setLevel(max(logging.WARNING, root.level))
    # Its pool tells of each attempt at a database that is away, with a stack each time.
    logging.getLogger("asyncpg.pool").setLevel(max(logging.ERROR, root.level))


def redact_event(
    _logger: Any, _method: str, event: MutableMapping[str, Any]
) -> MutableMapping[str, Any]:
    """The structlog processor that keeps secrets out."""
    for key, value in list(event.items()):
        event[key] = redact_value(value, "" if key in _OWN else key)
    return event


class _Redacting(structlog.stdlib.ProcessorFormatter):
    """Redacts the whole line once more: a rendered traceback may quote a secret."""

    def format(self, record: logging.LogRecord) -> str:
        return redact(super().format(record))


def _add(root: logging.Logger, handler: logging.Handler, renderer: Any) -> None:
    is_json = isinstance(renderer, structlog.processors.JSONRenderer)
    processors: list[Any] = [structlog.stdlib.ProcessorFormatter.remove_processors_meta]
    if is_json:
        processors.append(structlog.processors.format_exc_info)
    handler.setFormatter(
        _Redacting(
            foreign_pre_chain=[
                structlog.stdlib.add_log_level,
                structlog.stdlib.add_logger_name,
                structlog.stdlib.ExtraAdder(),
                structlog.processors.TimeStamper(fmt="iso", utc=True),
            ],
            processors=[*processors, redact_event, renderer],
        )
    )
    handler.is_slate = True  # type: ignore[attr-defined]
    root.addHandler(handler)


def _console_renderer(stream: TextIO) -> Any:
    return structlog.dev.ConsoleRenderer(
        colors=stream.isatty() and "NO_COLOR" not in os.environ,
        exception_formatter=structlog.dev.plain_traceback,
    )
