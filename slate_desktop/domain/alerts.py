"""Rules that tell people of what happens in a project's sessions, and what they told.

A rule looks at lines (their level, their text), at figures (CPU, memory, network), or at how a run
ends. What it tells is an *alert*. While a rule is cooling down further matches are counted into the
alert that it gave, so that nobody is flooded and nothing is hidden.
"""

from __future__ import annotations

import math
from enum import StrEnum
from typing import NoReturn

import msgspec

from slate_desktop.domain.ids import new_id
from slate_desktop.domain.logs import LogLevel
from slate_desktop.domain.sizes import exact_size, format_bytes, parse_size
from slate_desktop.errors import CommandError, ErrorCode
from slate_desktop.translation import message

MAX_RULES = 50
MAX_NAME = 64
MAX_PATTERN = 500
DEFAULT_COOLDOWN_S = 300
MIN_COOLDOWN_S = 10
MAX_COOLDOWN_S = 86_400
MAX_HELD_S = 3600
_MAX_CPU_PERCENT = 100_000.0


class AlertKind(StrEnum):
    """What a rule looks at."""

    LEVEL = "level"
    TEXT = "text"
    CPU = "cpu"
    MEMORY = "memory"
    NETWORK = "network"
    EXIT = "exit"
    OOM = "oom"

    @property
    def is_of_lines(self) -> bool:
        """Whether it looks at lines."""
        return self in (AlertKind.LEVEL, AlertKind.TEXT)

    @property
    def is_of_figures(self) -> bool:
        """Whether it looks at figures and has a threshold."""
        return self in (AlertKind.CPU, AlertKind.MEMORY, AlertKind.NETWORK)


class AlertRule(msgspec.Struct, frozen=True, kw_only=True):
    """One rule of a project.

    Attributes:
        id: new for a rule that is not stored yet.
        name: what people call it; no two of a project are alike.
        kind: what it looks at.
        level: lines of this level and worse; of any for a ``text`` rule without one.
        pattern: what a ``text`` rule looks for, without regard to case.
        is_regex: whether the pattern is an expression of RE2.
        threshold: percent of one core for ``cpu``, bytes or percent of the limit for ``memory``,
            bytes per second, both ways together, for ``network``.
        is_percent: whether a memory threshold is percent of the runtime's limit.
        held_s: for how many seconds a figure must be at or over the threshold.
        cooldown_s: for how many seconds further matches are only counted.
        is_enabled: whether it looks at anything now.
    """

    id: str
    name: str
    kind: AlertKind
    level: LogLevel | None = None
    pattern: str | None = None
    is_regex: bool = False
    threshold: float | None = None
    is_percent: bool = False
    held_s: int = 0
    cooldown_s: int = DEFAULT_COOLDOWN_S
    is_enabled: bool = True


class Alert(msgspec.Struct, frozen=True, kw_only=True):
    """What a rule told.

    ``at_ns`` and ``last_ns`` are UTC nanoseconds of the first and the newest match, ``count`` how
    many there were up to the end of its cooling down; ``is_at_least`` where not all were counted.
    ``seq`` is the line's number, None for what is no line.
    """

    id: str
    project_id: str
    session_id: str
    rule_id: str
    rule_name: str
    kind: AlertKind
    at_ns: int
    last_ns: int
    count: int
    words: str
    seq: int | None = None
    is_at_least: bool = False

    @property
    def suppressed(self) -> int:
        """How many matches were only counted."""
        return max(0, self.count - 1)


def make_rule(
    *,
    name: str,
    kind: AlertKind | str,
    level: LogLevel | str | None = None,
    pattern: str | None = None,
    is_regex: bool = False,
    threshold: str | float | None = None,
    held_s: int = 0,
    cooldown_s: int = DEFAULT_COOLDOWN_S,
    is_enabled: bool = True,
    rule_id: str | None = None,
) -> AlertRule:
    """Return a rule of what a person wrote.

    Args:
        name: 1 to 64 characters.
        kind: what it looks at.
        level: needed by ``level`` rules, allowed for ``text``.
        pattern: needed by ``text`` rules.
        is_regex: whether the pattern is an expression.
        threshold: of a rule on figures: ``150`` or ``150%`` for CPU, ``80%`` or ``3g`` for memory,
            ``10m`` (bytes per second) for the network.
        held_s: seconds, up to an hour; of rules on figures.
        cooldown_s: 10 seconds to a day.
        is_enabled: whether it is on.
        rule_id: of the rule that is changed; None for a new one.

    Raises:
        CommandError: ``bad_request`` with the field that is wrong.
    """
    text = name.strip()
    if not 1 <= len(text) <= MAX_NAME or not text.isprintable():
        _bad("name", f"A rule's name has 1 to {MAX_NAME} characters.")
    known = _kind(kind)
    amount, is_percent = None, False
    if known.is_of_figures:
        amount, is_percent = read_threshold(known, threshold)
    elif threshold not in (None, ""):
        _bad("threshold", f"A rule on {known.value} has no threshold.")
    if not 0 <= held_s <= MAX_HELD_S:
        _bad("held_s", f"A figure is held for 0 to {MAX_HELD_S} seconds.")
    if not MIN_COOLDOWN_S <= cooldown_s <= MAX_COOLDOWN_S:
        _bad("cooldown_s", f"Cooling down takes {MIN_COOLDOWN_S} to {MAX_COOLDOWN_S} seconds.")
    return AlertRule(
        id=rule_id or new_id(),
        name=text,
        kind=known,
        level=_level(known, level),
        pattern=_pattern(known, pattern, is_regex=is_regex),
        is_regex=is_regex and known is AlertKind.TEXT,
        threshold=amount,
        is_percent=is_percent,
        held_s=held_s if known.is_of_figures else 0,
        cooldown_s=cooldown_s,
        is_enabled=is_enabled,
    )


