"""The commands that the guide shows: in blocks, and in sentences."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")])
GUIDE = [page for page in PAGES if page.parent.name != "decisions"]
_SHELL = re.compile(r"^```(?:sh|bash|console|shell)\n(.*?)^```", re.MULTILINE | re.DOTALL)
_PLAIN = re.compile(r"^```\n(.*?)^```", re.MULTILINE | re.DOTALL)
_INLINE = re.compile(r"`(slate (?!desktop)[a-z][^`\n]*)`")
_COMMENT = re.compile(r"\s+# .*$|\s+#$")


def shown() -> Iterator[tuple[str, str]]:
    """Yield every command of the guide once: the page that shows it first, and its text."""
    seen: set[str] = set()
    for page in GUIDE:
        text = page.read_text(encoding="utf-8")
        lines = [line for block in _SHELL.findall(text) for line in _lines(block)]
        plain = [line for block in _PLAIN.findall(text) for line in _lines(block)]
        lines += [line for line in plain if line.startswith("slate ")]
        for line in [*lines, *_INLINE.findall(text)]:
            command = _COMMENT.sub("", line).strip()
            if command and not command.startswith("#") and command not in seen:
                seen.add(command)
                yield page.relative_to(ROOT).as_posix(), command


def _lines(block: str) -> list[str]:
    joined = block.replace("\\\n", " ")
    return [line.strip().removeprefix("$ ") for line in joined.splitlines() if line.strip()]


def is_whole(command: str) -> bool:
    """Whether a text of the guide is a command that can be run, and not the name of one."""
    if not command.startswith("slate "):
        return True
    import typer.main

    from slate_desktop.cli.app import app

    if re.search(r"[\[\]…]|\w\|\w", command):
        return False
    found: Any = typer.main.get_command(app)
    words = _words(command)[1:]
    while hasattr(found, "commands"):
        if not words or words[0] not in found.commands:
            is_command_too = getattr(found, "invoke_without_command", False)
            return is_command_too and not words and found is not typer.main.get_command(app)
        found = found.commands[words.pop(0)]
    try:
        found.make_context("slate", words)
    except Exception:  # noqa: BLE001 - whatever the parser says
        return False
    return True


def _words(line: str) -> list[str]:
    lexer = shlex.shlex(line, posix=True, punctuation_chars="|>;")
    lexer.whitespace_split = True
    words: list[str] = []
    for word in lexer:
        if word in ("|", ">", ">>", ";", "||"):
            break
        words.append(word)
    return words
