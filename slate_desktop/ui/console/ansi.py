r"""Terminal colours in log lines.

Owns splitting a line into runs of text and style. Understands SGR (``ESC [ … m``); every other
escape sequence is dropped, and so are control characters.

Source: https://www.ecma-international.org/publications-and-standards/standards/ecma-48/ (8.3.117)
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import NamedTuple

from slate_desktop.late_pattern import late_pattern

_ESCAPE = late_pattern(
    r"\x1b(?:\[([0-9;:]*)m|\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)?|[PX^_].*?(?:\x1b\\|$)"
    r"|[@-Z\\-_]|[ -/]+[0-~]|$)"
)
_CONTROL = {code: None for code in (*range(0x20), *range(0x7F, 0xA0)) if code != 0x09}
_CONTROL |= dict.fromkeys((*range(0x202A, 0x202F), *range(0x2066, 0x206A)))
TAB_WIDTH = 8


class Style(NamedTuple):
    """How a run looks. Colours are an index 0 to 15, ``#rrggbb``, or None for the default."""

    fg: int | str | None = None
    bg: int | str | None = None
    bold: bool = False
    dim: bool = False
    italic: bool = False
    underline: bool = False
    strike: bool = False
    inverse: bool = False


class Run(NamedTuple):
    """A piece of a line in one style."""

    text: str
    style: Style


PLAIN = Style()


def strip(message: str) -> str:
    """Return the text that is shown, without escape sequences; tabs become spaces."""
    if "\x1b" in message:
        message = _ESCAPE.sub("", message)
    return message.translate(_CONTROL).expandtabs(TAB_WIDTH)


@lru_cache(maxsize=2048)
def parse(message: str) -> tuple[Run, ...]:
    """Split a line into runs. The joined texts are exactly ``strip(message)``."""
    if "\x1b" not in message:
        text = strip(message)
        return (Run(text, PLAIN),) if text else ()
    pieces: list[tuple[str, Style]] = []
    style, position = PLAIN, 0
    for match in _ESCAPE.finditer(message):
        if match.start() > position:
            pieces.append((message[position : match.start()], style))
        if match[1] is not None:
            style = _apply(style, match[1])
        position = match.end()
    pieces.append((message[position:], style))
    return _expand(pieces)


def _expand(pieces: list[tuple[str, Style]]) -> tuple[Run, ...]:
    runs: list[Run] = []
    column = 0
    for raw, style in pieces:
        text = raw.translate(_CONTROL)
        if "\t" in text:
            # Tab stops count from the start of the line, not of the run.
            text = (" " * (column % TAB_WIDTH) + text).expandtabs(TAB_WIDTH)[column % TAB_WIDTH :]
        if text:
            runs.append(Run(text, style))
            column += len(text)
    return tuple(runs)


def _apply(style: Style, parameters: str) -> Style:
    codes = [int(part) if part.isdigit() else 0 for part in re.split("[;:]", parameters)]
    index = 0
    while index < len(codes):
        code = codes[index]
        index += 1
        if code in (38, 48):
            color, index = _extended(codes, index)
            style = style._replace(fg=color) if code == 38 else style._replace(bg=color)
        else:
            style = _simple(style, code)
    return style


_FLAGS_ON = {1: "bold", 2: "dim", 3: "italic", 4: "underline", 7: "inverse", 9: "strike"}
_FLAGS_OFF = {23: "italic", 24: "underline", 27: "inverse", 29: "strike"}


def _simple(style: Style, code: int) -> Style:
    if code == 0:
        return PLAIN
    if code in _FLAGS_ON:
        return style._replace(**{_FLAGS_ON[code]: True})
    if code in _FLAGS_OFF:
        return style._replace(**{_FLAGS_OFF[code]: False})
    if code == 22:
        return style._replace(bold=False, dim=False)
    for first, last, offset, name in (
        (30, 37, 0, "fg"),
        (90, 97, 8, "fg"),
        (40, 47, 0, "bg"),
        (100, 107, 8, "bg"),
    ):
        if first <= code <= last:
            return style._replace(**{name: code - first + offset})
    if code == 39:
        return style._replace(fg=None)
    return style._replace(bg=None) if code == 49 else style


def _extended(codes: list[int], index: int) -> tuple[int | str | None, int]:
    kind = codes[index] if index < len(codes) else 0
    if kind == 5 and index + 1 < len(codes):
        return _indexed(codes[index + 1]), index + 2
    if kind == 2 and index + 3 < len(codes):
        red, green, blue = (min(value, 255) for value in codes[index + 1 : index + 4])
        return f"#{red:02x}{green:02x}{blue:02x}", index + 4
    return None, len(codes)


def _indexed(value: int) -> int | str | None:
    if value < 16:
        return value
    if value < 232:
        levels = (0, 95, 135, 175, 215, 255)
        value -= 16
        parts = (levels[value // 36], levels[value // 6 % 6], levels[value % 6])
    elif value < 256:
        parts = (8 + (value - 232) * 10,) * 3
    else:
        return None
    return "#{:02x}{:02x}{:02x}".format(*parts)
