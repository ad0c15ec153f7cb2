"""Finds the lines that a rule looks for, many at once.

Expressions are RE2's: a person writes them, an agent runs them over every line of a session, and
RE2's time is linear in the text whatever the expression. ``^`` and ``$`` are a line's ends.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator, Sequence
from typing import Any, NoReturn

import msgspec

from slate_desktop.domain.alerts import AlertKind, AlertRule
from slate_desktop.domain.logs import LEVEL_ORDER, LogLevel, LogRecord
from slate_desktop.errors import CommandError, ErrorCode

# A match of an expression costs thirty times a line without one: so many of a batch are counted.
MAX_COUNTED = 200
_MAX_PROGRAM_BYTES = 8 * 1024 * 1024
# Makes ^ and $ the ends of lines.
_PREFIX = "(?m)"


class Found(msgspec.Struct, frozen=True):
    """Matches in a batch: places of the first and the last one, how many, and if that is all."""

    first: int
    last: int
    count: int
    is_at_least: bool = False


class Batch:
    """Lines that several rules look at, joined at most once for all of them."""

    def __init__(self, records: Sequence[LogRecord]) -> None:
        self.records = records
        self._by_level: dict[LogLevel | None, Lines] = {}

    def of_level(self, level: LogLevel | None) -> Lines:
        """Return the lines of a level and worse; None for any level."""
        lines = self._by_level.get(level)
        if lines is None:
            least = 0 if level is None else LEVEL_ORDER[level]
            order = LEVEL_ORDER
            places = [n for n, r in enumerate(self.records) if not least or order[r.level] >= least]
            lines = self._by_level[level] = Lines(self.records, places)
        return lines


class Lines:
    """Some lines of a batch, and their texts in one."""

    def __init__(self, records: Sequence[LogRecord], places: list[int]) -> None:
        self.places = places
        self._records = records
        self._small: str | None = None
        self._encoded: bytes | None = None

    @property
    def small(self) -> str:
        """The texts in small letters, a line each."""
        if self._small is None:
            self._small = "\n".join([self._records[n].message for n in self.places]).lower()
        return self._small

    @property
    def encoded(self) -> bytes:
        """The texts as bytes, a line each."""
        if self._encoded is None:
            text = "\n".join([self._records[n].message for n in self.places])
            self._encoded = text.encode("utf-8", "replace")
        return self._encoded


class LineMatcher:
    """Finds what one rule on lines looks for."""

    def __init__(self, rule: AlertRule) -> None:
        self._level = rule.level
        self._pattern: Any = None
        self._needle = ""
        if rule.kind is AlertKind.TEXT and rule.pattern is not None:
            if rule.is_regex:
                self._pattern = _compile(rule.pattern)
            else:
                self._needle = rule.pattern.lower()

    def find(self, batch: Batch) -> Found | None:
        """Return what a batch holds of it, None for nothing."""
        lines = batch.of_level(self._level)
        places = lines.places
        if not places:
            return None
        if self._pattern is None and not self._needle:
            return Found(places[0], places[-1], len(places))
        if self._pattern is None:
            text, ends = lines.small, self._ends_of_text(lines.small)
        else:
            text, ends = lines.encoded, self._ends_of_matches(lines.encoded)
        starts = list(ends)
        if not starts:
            return None
        lengths = _line_starts(text, "\n" if isinstance(text, str) else b"\n")
        first, last = (bisect_right(lengths, at) - 1 for at in (starts[0], starts[-1]))
        is_at_least = self._pattern is not None and len(starts) >= MAX_COUNTED
        return Found(places[first], places[last], len(starts), is_at_least)

    def _ends_of_text(self, text: str) -> Iterator[int]:
        """Yield a place in each line that has the needle."""
        at = text.find(self._needle)
        while at >= 0:
            yield at
            end = text.find("\n", at)
            at = text.find(self._needle, end) if end >= 0 else -1

    def _ends_of_matches(self, text: bytes) -> Iterator[int]:
        at = 0
        for _ in range(MAX_COUNTED):
            match = self._pattern.search(text, at)
            if match is None:
                return
            yield match.start()
            end = text.find(b"\n", match.start())
            if end < 0:
                return
            at = end + 1


def check_pattern(pattern: str, *, is_regex: bool) -> None:
    """Refuse what is no expression.

    Raises:
        CommandError: ``bad_request`` for the field ``pattern``, with what is wrong.
    """
    if is_regex:
        _compile(pattern)


def _compile(pattern: str) -> Any:
    import re2

    if r"\A" in pattern or r"\z" in pattern:
        _refuse("write ^ and $ for the ends of a line")
    options = re2.Options()
    options.log_errors = False
    options.case_sensitive = False
    options.never_nl = True
    options.max_mem = _MAX_PROGRAM_BYTES
    try:
        compiled = re2.compile(_PREFIX + pattern, options)
    except re2.error as error:
        reason = error.args[0] if error.args else "it cannot be read"
        words = reason.decode("utf-8", "replace") if isinstance(reason, bytes) else str(reason)
        _refuse(words.replace(_PREFIX, ""))
    if compiled.search(b"") is not None:
        _refuse("it matches an empty line")
    return compiled


def _refuse(reason: str) -> NoReturn:
    raise CommandError(
        ErrorCode.BAD_REQUEST,
        f"This is no expression that can be looked for: {reason}.",
        field="pattern",
        hint="Expressions are those of RE2: without look-around and back references.",
    )


def _line_starts(text: Any, end: Any) -> list[int]:
    starts, at = [0], text.find(end)
    while at >= 0:
        starts.append(at + 1)
        at = text.find(end, at + 1)
    return starts