def read_threshold(kind: AlertKind, value: str | float | None) -> tuple[float, bool]:
    """Return a threshold and whether it is percent of the limit; raises like ``make_rule``."""
    text = "" if value is None else str(value).strip().lower()
    if not text:
        _bad("threshold", f"A rule on {kind.value} needs a threshold.")
    is_percent = text.endswith("%")
    number = text.removesuffix("%").strip()
    try:
        if kind is AlertKind.CPU or is_percent:
            amount = float(number)
        else:
            amount = float(parse_size(number.removesuffix("/s")))
    except ValueError:
        _bad("threshold", _EXAMPLES[kind])
    most = 100.0 if kind is AlertKind.MEMORY and is_percent else _MAX_CPU_PERCENT
    is_wrong_unit = kind is AlertKind.NETWORK and is_percent
    is_high = (kind is AlertKind.CPU or is_percent) and amount > most
    if not math.isfinite(amount) or amount <= 0 or is_high or is_wrong_unit:
        _bad("threshold", _EXAMPLES[kind])
    return amount, is_percent and kind is AlertKind.MEMORY


def threshold_words(rule: AlertRule) -> str:
    """Return a threshold as it may be written again, empty without one."""
    if rule.threshold is None:
        return ""
    if rule.kind is AlertKind.CPU or rule.is_percent:
        return f"{rule.threshold:g}%"
    return exact_size(int(rule.threshold)) + ("/s" if rule.kind is AlertKind.NETWORK else "")


def _amount(rule: AlertRule) -> str:
    """Return a threshold as people read it."""
    if rule.threshold is None or rule.kind is AlertKind.CPU or rule.is_percent:
        return "" if rule.threshold is None else f"{rule.threshold:g} %"
    return format_bytes(rule.threshold) + ("/s" if rule.kind is AlertKind.NETWORK else "")


def rule_words(rule: AlertRule) -> str:
    """Return what a rule looks at, in words."""
    if rule.kind is AlertKind.LEVEL:
        words = f"lines of level {rule.level} and worse" if rule.level != "error" else "error lines"
    elif rule.kind is AlertKind.TEXT:
        sort = message("match") if rule.is_regex else message("contain")
        worse = f" of level {rule.level} and worse" if rule.level else ""
        words = f"lines{worse} that {sort} “{rule.pattern}”"
    elif rule.kind is AlertKind.EXIT:
        words = message("a run fails")
    elif rule.kind is AlertKind.OOM:
        words = "a run ends for want of memory"
    else:
        names = {AlertKind.CPU: "CPU", AlertKind.MEMORY: message("memory")}
        name = names.get(rule.kind, message("network"))
        least, held_s = _amount(rule), rule.held_s
        # Each as a whole: put together from parts, no catalogue finds all of them again.
        if rule.is_percent and held_s:
            words = message(f"{name} at {least} of its limit or more for {held_s} s")
        elif rule.is_percent:
            words = message(f"{name} at {least} of its limit or more")
        elif held_s:
            words = message(f"{name} at {least} or more for {held_s} s")
        else:
            words = message(f"{name} at {least} or more")
    return words


def alert_words(alert: Alert) -> str:
    """Return what an alert says, with the count of what was not told one by one."""
    if alert.suppressed:
        more = f"{alert.suppressed:,}{'+' if alert.is_at_least else ''}"
        return f"{alert.rule_name}: {alert.words} (and {more} more)"
    return f"{alert.rule_name}: {alert.words}"


def amount_words(rule: AlertRule, amount: float) -> str:
    """Return a measured figure in the unit of a rule's threshold."""
    if rule.kind is AlertKind.CPU:
        return message(f"CPU at {amount:.0f} %")
    if rule.is_percent:
        return f"memory at {amount:.0f} % of its limit"
    if rule.kind is AlertKind.MEMORY:
        return f"memory at {format_bytes(int(amount))}"
    return f"network at {format_bytes(int(amount))}/s"


_EXAMPLES = {
    AlertKind.CPU: "CPU is written in percent of one core, like 150%.",
    AlertKind.MEMORY: "Memory is written like 80% (of the limit) or 3g.",
    AlertKind.NETWORK: "The network's rate is written like 10m (bytes per second).",
}


def _kind(kind: AlertKind | str) -> AlertKind:
    try:
        return AlertKind(kind)
    except ValueError:
        _bad("kind", f"A rule looks at one of {', '.join(AlertKind)}.")


def _level(kind: AlertKind, level: LogLevel | str | None) -> LogLevel | None:
    if not kind.is_of_lines:
        return None
    if level is None:
        if kind is AlertKind.LEVEL:
            _bad("level", "A rule on levels needs a level.")
        return None
    try:
        return LogLevel(level)
    except ValueError:
        _bad("level", f"A level is one of {', '.join(LogLevel)}.")


def _pattern(kind: AlertKind, pattern: str | None, *, is_regex: bool) -> str | None:
    if kind is not AlertKind.TEXT:
        return None
    if not pattern or len(pattern) > MAX_PATTERN or "\n" in pattern or "\0" in pattern:
        _bad("pattern", f"A text to look for has 1 to {MAX_PATTERN} characters in one line.")
    from slate_desktop.domain.alert_lines import check_pattern

    check_pattern(pattern, is_regex=is_regex)
    return pattern


def _bad(field: str, message: str) -> NoReturn:
    raise CommandError(ErrorCode.BAD_REQUEST, message, field=field)
