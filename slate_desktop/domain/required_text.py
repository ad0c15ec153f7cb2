"""A text that every match of an expression holds, so that most lines need no expression at all.

Only what is certain counts: what stands in groups, sets and alternatives does not, and an
expression with flags or numbered characters has no such text.
"""

from __future__ import annotations

import re

# Shorter ones are in most lines, and then cost more than they save.
MIN_LENGTH = 3
# Escapes that stand for one of many characters, or for a place. Those of numbers are left out.
_NAMED = frozenset("dDwWsSbBAZntrfva")
_SET = re.compile(r"\[\^?\]?(?:\\.|[^\]\\])*\]", re.DOTALL)
_UNSAFE_GROUP = re.compile(r"\(\?(?!:|P<)")
_COUNT = re.compile(r"\{[^}]*\}?")


def required_text(expression: str) -> str:
    """Return the longest such text in lower case, empty where none is certain.

    Args:
        expression: one of Python's ``re``, matched without regard to case.
    """
    if _UNSAFE_GROUP.search(expression):
        return ""
    runs: list[str] = [""]
    at, depth = 0, 0
    while at < len(expression):
        char = expression[at]
        literal, step = "", 1
        if char == "\\":
            escaped, step = expression[at + 1 : at + 2], 2
            if not escaped or (escaped.isalnum() and escaped not in _NAMED):
                return ""
            literal = "" if escaped.isalnum() else escaped
        elif char == "[":
            found = _SET.match(expression, at)
            if found is None:
                return ""
            step = len(found[0])
        elif char == "|" and not depth:
            return ""
        elif char in "()":
            depth += 1 if char == "(" else -1
        elif char in "*?{":
            # The character before may be missing.
            runs[-1] = runs[-1][:-1]
            count = _COUNT.match(expression, at)
            step = len(count[0]) if count is not None else 1
        elif char not in ".^$+|":
            literal = char
        if literal and not depth and literal.isascii() and literal.isprintable():
            runs[-1] += literal.lower()
        elif runs[-1]:
            runs.append("")
        at += step
    best = max(runs, key=len)
    return best if len(best) >= MIN_LENGTH else ""
