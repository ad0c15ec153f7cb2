"""What a user signs when a build is submitted; the row must say the same when a worker takes it."""

from __future__ import annotations

from typing import Any

import msgspec

from slate_desktop.domain.build import BuildJob


class BuildRequest(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The signed body of ``slate.build.submit.<platform>``."""

    build_id: str
    project_id: str
    build_type: str
    target_platform: str
    source_commit: str | None = None
    options: dict[str, Any] = {}


def request_of(build: BuildJob) -> BuildRequest:
    """Return what the user of this row must have signed."""
    return BuildRequest(
        build_id=build.id,
        project_id=build.project_id,
        build_type=build.build_type.value,
        target_platform=build.target_platform.value,
        source_commit=build.source_commit,
        options=build.options,
    )
