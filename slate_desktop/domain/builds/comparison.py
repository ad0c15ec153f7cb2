"""Two builds side by side: what was asked for, how long it took, what came out."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec

from slate_desktop.domain.build import BuildArtifact, BuildJob
from slate_desktop.domain.builds.options import masked
from slate_desktop.translation import message


class Difference(msgspec.Struct, frozen=True, kw_only=True):
    """One fact of both builds; ``name`` is for people."""

    name: str
    left: str
    right: str

    @property
    def is_same(self) -> bool:
        """Whether both say the same."""
        return self.left == self.right


class FileDifference(msgspec.Struct, frozen=True, kw_only=True):
    """A file of either build; a size is None where that build has none."""

    path: str
    left: int | None
    right: int | None
    is_same_content: bool

    @property
    def change(self) -> int:
        """Bytes that the second has more than the first."""
        return (self.right or 0) - (self.left or 0)


class Comparison(msgspec.Struct, frozen=True, kw_only=True):
    """All differences: facts in a fixed order, files with the largest change first."""

    facts: tuple[Difference, ...]
    files: tuple[FileDifference, ...]
    left_bytes: int
    right_bytes: int


def compare(
    left: BuildJob,
    left_files: Sequence[BuildArtifact],
    right: BuildJob,
    right_files: Sequence[BuildArtifact],
) -> Comparison:
    """Compare two builds."""
    left_facts, right_facts = _facts(left), _facts(right)
    names = [*left_facts, *(name for name in right_facts if name not in left_facts)]
    one = {file.path: file for file in left_files}
    two = {file.path: file for file in right_files}
    files = [
        FileDifference(
            path=path,
            left=one[path].size if path in one else None,
            right=two[path].size if path in two else None,
            is_same_content=path in one and path in two and one[path].sha256 == two[path].sha256,
        )
        for path in sorted(one.keys() | two.keys())
    ]
    files.sort(key=lambda file: (-abs(file.change), file.path))
    return Comparison(
        facts=tuple(
            Difference(name=n, left=left_facts.get(n, "–"), right=right_facts.get(n, "–"))
            for n in names
        ),
        files=tuple(files),
        left_bytes=sum(file.size for file in left_files),
        right_bytes=sum(file.size for file in right_files),
    )


def _facts(build: BuildJob) -> dict[str, str]:
    facts: dict[str, str] = {
        message("Platform"): build.target_platform.value,
        message("Type"): build.build_type.value,
        message("Status"): build.status.value,
        message("Verdict"): build.verdict or "–",
        message("Engine"): " ".join(part for part in (build.engine, build.engine_version) if part)
        or "–",
        message("Driver"): build.driver or "–",
        message("Commit"): _commit(build.source),
        message("Sources"): str(build.source.get("sha256", "–"))[:12],
        message("Duration"): "–" if build.duration_s is None else f"{build.duration_s:.1f} s",
        message("Errors"): str(build.error_count),
        message("Warnings"): str(build.warning_count),
    }
    for name, value in sorted(masked(build.options).items()):
        facts[message(f"Option {name}")] = _shown(value)
    return facts


def _commit(source: dict[str, Any]) -> str:
    commit = source.get("commit")
    if not isinstance(commit, str):
        return "–"
    return commit[:10] + (message(" (changed)") if source.get("dirty") else "")


def _shown(value: object) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, dict):
        return ", ".join(f"{key}={item}" for key, item in sorted(value.items()))
    if isinstance(value, list | tuple):
        return " ".join(str(item) for item in value)
    return str(value)
