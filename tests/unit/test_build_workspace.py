"""A build's folder: what changed is copied, and nothing outside of it is ever touched."""

from __future__ import annotations

import os
import threading
from pathlib import Path

import pytest

from slate_desktop.agent.builds.workspace import SourceState, Workspace

pytestmark = pytest.mark.skipif(os.name == "nt", reason="not on this platform: links need a right")


@pytest.fixture
def project(tmp_path: Path) -> Path:
    project = tmp_path / "project"
    (project / "levels").mkdir(parents=True)
    (project / "levels" / "one").write_text("one")
    (project / "main").write_text("main")
    return project


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    return Workspace(tmp_path / "work")


def prepare(workspace: Workspace, project: Path) -> SourceState:
    return workspace.prepare(project, is_clean=False, caches=(), stop=threading.Event())


def outside(tmp_path: Path) -> Path:
    folder = tmp_path / "outside"
    folder.mkdir()
    (folder / "one").write_text("somebody's own")
    return folder


def test_what_changed_is_copied_and_what_went_is_removed(
    workspace: Workspace, project: Path
) -> None:
    assert prepare(workspace, project).copied == 2
    (project / "levels" / "two").write_text("two")
    (project / "main").unlink()
    state = prepare(workspace, project)
    assert (state.files, state.copied) == (2, 1)
    assert sorted(p.name for p in workspace.source.rglob("*")) == ["levels", "one", "two"]


def test_a_folder_that_became_a_link_costs_no_file_behind_it(
    workspace: Workspace, project: Path, tmp_path: Path
) -> None:
    prepare(workspace, project)
    folder = outside(tmp_path)
    (project / "levels" / "one").unlink()
    (project / "levels").rmdir()
    (project / "levels").symlink_to(folder)
    prepare(workspace, project)
    assert (folder / "one").read_text() == "somebody's own"
    assert (workspace.source / "levels").is_symlink()


def test_a_link_that_became_a_folder_is_copied_as_one(
    workspace: Workspace, project: Path, tmp_path: Path
) -> None:
    folder = outside(tmp_path)
    (project / "more").symlink_to(folder)
    prepare(workspace, project)
    (project / "more").unlink()
    (project / "more").mkdir()
    (project / "more" / "one").write_text("new")
    prepare(workspace, project)
    assert (folder / "one").read_text() == "somebody's own"
    assert (workspace.source / "more" / "one").read_text() == "new"


@pytest.mark.parametrize("is_changed", [False, True])
def test_a_link_that_a_build_left_is_not_written_through(
    workspace: Workspace, project: Path, tmp_path: Path, is_changed: bool
) -> None:
    prepare(workspace, project)
    folder = outside(tmp_path)
    (workspace.source / "levels" / "one").unlink()
    (workspace.source / "levels").rmdir()
    (workspace.source / "levels").symlink_to(folder)
    if is_changed:
        (project / "levels" / "one").write_text("one, changed")
    prepare(workspace, project)
    workspace.put("levels/own", b"ours")
    assert sorted(p.name for p in folder.iterdir()) == ["one"]
    assert (folder / "one").read_text() == "somebody's own"
    assert (workspace.source / "levels" / "one").read_text().startswith("one")
    assert (workspace.source / "levels" / "own").read_bytes() == b"ours"


def test_a_folder_where_a_file_was_and_the_other_way(workspace: Workspace, project: Path) -> None:
    prepare(workspace, project)
    (project / "main").unlink()
    (project / "main").mkdir()
    (project / "main" / "a").write_text("a")
    (project / "levels" / "one").unlink()
    (project / "levels").rmdir()
    (project / "levels").write_text("now a file")
    state = prepare(workspace, project)
    assert state.files == 2
    assert (workspace.source / "main" / "a").read_text() == "a"
    assert (workspace.source / "levels").read_text() == "now a file"
