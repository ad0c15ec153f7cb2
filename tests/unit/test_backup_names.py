"""A backup is never written over another one."""

from __future__ import annotations

from pathlib import Path

from slate_desktop.server.upgrade import _free_name


def test_backups_of_one_second_have_names_of_their_own(tmp_path: Path) -> None:
    names: list[str] = []
    for _ in range(3):
        path = _free_name(tmp_path, "before-17-20260101-000000")
        path.touch()
        names.append(path.name)
    assert names == [
        "before-17-20260101-000000.slate-backup",
        "before-17-20260101-000000-2.slate-backup",
        "before-17-20260101-000000-3.slate-backup",
    ]
