"""Names of files that may travel: every machine can hold them, and none leads out of its tree.

A name that one system takes and another does not would make half a tree there, so that names are
held to what Linux, Windows and macOS take alike.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable

from slate_desktop.errors import CommandError, ErrorCode

MAX_PATH_BYTES = 1024
MAX_NAME_BYTES = 255
MAX_DEPTH = 64

# Source: https://learn.microsoft.com/windows/win32/fileio/naming-a-file
_BAD_CHARS = re.compile(r'[\x00-\x1f\x7f<>:"|?*\\\ud800-\udfff]')
_DEVICE = re.compile(r"(con|prn|aux|nul|conin\$|conout\$|(com|lpt)[0-9¹²³])(\..*)?", re.I)
# A repository's hooks run programs; the others are what Windows calls it, and SLATE's own folder.
_RESERVED = frozenset({".git", "git~1", "slate~1"})
# What synchronisation itself keeps in a project, such as whose folder it is.
OWN_FOLDER = ".slate/sync"


def problem_of(path: str) -> str | None:
    """Return why a name cannot travel, None for one that can.

    Args:
        path: relative, with ``/``.
    """
    if not path or path.startswith("/"):
        return "is empty or absolute"
    if _BAD_CHARS.search(path) is not None:
        return "has a character that not every system takes"
    if len(path.encode("utf-8")) > MAX_PATH_BYTES:
        return f"is longer than {MAX_PATH_BYTES} bytes"
    parts = path.split("/")
    if fold("/".join(parts[:2])) == OWN_FOLDER:
        return f"lies in {OWN_FOLDER}, which is never synchronised"
    if len(parts) > MAX_DEPTH:
        return f"is more than {MAX_DEPTH} folders deep"
    for part in parts:
        if (problem := _problem_of_part(part)) is not None:
            return problem
    return None


def _problem_of_part(part: str) -> str | None:
    if part in ("", ".", ".."):
        return "leads out of its folder"
    if part[-1] in ". ":
        return "ends with a point or a space, which Windows drops"
    if _DEVICE.fullmatch(part) is not None:
        return "is a device on Windows"
    if fold(part) in _RESERVED:
        return f"holds {part!r}, which is never synchronised"
    if len(part.encode("utf-8")) > MAX_NAME_BYTES:
        return f"has a part longer than {MAX_NAME_BYTES} bytes"
    return None


def check_path(path: str) -> str:
    """Return a name that can travel.

    Raises:
        CommandError: ``bad_request``.
    """
    problem = problem_of(path)
    if problem is not None:
        shown = path[:80].encode("ascii", "backslashreplace").decode("ascii")
        raise CommandError(ErrorCode.BAD_REQUEST, f"The name {shown!r} {problem}.", field="path")
    return path


def fold(path: str) -> str:
    """Return what two names have in common that are one file on some systems."""
    return path.casefold() if path.isascii() else unicodedata.normalize("NFC", path).casefold()


def check_together(paths: Iterable[str]) -> None:
    """Refuse names that cannot be in one tree: twice the same but for case, or a file as a folder.

    Raises:
        CommandError: ``bad_request``.
    """
    spelled: dict[str, str] = {}
    folders: set[str] = set()
    files: list[str] = []
    for path in paths:
        files.append(path)
        at = path.rfind("/")
        while at > 0 and (folder := path[:at]) not in folders:
            folders.add(folder)
            _spell(spelled, folder)
            at = folder.rfind("/")
        _spell(spelled, path)
    for path in files:
        if path in folders:
            raise CommandError(
                ErrorCode.BAD_REQUEST, f"{path[:80]!r} is both a file and a folder.", field="path"
            )


def _spell(spelled: dict[str, str], path: str) -> None:
    other = spelled.setdefault(fold(path), path)
    if other != path:
        raise CommandError(
            ErrorCode.BAD_REQUEST,
            f"{path[:80]!r} and {other[:80]!r} are one file on some systems.",
            field="path",
        )


def problem_of_link(path: str, target: str) -> str | None:
    """Return why a link cannot travel, None for one that stays in its tree.

    Args:
        path: the link's own name.
        target: what it says.
    """
    if not target or target.startswith("/") or _BAD_CHARS.search(target) is not None:
        return "leads out of the project"
    depth = path.count("/")
    for part in target.split("/"):
        if part == "..":
            depth -= 1
            if depth < 0:
                return "leads out of the project"
        elif part not in ("", "."):
            if fold(part) in _RESERVED:
                return f"leads to {part!r}"
            depth += 1
    return None
