"""A project's repository says which files are built, and never which programs the agent runs."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from slate_desktop.agent.builds.revision import export_commit, read_revision
from slate_desktop.errors import CommandError, ErrorCode

pytestmark = pytest.mark.skipif(
    shutil.which("git") is None, reason="not on this platform: git is not installed"
)


def git(root: Path, *words: str) -> str:
    who = ("-c", "user.name=a", "-c", "user.email=a@example.com", "-c", "commit.gpgsign=false")
    done = subprocess.run(
        ["git", *who, "-C", str(root), *words], check=True, capture_output=True, text=True
    )
    return done.stdout.strip()


@pytest.fixture
def project(tmp_path: Path) -> Path:
    root = tmp_path / "project"
    root.mkdir()
    git(root, "init", "-q")
    (root / "main.gd").write_text("one")
    (root / ".gitattributes").write_text("*.gd filter=own\n")
    git(root, "add", ".")
    git(root, "commit", "-qm", "one")
    return root


async def test_commit_and_changes_are_told(project: Path) -> None:
    head = git(project, "rev-parse", "HEAD")
    revision = await read_revision(project)
    assert (revision.commit, revision.is_dirty) == (head, False)
    (project / "main.gd").write_text("two")
    assert (await read_revision(project)).is_dirty


async def test_a_folder_in_no_repository_has_no_commit(tmp_path: Path) -> None:
    revision = await read_revision(tmp_path)
    assert (revision.commit, revision.is_dirty) == (None, None)


async def test_files_of_a_commit_are_exported(project: Path, tmp_path: Path) -> None:
    head = git(project, "rev-parse", "HEAD")
    (project / "main.gd").write_text("two")
    assert await export_commit(project, head[:12], tmp_path / "checkout") == head
    assert (tmp_path / "checkout" / "main.gd").read_text() == "one"
    with pytest.raises(CommandError) as info:
        await export_commit(project, "0" * 40, tmp_path / "checkout")
    assert (info.value.code, info.value.field) == (ErrorCode.BAD_REQUEST, "source_commit")


@pytest.mark.parametrize("is_included", [False, True])
async def test_no_filter_of_the_repository_is_run(
    project: Path, tmp_path: Path, is_included: bool
) -> None:
    head = git(project, "rev-parse", "HEAD")
    witness = tmp_path / "witness"
    command = f"sh -c 'touch {witness}; cat'"
    if is_included:
        text = f'[filter "own"]\n\tsmudge = {command}\n\tclean = {command}\n\trequired = true\n'
        (project / ".git" / "more").write_text(text)
        git(project, "config", "include.path", "more")
    else:
        for key in ("smudge", "clean", "process"):
            git(project, "config", f"filter.own.{key}", command)
        git(project, "config", "filter.own.required", "true")
    (project / "main.gd").touch()
    await read_revision(project)
    await export_commit(project, head, tmp_path / "checkout")
    assert (tmp_path / "checkout" / "main.gd").read_text() == "one"
    assert not witness.exists()
