"""What this installation consists of: distributions, their versions, and their licences' texts.

Read from the metadata that pip writes and that packages carry along; nothing is imported.
"""

from __future__ import annotations

import importlib.metadata
import re
from collections.abc import Iterator

import msgspec

ROOT = "slate-desktop"
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")
_EXTRA = re.compile(r"""extra\s*==\s*['"]([^'"]+)""")
_OWN_EXTRAS = ("assets", "desktop")
_LICENCE_FILE = re.compile(r"(^|/)(licen[cs]es?|copying|notice)[^/]*(/.*)?$", re.IGNORECASE)


# Metadata that names several licences to choose from, or none that is one; what we choose, or read
# in the distribution's own text.
CHOSEN = {
    "pyside6-essentials": "LGPL-3.0-only",
    "pyside6-addons": "LGPL-3.0-only",
    "shiboken6": "LGPL-3.0-only",
    "archspec": "Apache-2.0 OR MIT",
}


class Part(msgspec.Struct, frozen=True, kw_only=True):
    """One distribution; ``licence`` is a name or an expression, empty where it says none."""

    name: str
    version: str
    licence: str


def installed_parts() -> list[Part]:
    """Return SLATE's own distribution and all that it needs and is here, by name."""
    seen: dict[str, Part] = {}
    todo = [ROOT]
    while todo:
        name = todo.pop()
        key = _key(name)
        if key in seen:
            continue
        try:
            found = importlib.metadata.distribution(name)
        except importlib.metadata.PackageNotFoundError:
            # Of an extra or of another system.
            continue
        seen[key] = Part(name=found.metadata["Name"], version=found.version, licence=licence(found))
        todo.extend(_required(key, found.requires or []))
    return [seen[key] for key in sorted(seen)]


def licence(found: importlib.metadata.Distribution) -> str:
    """Return the licence that a distribution's metadata states, in one line."""
    meta = found.metadata
    chosen = CHOSEN.get(_key(meta["Name"]))
    if chosen is not None:
        return chosen
    stated = "".join(meta.get_all("License-Expression") or [])
    classifiers = [c for c in meta.get_all("Classifier") or [] if c.startswith("License ::")]
    if not stated and classifiers:
        stated = "; ".join(c.rpartition(" :: ")[2] for c in classifiers)
    if not stated or stated == "OSI Approved":
        text = "\n".join(meta.get_all("License") or []).strip()
        stated = text.splitlines()[0] if text else ""
    return stated


def licence_text(name: str) -> str:
    """Return the texts of a distribution's licences; empty where it carries none."""
    try:
        found = importlib.metadata.distribution(name)
    except importlib.metadata.PackageNotFoundError:
        return ""
    return "\n\n".join(sorted(set(_texts(found))))


def _key(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def _required(name: str, requires: list[str]) -> Iterator[str]:
    """Yield the names that a distribution needs; of extras, only those of the program itself."""
    for text in requires:
        extra = _EXTRA.search(text)
        if extra is None or (name == ROOT and extra[1] in _OWN_EXTRAS):
            match = _NAME.match(text)
            if match is not None:
                yield match[0]


def _texts(found: importlib.metadata.Distribution) -> Iterator[str]:
    for file in found.files or []:
        if _LICENCE_FILE.search(str(file)) and file.suffix not in (".py", ".pyc"):
            try:
                yield file.read_text(encoding="utf-8").strip()
            except (OSError, UnicodeDecodeError):
                continue
