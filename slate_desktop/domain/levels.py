"""Raw output of runtimes: clean text, and the level of each line.

A level is a guess from the line alone, made for every line of every runtime, so it is one or two
compiled searches over the first few hundred characters. A line that says nothing about itself is
``info``, also on stderr: engines write progress there.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from slate_desktop.domain.logs import LogLevel

# A level stands near the start of a line; the rest of a long one is not looked at.
_SEARCH_CHARACTERS = 512

_LEVELS = {
    "t": LogLevel.DEBUG, "d": LogLevel.DEBUG, "v": LogLevel.DEBUG,
    "i": LogLevel.INFO, "n": LogLevel.INFO, "s": LogLevel.INFO,
    "w": LogLevel.WARN,
    "e": LogLevel.ERROR, "f": LogLevel.ERROR, "c": LogLevel.ERROR, "p": LogLevel.ERROR,
    "a": LogLevel.ERROR,
}  # fmt: skip

# C0 without tab and ESC, DEL, C1, and the halves of characters that are not text.
_UNWANTED = re.compile(r"[\x00-\x08\x0a-\x1a\x1c-\x1f\x7f-\x9f\ud800-\udfff]")
_CONTROL_BYTES = bytes(sorted({*range(0x20), 0x7F} - {0x09, 0x1B}))
# CSI, OSC (ended by BEL or ST) and two-character escapes.
# Source: https://ecma-international.org/publications-and-standards/standards/ecma-48/
_ANSI = re.compile(r"\x1b(?:\[[0-?]*+[ -/]*+[@-~]?|\][^\x07\x1b]*+(?:\x07|\x1b\\)?|[ -/]*+[0-~])")

# Unreal: `[2024.01.01-00.00.00:000][  0]LogTemp: Warning: text`; no verbosity means Display.
_UNREAL = re.compile(
    r"(?:\[[0-9.:-]+\]\[ *[0-9]+\])?"
    r"(?:Log[A-Z][A-Za-z0-9_]*|[A-Z][A-Za-z0-9_]*(?=: (?:Fatal|Error|Warning|Display|Verbose)))"
    r": (?:(Fatal|Error|Warning|Display|Log|VeryVerbose|Verbose): )?"
)
_UNREAL_LEVELS = {
    "Fatal": LogLevel.ERROR,
    "Error": LogLevel.ERROR,
    "Warning": LogLevel.WARN,
    "Verbose": LogLevel.DEBUG,
    "VeryVerbose": LogLevel.DEBUG,
}
# Lines without any of these say nothing above or below `info`; most lines end here.
_HINTS = (
    "err", "warn", "fail", "exception", "fatal", "panic", "crit", "debug", "trace", "verbose",
    "dbg", "wrn", "alert", "assert", "crash", "segm", "severe", "emerg", "ensure", "signal",
    "abort", "terminate",
)  # fmt: skip
# Nor do they without these: escapes, JSON, and what may be glog's letter at the start of a line.
_LOOK_CLOSER = ("\x1b", "{", "\nW", "\nE", "\nF", "\n ", "\n\t")
# Compilers, Unity among them, say it in the middle of the line.
_ERROR_PARTS = (
    "error CS", "): error ", ": error:", ": fatal error:", "BuildFailedException:",
    ": error while loading shared libraries:",
)  # fmt: skip
_WARNING_PARTS = ("warning CS", "): warning ", ": warning:", "Warning: ")
_ERROR_START = re.compile(
    r"Shader error in '|Scripts have compiler errors|Aborting batchmode due to failure"
    r"|(?:[A-Za-z_][\w.]*\.)?[A-Z]\w*(?:Exception|Error)(?::|$)"
    r"|Traceback \(most recent call last\)|thread '.*' panicked|panic:"
    r"|Crash!!!|Ensure condition failed|Unhandled [Ee]xception|Caught (?:fatal )?signal"
    r"|Received signal SIG|terminate called after throwing|Aborted \(core dumped\)"
    r"|\*\*\* Error in |npm ERR!"
    r"|BUILD FAILED|Segmentation fault|Fatal error[!:]|Assertion failed|handle_crash:"
)
_WARNING_START = re.compile(r"Shader warning in '|(?:[A-Za-z_][\w.]*\.)?[A-Z]\w*Warning:")
# Godot and plain text: `ERROR: …`, `SCRIPT ERROR: …`, `**ERROR**: …`, `[warn] …`, `WARNING …`.
_WORDS = (
    r"TRACE|DEBUG|DBG|VERBOSE|INFO|INFORMATION|NOTICE|SUCCESS|WARNING|WARN|WRN|ERROR|ERR|FATAL"
    r"|CRITICAL|CRIT|PANIC|ALERT"
)
_LEADING_WORD = re.compile(
    rf"[*\[(<| ]{{0,3}}(?:(?:SCRIPT|USER|SHADER) ){{0,2}}({_WORDS})\b"
    r"[*\])>| ]{0,3}(?::|$|(?<=[\])>|]) ?)",
    re.IGNORECASE,
)
_CAPITALS = re.compile(rf"({_WORDS})(?=[\s-])")
# After a time stamp, a logger's name or a thread: only a word in capitals or in brackets counts.
_LATER_WORD = re.compile(
    rf"(?:^|[\s\[|(<:/-])(?:\[\s*((?i:{_WORDS}))\s*\]|({_WORDS})(?=[\s:\]|)>]|$))"
)
_STAMPED = re.compile(r"[\[(]?(?:[0-9]{4}-[0-9]{2}-[0-9]{2}|[0-9]{1,2}:[0-9]{2}:[0-9]{2})")
_LATER_CHARACTERS = 120
_PYTHON_DEFAULT = re.compile(r"(DEBUG|INFO|WARNING|ERROR|CRITICAL):[\w.]+:")
_JSON_LEVEL = re.compile(
    r'"(?:level|severity|lvl|log\.level|levelname|Level|LogLevel|@l)"\s*:\s*'
    r'(?:"([A-Za-z]+)"|([0-9]{1,3})\b)'
)
_LOGFMT_LEVEL = re.compile(r"(?:^|\s)(?:level|lvl|severity)=\"?([A-Za-z]+)")
_NAMES = re.compile(rf"{_WORDS}|SEVERE|EMERGENCY|EMERG|FINE|FINER|FINEST", re.IGNORECASE)
_JAVA_LEVELS = {"severe": LogLevel.ERROR, "fine": LogLevel.DEBUG, "finer": LogLevel.DEBUG}
_GLOG = re.compile(r"([IWEF])[0-9]{4} [0-9]{2}:[0-9]{2}:[0-9]{2}")


def clean_line(data: bytes) -> str:
    """Return one line of output as text that can be stored and shown.

    Invalid UTF-8 becomes replacement characters. Tabs and ANSI sequences stay, for the console to
    colour; NUL, other control characters and half characters go.
    """
    if data.isascii():
        return data.translate(None, _CONTROL_BYTES).decode("ascii")
    return _UNWANTED.sub("", data.decode("utf-8", errors="replace"))


def clean_text(text: str) -> str:
    """Return text without NUL, control characters (tab and ESC stay) and lone surrogates."""
    return _UNWANTED.sub("", text)


def strip_ansi(text: str) -> str:
    """Return text without ANSI escape sequences."""
    if "\x1b" not in text:
        return text
    return _ANSI.sub("", text).replace("\x1b", "")


def hints_of(lines: Iterable[str]) -> tuple[str, ...]:
    """Return the hints at a level that any of many lines has, for ``detect_level`` of each.

    One look through all of them costs a third of one for each line, and most have none.
    """
    text = "\n".join(lines).lower()
    return tuple([hint for hint in _HINTS if hint in text])


def detect_levels(lines: Sequence[str]) -> list[LogLevel]:
    """Return the level of each of many lines, as ``detect_level`` does.

    One look at all of them together mostly says that none is anything but ``info``.
    """
    text = "\n" + "\n".join(lines)
    if text.isascii() and not any(part in text for part in _LOOK_CLOSER):
        lower = text.lower()
        if not any(hint in lower for hint in _HINTS):
            return [LogLevel.INFO] * len(lines)
    hints = hints_of(lines)
    return [detect_level(line, hints) for line in lines]


def detect_level(line: str, hints: tuple[str, ...] = _HINTS) -> LogLevel:
    """Return the level that a line gives itself, ``info`` when it gives none.

    ``hints`` are those that the line may have.
    """
    head = line[:_SEARCH_CHARACTERS]
    if "\x1b" in head:
        head, hints = strip_ansi(head), _HINTS
    head = head.strip()
    if not head:
        return LogLevel.INFO
    if head[0] == "{":
        level = _of_json(head)
        if level is not None:
            return level
    unreal = _UNREAL.match(head)
    if unreal is not None:
        return _UNREAL_LEVELS.get(unreal[1] or "", LogLevel.INFO)
    return _of_words(head, hints)


def _of_words(head: str, hints: tuple[str, ...]) -> LogLevel:
    glog = _GLOG.match(head)
    if glog is not None:
        return _LEVELS[glog[1].lower()]
    if not hints:
        return LogLevel.INFO
    lower = head.lower()
    for hint in hints:
        if hint in lower:
            break
    else:
        return LogLevel.INFO
    word = _PYTHON_DEFAULT.match(head) or _LEADING_WORD.match(head) or _CAPITALS.match(head)
    if word is not None:
        return _LEVELS[word[1][0].lower()]
    if _ERROR_START.match(head) is not None or any(part in head for part in _ERROR_PARTS):
        return LogLevel.ERROR
    if _WARNING_START.match(head) is not None or any(part in head for part in _WARNING_PARTS):
        return LogLevel.WARN
    if head[0] in "[(" or _STAMPED.match(head) is not None:
        later = _LATER_WORD.search(head, 0, _LATER_CHARACTERS)
        if later is not None:
            return _LEVELS[(later[1] or later[2])[0].lower()]
    logfmt = _LOGFMT_LEVEL.search(head)
    if logfmt is not None:
        return _of_name(logfmt[1]) or LogLevel.INFO
    return LogLevel.INFO


def _of_json(head: str) -> LogLevel | None:
    match = _JSON_LEVEL.search(head)
    if match is None:
        return None
    if match[1] is not None:
        return _of_name(match[1])
    # Numbers as bunyan and pino write them: 10 trace, 20 debug, 30 info, 40 warn, 50 error.
    number = int(match[2])
    if number >= 50:
        return LogLevel.ERROR
    if number >= 40:
        return LogLevel.WARN
    return LogLevel.INFO if number >= 30 else LogLevel.DEBUG


def _of_name(name: str) -> LogLevel | None:
    lower = name.lower()
    special = _JAVA_LEVELS.get(lower)
    if special is not None:
        return special
    if lower.startswith("emerg"):
        return LogLevel.ERROR
    return _LEVELS[lower[0]] if _NAMES.fullmatch(lower) is not None else None
