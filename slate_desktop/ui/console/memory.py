"""What the console keeps of each log across restarts: filter, marked lines, columns.

Owns reading and writing it as plain JSON values. What is torn or foreign is left out.
"""

from __future__ import annotations

from typing import Any

import msgspec

from slate_desktop.domain.logs import LogLevel

# Of logs that are looked at no more the oldest are forgotten.
_MAX_LOGS = 200
_MAX_MARKS = 1_000
_MAX_TEXTS = 100
_SNIPPET_CHARS = 120


class FilterChoice(msgspec.Struct, frozen=True):
    """What narrows a log.

    Attributes:
        levels: the levels that show, None for all.
        text: what lines must contain.
        is_regex: whether it is a regular expression.
        is_case_sensitive: whether its case matters.
        hidden: texts whose lines do not show.
    """

    levels: frozenset[LogLevel] | None = None
    text: str = ""
    is_regex: bool = False
    is_case_sensitive: bool = False
    hidden: tuple[str, ...] = ()

    @property
    def is_filtering(self) -> bool:
        """Whether any line may be hidden."""
        return self.levels is not None or bool(self.text) or bool(self.hidden)


class LogMemory(msgspec.Struct):
    """What is kept of one log. ``marks`` has the beginning of each marked line."""

    filter: FilterChoice = msgspec.field(default_factory=FilterChoice)
    marks: dict[int, str] = {}
    columns: dict[str, int] = {}

    def mark(self, seq: int, text: str) -> None:
        """Mark a line, or unmark it."""
        if self.marks.pop(seq, None) is None and len(self.marks) < _MAX_MARKS:
            self.marks[seq] = text[:_SNIPPET_CHARS]

    def to_json(self) -> dict[str, Any]:
        """Return it as JSON values; nothing for one that is as at first."""
        choice, kept = self.filter, dict[str, Any]()
        if choice.is_filtering:
            levels = None if choice.levels is None else sorted(choice.levels)
            kept["filter"] = {
                "levels": levels, "text": choice.text, "regex": choice.is_regex,
                "case": choice.is_case_sensitive, "hidden": list(choice.hidden),
            }  # fmt: skip
        if self.marks:
            kept["marks"] = {str(seq): text for seq, text in self.marks.items()}
        if self.columns:
            kept["columns"] = dict(self.columns)
        return kept


def memory_from_json(data: object) -> LogMemory:
    """Return what was kept, defaults for what is missing or of the wrong kind."""
    memory = LogMemory()
    if not isinstance(data, dict):
        return memory
    kept = data.get("filter")
    if isinstance(kept, dict):
        memory.filter = _read_filter(kept)
    for seq, text in _items(data.get("marks")):
        if seq.isdecimal() and len(seq) < 16 and isinstance(text, str):
            memory.marks[int(seq)] = text[:_SNIPPET_CHARS]
    for key, width in _items(data.get("columns")):
        if isinstance(width, int) and 0 < width < 1_000:
            memory.columns[key] = width
    return memory


class Memories:
    """What is kept of all logs, read when a log is opened."""

    def __init__(self, kept: dict[str, Any]) -> None:
        self._kept = dict(kept)
        self._live: dict[str, LogMemory] = {}

    def of(self, log_id: str) -> LogMemory:
        """Return what is kept of a log; what is changed there is kept too."""
        if log_id not in self._live:
            self._live[log_id] = memory_from_json(self._kept.pop(log_id, None))
        return self._live[log_id]

    def to_json(self) -> dict[str, Any]:
        """Return everything as JSON values, what was used last at the end."""
        live = {log_id: memory.to_json() for log_id, memory in self._live.items()}
        kept = self._kept | {log_id: data for log_id, data in live.items() if data}
        return dict(list(kept.items())[-_MAX_LOGS:])


def _read_filter(kept: dict[Any, Any]) -> FilterChoice:
    levels, hidden, text = kept.get("levels"), kept.get("hidden"), kept.get("text")
    names = {level.value for level in LogLevel}
    chosen = None
    if isinstance(levels, list):
        chosen = frozenset(LogLevel(name) for name in levels if name in names)
    return FilterChoice(
        levels=chosen or None,
        text=text if isinstance(text, str) else "",
        is_regex=kept.get("regex") is True,
        is_case_sensitive=kept.get("case") is True,
        hidden=tuple(
            part for part in (hidden if isinstance(hidden, list) else []) if isinstance(part, str)
        )[:_MAX_TEXTS],
    )


def _items(data: object) -> list[tuple[str, Any]]:
    return list(data.items()) if isinstance(data, dict) else []
