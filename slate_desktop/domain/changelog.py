"""The list of changes that comes with the program, read by version."""

from __future__ import annotations

import re

_HEAD = re.compile(r"^## (?P<version>\S+)", re.MULTILINE)


def changes_of(text: str, version: str) -> str:
    """Return what a changelog says of a version, as Markdown; empty where it says nothing.

    Args:
        text: the whole changelog, with a heading of the second level for each version.
        version: such as ``0.1.0``; a version that is being worked on counts as itself.
    """
    heads = list(_HEAD.finditer(text))
    for number, head in enumerate(heads):
        if head["version"] == version:
            end = heads[number + 1].start() if number + 1 < len(heads) else len(text)
            return text[head.end() : end].partition("\n")[2].strip()
    return ""
