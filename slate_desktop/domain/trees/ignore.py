"""What of a project does not travel: ``.slateignore``, written like ``.gitignore``, and caches.

All patterns become one expression, the last one first: what matches first decides, as the last
matching pattern does in git. A folder that is left out is not entered.

Source: https://git-scm.com/docs/gitignore#_pattern_format
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from slate_desktop.domain.engine import Engine
from slate_desktop.domain.trees.paths import OWN_FOLDER

IGNORE_FILE = ".slateignore"
MAX_FILE_BYTES = 256 * 1024
MAX_PATTERNS = 2_000
_MAX_DOUBLE_STARS = 4

# Version control, and what package managers and systems leave.
_NAMES = frozenset({
    ".git", ".hg", ".svn", "node_modules", "__pycache__", ".DS_Store", "Thumbs.db",
    "desktop.ini", ".vs",
})  # fmt: skip
# Folders that engines fill by themselves, in the project's root, or wherever they lie.
_CACHES: dict[Engine, frozenset[str]] = {
    Engine.UNITY: frozenset({"Library", "Temp", "Logs", "obj", "MemoryCaptures"}),
    Engine.UNREAL: frozenset({"Intermediate", "Saved", "DerivedDataCache"}),
    Engine.GODOT: frozenset({".godot", ".import"}),
}


class IgnoreRules:
    """Decides which names do not travel.

    Args:
        engine: whose caches are left out.
        lines: of ``.slateignore``; a pattern that cannot be read is in ``problems``.
    """

    def __init__(self, engine: Engine = Engine.CUSTOM, lines: Sequence[str] = ()) -> None:
        self._roots = _CACHES.get(engine, frozenset())
        self.problems: list[str] = []
        alternatives: list[str] = []
        for line in reversed(lines[:MAX_PATTERNS]):
            pattern = self._read(line)
            if pattern is not None:
                alternatives.append(pattern)
        if len(lines) > MAX_PATTERNS:
            self.problems.append(f"only the first {MAX_PATTERNS} lines count")
        self._own = re.compile("|".join(alternatives)) if alternatives else None

    def ignores(self, path: str, name: str, *, is_dir: bool) -> bool:
        """Tell whether a file or folder stays where it is.

        Args:
            path: relative to the project, with ``/``.
            name: its last part.
            is_dir: whether it is a folder.
        """
        if self._own is not None:
            found = self._own.fullmatch(path + "/" if is_dir else path)
            if found is not None:
                return found.lastgroup is None
        return name in _NAMES or (is_dir and (path in self._roots or path == OWN_FOLDER))

    def covers(self, path: str) -> bool:
        """Tell whether a file is left out, by itself or with a folder above it."""
        parts = path.split("/")
        for count in range(1, len(parts)):
            if self.ignores("/".join(parts[:count]), parts[count - 1], is_dir=True):
                return True
        return self.ignores(path, parts[-1], is_dir=False)

    def _read(self, line: str) -> str | None:
        """Return an expression; that of a pattern with ``!`` holds a named group."""
        text = line.rstrip("\r\n")
        while text.endswith(" ") and not text.endswith("\\ "):
            text = text[:-1]
        if not text or text.startswith("#"):
            return None
        is_negated = text.startswith("!")
        text = text[1:] if is_negated else text
        try:
            body = _expression(text)
            re.compile(body)
        except (ValueError, re.error):
            self.problems.append(f"{line.strip()[:80]!r} is not a pattern")
            return None
        if not is_negated:
            return f"(?:{body})"
        self._negations = getattr(self, "_negations", 0) + 1
        return f"(?P<n{self._negations}>{body})"


def read_lines(data: bytes) -> list[str]:
    """Return the lines of a ``.slateignore``; more than is allowed of it is not read."""
    return data[:MAX_FILE_BYTES].decode("utf-8", "replace").splitlines()


def _expression(text: str) -> str:
    is_dir_only = text.endswith("/")
    text = text.rstrip("/") if is_dir_only else text
    if not text:
        raise ValueError("empty")
    is_anchored = "/" in text
    text = text.removeprefix("/")
    prefix = "" if is_anchored else "(?:.*/)?"
    # A folder is asked for with a slash at its end.
    return prefix + _glob(text) + ("/" if is_dir_only else "/?")


def _glob(text: str) -> str:
    segments = text.split("/")
    if segments.count("**") > _MAX_DOUBLE_STARS:
        raise ValueError("too many **")
    out: list[str] = []
    for number, segment in enumerate(segments, start=1):
        is_last = number == len(segments)
        if segment == "**":
            out.append(".+" if is_last else "(?:[^/]+/)*")
        else:
            out.append(_segment(segment) + ("" if is_last else "/"))
    return "".join(out)


def _segment(text: str) -> str:
    """Return the expression of a name; stars never make it try every way to divide a name."""
    chunks: list[str] = [""]
    at = 0
    while at < len(text):
        letter = text[at]
        if letter == "*":
            if chunks[-1] or len(chunks) == 1:
                chunks.append("")
        elif letter == "?":
            chunks[-1] += "[^/]"
        elif letter == "[":
            piece, at = _char_class(text, at)
            chunks[-1] += piece
        elif letter == "\\":
            at += 1
            if at >= len(text):
                raise ValueError("a backslash at the end")
            chunks[-1] += re.escape(text[at])
        else:
            chunks[-1] += re.escape(letter)
        at += 1
    first, *others = chunks
    if not others:
        return first
    *middle, last = others
    # The first place where a piece fits is as good as any later one.
    return first + "".join(f"(?>[^/]*?{chunk})" for chunk in middle) + "[^/]*" + last


def _char_class(text: str, at: int) -> tuple[str, int]:
    """Return the expression of ``[…]`` and where it ends."""
    begin = at + 1
    is_negated = text[begin : begin + 1] in ("!", "^")
    begin += is_negated
    end = text.find("]", begin + 1)
    if end < 0:
        raise ValueError("a bracket is not closed")
    inner = text[begin:end].replace("\\", "\\\\").replace("[", "\\[").replace("^", "\\^")
    return f"(?!/)[{'^' if is_negated else ''}{inner}]", end
