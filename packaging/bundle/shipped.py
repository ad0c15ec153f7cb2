"""Which distributions an installed SLATE consists of, under which licences; fails on any GPL part.

    python packaging/bundle/shipped.py [--notices FILE] [--sbom FILE]

The distributions are the closure of ``slate-desktop[desktop]`` in this environment. A licence is
read from the metadata and judged by its text where the metadata says too little.
"""

from __future__ import annotations

import argparse
import importlib.metadata
import json
import re
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from slate_desktop.settings.parts import licence

EXTRA = "desktop"
ROOT_DISTRIBUTION = "slate-desktop"
# Copyleft that reaches the whole program. The LGPL is welcome: its libraries stay files of their
# own that a user can replace.
_FORBIDDEN = re.compile(r"(?<![L])\b(A?GPL|GNU (AFFERO )?GENERAL PUBLIC)", re.IGNORECASE)
_LESSER = re.compile(r"\bLGPL|LESSER GENERAL PUBLIC", re.IGNORECASE)


@dataclass(frozen=True)
class Shipped:
    """One distribution of the closure."""

    name: str
    version: str
    licence: str
    files: tuple[Path, ...]
    homepage: str


def closure(root: str = ROOT_DISTRIBUTION, extra: str = EXTRA) -> list[str]:
    """Return the canonical names of everything that is installed with ``root[extra]``."""
    seen: dict[tuple[str, str], None] = {}
    todo = [(canonicalize_name(root), extra)]
    while todo:
        name, wanted = todo.pop()
        if (name, wanted) in seen:
            continue
        seen[name, wanted] = None
        for text in importlib.metadata.distribution(name).requires or []:
            requirement = Requirement(text)
            if requirement.marker and not requirement.marker.evaluate({"extra": wanted}):
                continue
            other = canonicalize_name(requirement.name)
            todo.extend((other, name) for name in {"", *requirement.extras})
    return sorted({name for name, _ in seen})


def strangers() -> list[str]:
    """Return the modules of this environment that belong to no distribution of the closure."""
    ours = set(closure())
    return sorted(
        module
        for module, owners in importlib.metadata.packages_distributions().items()
        if not ours & {canonicalize_name(owner) for owner in owners}
    )


def read(name: str) -> Shipped:
    """Return what a distribution of this environment says of itself."""
    return describe(importlib.metadata.distribution(name))


def describe(found: importlib.metadata.Distribution) -> Shipped:
    """Return what a distribution says of itself, wherever it is installed."""
    meta = found.metadata
    pages = [u.partition(",")[2].strip() for u in meta.get_all("Project-URL") or []]
    files = tuple(
        Path(str(file.locate()))
        for file in found.files or []
        if re.search(r"(^|/)(licen[cs]es?|copying|notice)[^/]*(/.*)?$", str(file), re.IGNORECASE)
        and not str(file).endswith((".py", ".pyc"))
    )
    return Shipped(
        name=meta["Name"],
        version=found.version,
        licence=licence(found),
        files=tuple(f for f in files if f.is_file()),
        homepage=meta.get("Home-page") or (pages[0] if pages else ""),
    )


def problems(parts: list[Shipped]) -> Iterator[str]:
    """Say what may not be given away, and what nobody can tell."""
    for part in parts:
        if _FORBIDDEN.search(part.licence):
            yield f"{part.name} {part.version} is under {part.licence}"
        elif not part.licence and not part.files:
            yield f"{part.name} {part.version} states no licence"
        elif not part.licence and any(_is_gpl_text(file) for file in part.files):
            yield f"{part.name} {part.version} carries the text of the GPL"


def _is_gpl_text(file: Path) -> bool:
    head = file.read_text(encoding="utf-8", errors="replace")[:400]
    return bool(_FORBIDDEN.search(head)) and not _LESSER.search(head)


def notices(parts: list[Shipped], carried: Mapping[str, str] | None = None) -> str:
    """Return the licences of all parts as one text.

    Args:
        parts: the distributions.
        carried: licences of libraries that come from the system of whoever builds, by file name.
    """
    sections = ["Third-party software in SLATE Desktop\n"]
    for part in parts:
        head = ("=" * 78, f"{part.name} {part.version}", part.licence, part.homepage)
        sections.append("\n".join(head) + "\n")
        texts = {f.read_text(encoding="utf-8", errors="replace").strip() for f in part.files}
        sections.extend(f"{text}\n" for text in sorted(texts))
    if carried:
        lines = [f"{name:32} {licence}" for name, licence in sorted(carried.items())]
        sections.append("\n".join(("=" * 78, "Libraries of the system", *lines)) + "\n")
    return "\n".join(sections)


def sbom(
    parts: list[Shipped], carried: Mapping[str, str] | None = None, version: str = ""
) -> dict[str, object]:
    """Return a bill of materials. Source: CycloneDX 1.6, https://cyclonedx.org/docs/1.6/json/.

    Args:
        parts: the distributions.
        carried: licences of libraries that come from the system of whoever builds, by file name.
        version: of the package; the program's own where it is empty.
    """
    return {
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "version": 1,
        "metadata": {
            "component": {
                "type": "application",
                "name": ROOT_DISTRIBUTION,
                "version": version or importlib.metadata.version(ROOT_DISTRIBUTION),
            }
        },
        "components": [
            {
                "type": "library",
                "name": part.name,
                "version": part.version,
                "purl": f"pkg:pypi/{canonicalize_name(part.name)}@{part.version}",
                "licenses": [{"license": {"name": part.licence or "see the notices"}}],
            }
            for part in parts
            if canonicalize_name(part.name) != ROOT_DISTRIBUTION
        ]
        + [
            {"type": "library", "name": name, "licenses": [{"expression": licence}]}
            for name, licence in sorted((carried or {}).items())
        ],
    }


def main() -> int:
    """Check the licences, and write the notices and the bill of materials."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--notices", type=Path)
    parser.add_argument("--sbom", type=Path)
    options = parser.parse_args()
    parts = [read(name) for name in closure()]
    found = list(problems(parts))
    for text in found:
        print(f"licence: {text}", file=sys.stderr)
    if options.notices:
        options.notices.write_text(notices(parts), encoding="utf-8")
    if options.sbom:
        options.sbom.write_text(json.dumps(sbom(parts), indent=2) + "\n", encoding="utf-8")
    if not options.notices and not options.sbom:
        for part in parts:
            print(f"{part.name:28} {part.version:14} {part.licence[:60]}")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
