"""Programs of the user's own count to a job's key: installing or exchanging one changes it."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from slate_desktop.domain.assets.kinds import AssetKind
from slate_desktop.domain.assets.options import parse_options
from slate_desktop.pipeline.tools import tool_versions

pytestmark = pytest.mark.skipif(
    sys.platform == "win32", reason="scripts are no programs: not on this platform"
)


def install(folder: Path, name: str, says: str) -> None:
    program = folder / name
    program.write_text(f"#!/bin/sh\necho '{says}'\n")
    program.chmod(0o755)


@pytest.mark.parametrize(
    ("name", "kind", "options", "says"),
    [
        ("basisu", AssetKind.TEXTURE, {"compression": "basis"}, "Basis Universal System v{}"),
        ("ffmpeg", AssetKind.AUDIO, {"format": "aac"}, "ffmpeg version {} Copyright (c) 2000"),
    ],
)
def test_program_is_part_of_the_key_where_it_is_needed(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    name: str,
    kind: AssetKind,
    options: dict[str, object],
    says: str,
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    wanted = parse_options(kind, options)
    assert tool_versions(kind, wanted)[name] == "absent"
    install(tmp_path, name, says.format("1.50.0"))
    assert tool_versions(kind, wanted)[name] == "1.50.0"
    assert name not in tool_versions(kind, parse_options(kind, {}))
    # An agent that runs for weeks notices an update.
    install(tmp_path, name, says.format("2.1"))
    os.utime(tmp_path / name, (1, 1))
    assert tool_versions(kind, wanted)[name] == "2.1"
