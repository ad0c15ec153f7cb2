"""Places of source files that log lines name: compilers, tracebacks, engines.

Finds them in text only; whether a file is there, and where, is for whoever has the project.
"""

from __future__ import annotations

import msgspec

from slate_desktop.late_pattern import late_pattern

# Longer lines are data, and no compiler writes one.
_MAX_CHARS = 8_192

# A path without spaces and colons but a drive's or a scheme's, whose name has a suffix.
_PATH = (
    r"(?:(?:res|uid)://|[A-Za-z]:[\\/]|\.{1,2}[\\/]|[\\/])?"
    r"(?:[\w.@+~-]+[\\/])*[\w@+~-][\w.@+~-]*\.[A-Za-z]\w{0,9}"
)
_START = r"(?<![\w:/\\.@+~-])"
_PATTERNS = tuple(
    late_pattern(pattern)
    for pattern in (
        # Python: `File "/app/main.py", line 12, in <module>`; the path may have spaces.
        r'File "(?P<path>[^"\n<>]{1,512})", line (?P<line>\d{1,7})',
        # Unreal: `[File:D:\Game\Source\Hero.cpp] [Line: 123]`.
        r"\[File: ?(?P<path>[^\]\n]{1,512})\] ?\[Line: ?(?P<line>\d{1,7})\]",
        # .NET: `in /src/Assets/Hero.cs:line 12`.
        rf"{_START}(?P<path>{_PATH}):line (?P<line>\d{{1,7}})",
        # Compilers of C# and C++, Unity and Unreal: line and column in brackets behind the path.
        rf"{_START}(?P<path>{_PATH})\((?P<line>\d{{1,7}})(?:,(?P<column>\d{{1,5}}))?(?:,\d+,\d+)?\)",
        # gcc, clang, Godot, Unity, Rust, Go, Node: `src/main.c:12:5`, `res://hero.gd:12`.
        rf"{_START}(?P<path>{_PATH}):(?P<line>\d{{1,7}})(?::(?P<column>\d{{1,5}}))?(?!\w|\.\d)",
    )
)


class SourcePlace(msgspec.Struct, frozen=True):
    """A place that a text names.

    Attributes:
        start: the first character of it in the text.
        end: the one after the last.
        path: as it is written.
        line: from 1.
        column: from 1, 0 where none is named.
    """

    start: int
    end: int
    path: str
    line: int
    column: int = 0


def find_places(text: str) -> list[SourcePlace]:
    """Return the places that a line names, from left to right; where two overlap, the longer."""
    found: list[SourcePlace] = []
    for pattern in _PATTERNS:
        for match in pattern.finditer(text[:_MAX_CHARS]):
            groups = match.groupdict()
            place = SourcePlace(
                start=match.start("path"),
                end=match.end(),
                path=match["path"],
                line=max(1, int(match["line"])),
                column=int(groups.get("column") or 0),
            )
            if all(place.end <= other.start or other.end <= place.start for other in found):
                found.append(place)
    return sorted(found, key=lambda place: place.start)
