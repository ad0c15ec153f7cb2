"""The named blocks of ``queries/*.sql``: read, and run on a connection.

A block begins with ``-- name: <name><sign>``; the sign says what it gives: nothing for rows, ``^``
one row or None, ``$`` one value, ``!`` nothing, ``#`` a script without parameters. ``:name`` is a
parameter.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

_NAME = re.compile(r"^-- name: ([a-z][a-z0-9_]*)([\^$!#]?)[ \t]*$", re.MULTILINE)
# Quoted text, comments and casts hold colons too.
_PARAMETER = re.compile(r"'[^']*'|\"[^\"]*\"|--[^\n]*|::|:([a-z_][a-z0-9_]*)")


class Block:
    """One statement."""

    __slots__ = ("_kind", "_parameters", "_sql", "_text")

    def __init__(self, text: str, kind: str) -> None:
        self._kind, self._text = kind, text
        self._parameters: list[str] = []
        self._sql: str | None = None

    @property
    def sql(self) -> str:
        """The statement with numbered parameters; numbered when it is first run."""
        if self._sql is None:
            is_script = self._kind == "#"
            self._sql = self._text if is_script else _PARAMETER.sub(self._number, self._text)
        return self._sql

    async def run(self, connection: Any, parameters: Mapping[str, Any]) -> Any:
        """Run it with the parameters that it names; what else is given is not looked at."""
        sql = self.sql
        values = [parameters[name] for name in self._parameters]
        if not self._kind:
            return await connection.fetch(sql, *values)
        if self._kind == "^":
            return await connection.fetchrow(sql, *values)
        if self._kind == "$":
            return await connection.fetchval(sql, *values)
        return await connection.execute(sql, *values)

    def _number(self, found: re.Match[str]) -> str:
        name = found[1]
        if name is None:
            return found[0]
        if name not in self._parameters:
            self._parameters.append(name)
        return f"${self._parameters.index(name) + 1}"


def load_blocks(directory: Path) -> dict[str, Block]:
    """Read every block of a directory's ``.sql`` files.

    Raises:
        ValueError: two blocks have one name, or a line that looks like a name is none.
    """
    blocks: dict[str, Block] = {}
    for path in sorted(directory.glob("*.sql")):
        text = path.read_text(encoding="utf-8")
        names = list(_NAME.finditer(text))
        if len(names) != text.count("-- name:"):
            raise ValueError(f"{path.name} has a block with a malformed name")
        ends = [found.start() for found in names[1:]] + [len(text)]
        for found, end in zip(names, ends, strict=True):
            if found[1] in blocks:
                raise ValueError(f"{path.name} has a second block {found[1]}")
            blocks[found[1]] = Block(text[found.end() : end].strip().rstrip(";"), found[2])
    return blocks
