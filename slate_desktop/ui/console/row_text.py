"""A row as text: time, source, level, columns of fields, message.

Owns what stands in a row and where; knows nothing of fonts and colours.
"""

from __future__ import annotations

from datetime import UTC, datetime
from enum import StrEnum
from functools import lru_cache
from typing import TYPE_CHECKING, NamedTuple

from slate_desktop.translation import plural, translate
from slate_desktop.ui.console import ansi

if TYPE_CHECKING:
    from slate_desktop.control.console import LogRow

# The message of a row for a number that no stored line has.
NEVER_STORED = "never stored"
_TIME_COLUMNS = 12
_LEVEL_COLUMNS = 6
_MAX_COLUMN = 24
_MAX_NAME = 18


class TimeStyle(StrEnum):
    """How times are written: of the day, since the first line, or from the line chosen last."""

    LOCAL = "local"
    START = "start"
    RELATIVE = "relative"


def read_style(text: str) -> TimeStyle:
    """Return the style that was kept as ``text``, the time of day for what is none."""
    return TimeStyle(text) if text in set(TimeStyle) else TimeStyle.LOCAL


class Piece(NamedTuple):
    """What stands before a message; ``role`` is ``time``, ``source``, ``level`` or ``column``."""

    text: str
    role: str


class RowText:
    """How rows are written. One per view."""

    def __init__(self) -> None:
        self.has_times = True
        self.style = TimeStyle.LOCAL
        # The moment that START and RELATIVE count from.
        self.base_ns = 0
        # Fields that have a column, with its width.
        self.columns: dict[str, int] = {}
        # Names of the logs of a merged one.
        self.names: tuple[str, ...] = ()

    def set_columns(self, widths: dict[str, int]) -> None:
        """Give fields a column each; ``widths`` as wide as their longest value."""
        self.columns = {key: min(_MAX_COLUMN, width) for key, width in widths.items()}

    def pieces(self, row: LogRow) -> list[Piece]:
        """Return what stands before the message."""
        if is_gap(row):
            return []
        pieces: list[Piece] = []
        if self.has_times:
            pieces.append(Piece(f"{self.time(row.timestamp_ns):>{_TIME_COLUMNS}} ", "time"))
        if self.names:
            width = self._name_width
            name = self.names[row.source] if row.source < len(self.names) else ""
            pieces.append(Piece(f"{_cut(name, width):<{width}} ", "source"))
        pieces.append(Piece(row.level.value.upper().ljust(_LEVEL_COLUMNS), "level"))
        if self.columns:
            pieces.append(Piece(self._fields(row), "column"))
        return pieces

    @property
    def columns_start(self) -> int:
        """Where the first of the columns begins."""
        start = _LEVEL_COLUMNS + (_TIME_COLUMNS + 1 if self.has_times else 0)
        return start + (self._name_width + 1 if self.names else 0)

    @property
    def column_names(self) -> str:
        """The names of the columns, each as wide as its column."""
        names = (f"{_cut(key, width):<{width}}  " for key, width in self.columns.items())
        return "".join(names)

    def prefix(self, row: LogRow) -> str:
        """Return what stands before the message as one text."""
        return "".join([piece.text for piece in self.pieces(row)])

    def message(self, row: LogRow) -> str:
        """Return the message with its terminal colours; of a JSON line in columns, its words."""
        if self.columns and row.message.startswith("{"):
            from slate_desktop.control.log_fields import message_of

            return message_of(row.message) or row.message
        return row.message

    def plain(self, row: LogRow) -> str:
        """Return the message as it is shown."""
        return ansi.strip(self.message(row))

    def text(self, row: LogRow, pieces: list[Piece] | None = None) -> str:
        """Return a row as it is shown and copied; ``pieces`` where they are known already."""
        if row.kind.name == "WAITING":
            return "…"
        if is_gap(row):
            if row.message == NEVER_STORED:
                words = translate("… line {n} was lost before it was stored …")
                return words.format(n=f"{row.seq:,}")
            count = row.last_seq - row.seq + 1
            return plural(
                "… {count:,} line is being fetched …",
                "… {count:,} lines are being fetched …",
                count,
            )
        if pieces is None:
            pieces = self.pieces(row)
        return "".join([piece.text for piece in pieces]) + self.plain(row)

    def time(self, timestamp_ns: int) -> str:
        """Return a moment in the chosen style."""
        if self.style is TimeStyle.LOCAL:
            return format_clock(timestamp_ns)
        return format_span(timestamp_ns - self.base_ns)

    @property
    def _name_width(self) -> int:
        return min(_MAX_NAME, max(map(len, self.names)))

    def _fields(self, row: LogRow) -> str:
        from slate_desktop.control.log_fields import fields_of, value_text

        fields = fields_of(row)
        return "".join(
            f"{_cut(ansi.strip(value_text(fields.get(key))), width):<{width}}  "
            for key, width in self.columns.items()
        )


def is_gap(row: LogRow) -> bool:
    """Tell whether a row has no line (yet); RowKind is imported after the first paint."""
    return row.kind.name != "LINE"


def format_clock(timestamp_ns: int) -> str:
    """Return the local time of day with milliseconds."""
    second, rest = divmod(timestamp_ns, 1_000_000_000)
    return f"{_clock_of_second(second)}.{rest // 1_000_000:03d}"


def format_span(span_ns: int) -> str:
    """Return a span as ``+1:02:03.456``, shorter where it has no hours or minutes."""
    sign, milliseconds = "-" if span_ns < 0 else "+", abs(span_ns) // 1_000_000
    seconds, milliseconds = divmod(milliseconds, 1000)
    minutes, seconds = divmod(seconds, 60)
    hours, minutes = divmod(minutes, 60)
    if hours:
        return f"{sign}{hours}:{minutes:02d}:{seconds:02d}.{milliseconds:03d}"
    return f"{sign}{minutes}:{seconds:02d}.{milliseconds:03d}"


@lru_cache(maxsize=64)
def _clock_of_second(second: int) -> str:
    return datetime.fromtimestamp(second, tz=UTC).astimezone().strftime("%H:%M:%S")


def _cut(text: str, width: int) -> str:
    return text if len(text) <= width else text[: width - 1] + "…"
