"""Versions below which a known hole is open: of readers of untrusted files, and of runc."""

from __future__ import annotations

import importlib.metadata
import re
from collections.abc import Callable, Mapping
from typing import Any

import msgspec

from slate_desktop.diagnosis.check import Check, State


class Least(msgspec.Struct, frozen=True):
    """A package, its oldest sound version, and what is wrong with older ones."""

    package: str
    version: tuple[int, ...]
    reason: str


# https://github.com/advisories
PACKAGES = (
    Least("pillow", (12, 3), "GHSA-whj4-6x5x-4v2j"),
    Least("trimesh", (5, 2), "files that take all memory"),
)
# https://nvd.nist.gov/vuln/detail/CVE-2024-21626
RUNC = Least("runc", (1, 1, 12), "CVE-2024-21626: a container can leave its file system")


def _installed(package: str) -> str | None:
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return None


def check_packages(version_of: Callable[[str], str | None] = _installed) -> list[Check]:
    """Compare what is installed; packages that are absent are of no concern."""
    found: list[Check] = []
    for least in PACKAGES:
        version = version_of(least.package)
        if version is not None and _numbers(version) < least.version:
            wanted = ".".join(str(part) for part in least.version)
            found.append(
                Check(
                    name=least.package,
                    state=State.WARNING,
                    detail=f"{version} has a known hole ({least.reason})",
                    fix=f"pip install --upgrade '{least.package}>={wanted}'",
                )
            )
    return found


def check_runc(answer: Mapping[str, Any]) -> list[Check]:
    """Look at the engine's answer to ``version``: which runc starts its containers."""
    for part in answer.get("Components") or ():
        version = str(part.get("Version") or "")
        if part.get("Name") == "runc" and version and _numbers(version) < RUNC.version:
            detail = f"{version} is older than 1.1.12 ({RUNC.reason})"
            fix = "Update runc; the number may stay where a distribution mended its own version."
            return [Check(name="runc", state=State.NOTE, detail=detail, fix=fix)]
    return []


def _numbers(version: str) -> tuple[int, ...]:
    leading = re.match(r"\d+(?:\.\d+)*", version)
    return tuple(int(part) for part in leading.group().split(".")) if leading else ()
