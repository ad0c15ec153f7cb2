"""Errors and warnings in a build's output: collected with file and line, grouped into a digest."""

from __future__ import annotations

import re
from collections.abc import Iterable
from enum import StrEnum

import msgspec

from slate_desktop.domain.builds.recipe import BuildRecipe, FindingRecipe, compiled
from slate_desktop.domain.levels import strip_ansi

# Distinct problems that are kept; their counts go on.
MAX_GROUPS = 500
MAX_WARNING_GROUPS = 200
MAX_MESSAGE = 500
_NUMBERS = re.compile(r"0x[0-9a-fA-F]+|\d+")
_SPACES = re.compile(r"\s+")


class Severity(StrEnum):
    """Fatal: the tool itself says that the build failed."""

    FATAL = "fatal"
    ERROR = "error"
    WARNING = "warning"


class Finding(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One kind of problem: where it was seen first, and how often.

    ``file`` is as the tool wrote it, relative to the project where it lies in it.
    """

    severity: Severity
    message: str
    file: str | None = None
    line: int | None = None
    column: int | None = None
    code: str | None = None
    count: int = 1
    seq: int = 0
    step: str = ""


class FindingCollector:
    """Reads lines in order and collects what is wrong.

    Args:
        recipe: whose patterns are meant.
        roots: paths of the workspace as the tool sees them; cut off the front of files.
    """

    def __init__(self, recipe: BuildRecipe, roots: Iterable[str] = ()) -> None:
        self._patterns = [(compiled(found.pattern), found) for found in recipe.findings]
        self._harmless = [compiled(pattern) for pattern in recipe.harmless]
        self._exit_marker = compiled(recipe.exit_marker) if recipe.exit_marker else None
        self._roots = [root.rstrip("/\\") + "/" for root in roots]
        self._roots.append("res://")
        self._groups: dict[tuple[str, ...], Finding] = {}
        self._then: tuple[tuple[str, ...], str] | None = None
        self._before: dict[str, re.Match[str]] = {}
        self._before_patterns = {f.before: compiled(f.before) for f in recipe.findings if f.before}
        self.exit_code: int | None = None
        self.dropped = 0

    def feed(self, line: str, *, seq: int = 0, step: str = "") -> Finding | None:
        """Read one line; returns a problem that was not seen before."""
        text = strip_ansi(line.replace("\0", "")).rstrip()
        self._locate(text)
        for pattern, compiled_pattern in self._before_patterns.items():
            match = compiled_pattern.search(text)
            if match is not None:
                self._before[pattern] = match
        if self._exit_marker is not None:
            match = self._exit_marker.search(text)
            if match is not None:
                self.exit_code = int(match["code"][:9])
        if any(pattern.search(text) for pattern in self._harmless):
            return None
        for pattern, recipe in self._patterns:
            match = pattern.search(text)
            if match is not None:
                return self._add(match, recipe, seq, step)
        return None

    @property
    def errors(self) -> list[Finding]:
        """Fatal problems and errors, in the order of their first line."""
        return [found for found in self._groups.values() if found.severity is not Severity.WARNING]

    @property
    def warnings(self) -> list[Finding]:
        """Warnings, in the order of their first line."""
        return [found for found in self._groups.values() if found.severity is Severity.WARNING]

    def _add(
        self, match: re.Match[str], recipe: FindingRecipe, seq: int, step: str
    ) -> Finding | None:
        groups = match.groupdict()
        if recipe.before is not None and recipe.before in self._before:
            groups |= self._before.pop(recipe.before).groupdict()
        severity = Severity(recipe.severity)
        found = Finding(
            severity=severity,
            message=_SPACES.sub(" ", groups.get("message") or match[0]).strip()[:MAX_MESSAGE],
            file=self._relative(groups.get("file")),
            line=_number(groups.get("line")),
            column=_number(groups.get("column")),
            code=groups.get("code"),
            seq=seq,
            step=step,
        )
        key = _key(found)
        known = self._groups.get(key)
        if known is not None:
            self._groups[key] = msgspec.structs.replace(known, count=known.count + 1)
            return None
        is_full = len(self.warnings if severity is Severity.WARNING else self.errors) >= (
            MAX_WARNING_GROUPS if severity is Severity.WARNING else MAX_GROUPS
        )
        if is_full:
            self.dropped += 1
            return None
        self._groups[key] = found
        if recipe.then is not None:
            self._then = (key, recipe.then)
        return found

    def _locate(self, text: str) -> None:
        """Read file and line of the problem before from the line after it."""
        if self._then is None:
            return
        key, pattern = self._then
        self._then = None
        match = compiled(pattern).search(text)
        found = self._groups.get(key)
        if match is None or found is None:
            return
        groups = match.groupdict()
        located = msgspec.structs.replace(
            found, file=self._relative(groups.get("file")), line=_number(groups.get("line"))
        )
        # The same words in another file are another problem.
        del self._groups[key]
        place = _key(located)
        known = self._groups.get(place)
        self._groups[place] = (
            located
            if known is None
            else msgspec.structs.replace(known, count=known.count + found.count)
        )

    def _relative(self, file: str | None) -> str | None:
        if file is None:
            return None
        path = file.strip().replace("\\", "/")
        for root in self._roots:
            if path.startswith(root):
                return path[len(root) :]
        return path


class DigestGroup(msgspec.Struct, frozen=True, kw_only=True):
    """Problems that say the same of different places; ``count`` is how many lines told them."""

    severity: Severity
    title: str
    count: int
    findings: tuple[Finding, ...]


def digest(findings: Iterable[Finding]) -> list[DigestGroup]:
    """Group problems by what they say; the gravest first, then the most frequent."""
    groups: dict[tuple[Severity, str], list[Finding]] = {}
    for found in findings:
        name = found.code or _NUMBERS.sub("#", found.message)[:80]
        groups.setdefault((found.severity, name), []).append(found)
    order = [Severity.FATAL, Severity.ERROR, Severity.WARNING]
    result = [
        DigestGroup(
            severity=severity,
            title=f"{name}: {items[0].message}" if items[0].code else items[0].message,
            count=sum(item.count for item in items),
            findings=tuple(items),
        )
        for (severity, name), items in groups.items()
    ]
    return sorted(result, key=lambda group: (order.index(group.severity), -group.count))


def _key(found: Finding) -> tuple[str, ...]:
    return (
        found.severity,
        found.file or "",
        str(found.line or ""),
        found.code or "",
        found.message,
    )


def _number(text: str | None) -> int | None:
    return int(text) if text and text.isdecimal() and len(text) <= 9 else None
