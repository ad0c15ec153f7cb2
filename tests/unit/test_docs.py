"""The guide says nothing that the program does not know: commands, options, links and pictures."""

from __future__ import annotations

import re
import shlex
import sys
from pathlib import Path
from typing import Any

import pytest
import typer.main

from slate_desktop.cli.app import app
from slate_desktop.settings.catalog import catalog
from tests import guide
from tests.e2e import guide_plan

ROOT, PAGES, GUIDE = guide.ROOT, guide.PAGES, guide.GUIDE
_FENCE = re.compile(r"^```(?:sh|bash|console|shell)\n(.*?)^```", re.MULTILINE | re.DOTALL)
_CODE = re.compile(r"`(slate (?!desktop)[a-z][^`\n]*)`")
_LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")
_COMMAND: Any = typer.main.get_command(app)


def name_of(page: Path) -> str:
    return page.relative_to(ROOT).as_posix()


def words_of(line: str) -> list[str]:
    """The words of one ``slate …`` of a line, without comment, pipe and redirection."""
    lexer = shlex.shlex(line, posix=True, punctuation_chars="|>;")
    lexer.whitespace_split, lexer.commenters = True, "#"
    words: list[str] = []
    for word in lexer:
        if word in ("|", ">", ">>", ";", "||"):
            break
        words.append(word)
    return words


def block_lines(page: Path) -> list[str]:
    found = []
    for block in _FENCE.findall(page.read_text(encoding="utf-8")):
        joined = block.replace("\\\n", " ")
        found += [line.strip().removeprefix("$ ") for line in joined.splitlines()]
    return [line for line in found if line.startswith("slate ")]


def find(words: list[str]) -> tuple[Any, list[str]]:
    """The command that words lead to, and its arguments."""
    command, rest = _COMMAND, list(words)
    while hasattr(command, "commands"):
        is_command_too = getattr(command, "invoke_without_command", False)
        if is_command_too and (not rest or rest[0] not in command.commands):
            break
        assert rest, f"{' '.join(words)!r} names no command"
        assert rest[0] in command.commands, f"there is no command {rest[0]!r}"
        command = command.commands[rest.pop(0)]
    return command, rest


COMMANDS = [(name_of(page), line) for page in GUIDE for line in block_lines(page)]


@pytest.mark.parametrize(("page", "line"), COMMANDS, ids=[f"{p}: {c[:60]}" for p, c in COMMANDS])
def test_a_command_of_the_guide_is_understood(page: str, line: str) -> None:
    command, arguments = find(words_of(line)[1:])
    command.make_context("slate", arguments)


def test_commands_were_found() -> None:
    assert len(COMMANDS) >= 40
    with pytest.raises(AssertionError):
        find(["sessions"])
    command, arguments = find(["session", "start", "x", "--no-such-option"])
    with pytest.raises(Exception, match="No such option"):
        command.make_context("slate", arguments)


@pytest.mark.parametrize("page", GUIDE, ids=name_of)
def test_a_command_named_in_a_sentence_exists(page: Path) -> None:
    wrong = []
    for text in _CODE.findall(page.read_text(encoding="utf-8")):
        command = _COMMAND
        for word in text.split()[1:]:
            names = word.split("|") if hasattr(command, "commands") else []
            if not names or not re.fullmatch(r"[a-z-]+", names[0]):
                break
            wrong += [f"{text}: {name}" for name in names if name not in command.commands]
            command = command.commands.get(names[0])
            if command is None:
                break
    assert wrong == []


def test_every_command_that_is_shown_is_run_or_says_why_not() -> None:
    whole = {command: page for page, command in guide.shown() if guide.is_whole(command)}
    planned = guide_plan.run_somewhere() | guide_plan.NOT_RUN.keys()
    assert {c: p for c, p in whole.items() if c not in planned} == {}
    texts = {command for _, command in guide.shown()}
    assert sorted(planned - texts) == [], "the guide shows them no more"
    assert not guide_plan.run_somewhere() & guide_plan.NOT_RUN.keys()


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_links_and_pictures_are_there(page: Path) -> None:
    targets = [
        target.partition("#")[0]
        for target in _LINK.findall(page.read_text(encoding="utf-8"))
        if "://" not in target and not target.startswith(("#", "mailto:"))
    ]
    assert [target for target in targets if not (page.parent / target).exists()] == []


def test_every_page_is_in_the_site_and_every_picture_is_shown() -> None:
    navigation = (ROOT / "packaging" / "docs" / "mkdocs.yml").read_text(encoding="utf-8")
    pages = [page.relative_to(ROOT / "docs").as_posix() for page in GUIDE if page.parent != ROOT]
    assert [page for page in pages if f": {page}\n" not in navigation] == []
    everything = "\n".join(page.read_text(encoding="utf-8") for page in PAGES)
    pictures = sorted((ROOT / "docs" / "images").glob("*.png"))
    assert [p.name for p in pictures if f"images/{p.name}" not in everything] == []


def test_the_reference_has_every_command_and_every_setting() -> None:
    sys.path.insert(0, str(ROOT / "packaging" / "docs"))
    try:
        import reference
    finally:
        sys.path.pop(0)
    commands = reference.commands()
    for path, _command in reference.walk(_COMMAND, ("slate",)):
        assert f"## {' '.join(path)}\n" in commands
    settings = reference.settings()
    assert [s.name for s in catalog() if f"`{s.name}`" not in settings] == []
