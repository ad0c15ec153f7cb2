"""Which commit a project's folder is at, whether it is dirty, and the files of another commit.

git runs without hooks, file-system monitors and filters, which a repository could name, but for
those of Git LFS itself; a commit is hexadecimal digits and nothing else.
"""

from __future__ import annotations

import asyncio
import os
import shutil
import tarfile
from pathlib import Path

import msgspec

from slate_desktop.domain.build import check_source_commit
from slate_desktop.errors import CommandError, ErrorCode

_TIMEOUT_S = 300.0
# Settings of a repository that name programs: its filters, and what Git LFS and ssh start.
_PROGRAMS = (
    r"^(filter\..*\.(clean|smudge|process|required)"
    r"|lfs\.(customtransfer|extension)\..*|lfs\.(.*\.)?standalonetransferagent"
    r"|core\.sshcommand|credential\.(.*\.)?helper)$"
)
# What `git lfs install --local` writes.
_LFS = frozenset({"git-lfs clean -- %f", "git-lfs smudge -- %f", "git-lfs filter-process"})
_SAFE = (
    *("-c", "core.fsmonitor=false"),
    *("-c", "core.hooksPath=/dev/null"),
    # The folder may belong to another user than the agent; nothing of it is run.
    *("-c", "safe.directory=*"),
)


class Revision(msgspec.Struct, frozen=True, kw_only=True):
    """A folder's state in its repository; both None when it is in none."""

    commit: str | None = None
    is_dirty: bool | None = None


async def read_revision(root: Path) -> Revision:
    """Return the commit of a project's folder, and whether its files differ from it."""
    if shutil.which("git") is None:
        return Revision()
    code, head = await _git(root, "rev-parse", "--verify", "HEAD")
    if code != 0:
        return Revision()
    safe = await _without_programs(root)
    # A submodule has a configuration of its own, which would be obeyed.
    words = (*safe, "status", "--porcelain", "--ignore-submodules=all", "--", ".")
    code, changes = await _git(root, *words)
    return Revision(
        commit=head.decode("ascii", "replace").strip(),
        is_dirty=bool(changes.strip()) if code == 0 else None,
    )


async def export_commit(root: Path, commit: str, target: Path) -> str:
    """Put the files of a commit into ``target``; returns the commit's full name.

    Raises:
        CommandError: ``bad_request`` naming ``source_commit``: there is no such commit here.
    """
    name = check_source_commit(commit)
    if shutil.which("git") is None:
        raise _refused("git is not installed on the worker")
    code, full = await _git(root, "rev-parse", "--verify", "--end-of-options", f"{name}^{{commit}}")
    if code != 0:
        raise _refused(f"the project has no commit {name}")
    await asyncio.to_thread(_make_empty, target)
    archive = target.with_suffix(".tar")
    digits = full.decode("ascii").strip()
    try:
        safe = await _without_programs(root)
        words = (*safe, "archive", "--format=tar", f"--output={archive}", digits)
        code, _ = await _git(root, *words)
        if code != 0:
            raise _refused(f"the files of commit {name} cannot be read")
        await asyncio.to_thread(_unpack, archive, target)
    finally:
        archive.unlink(missing_ok=True)
    return digits


def _make_empty(target: Path) -> None:
    shutil.rmtree(target, ignore_errors=True)
    target.mkdir(parents=True)


def _unpack(archive: Path, target: Path) -> None:
    with tarfile.open(archive) as tar:
        # As an attribute, which 3.11.0 to 3.11.3 ignore where they would refuse the argument: such
        # as Debian 12's, whose archives are git's own, which hold no way out of the folder.
        tar.extraction_filter = getattr(tarfile, "data_filter", None)
        tar.extractall(target)  # noqa: S202 - an archive that git made just now


async def _without_programs(root: Path) -> list[str]:
    """Return options that take away the programs which the repository itself has git run.

    Source: gitattributes(5), filter; git-lfs-config(5).
    """
    listing = ("config", "--null", "--show-scope", "--includes", "--get-regexp", _PROGRAMS)
    _, data = await _git(root, *listing)
    fields = data.decode("utf-8", "surrogateescape").split("\0")
    options: list[str] = []
    for scope, entry in zip(fields[::2], fields[1::2], strict=False):
        name, _, value = entry.partition("\n")
        if scope not in ("local", "worktree") or value in _LFS:
            continue
        options += ["-c", f"{name}=false" if name.endswith(".required") else f"{name}="]
    return options


async def _git(root: Path, *words: str) -> tuple[int, bytes]:
    env = {name: os.environ[name] for name in ("PATH", "HOME", "SYSTEMROOT") if name in os.environ}
    process = await asyncio.create_subprocess_exec(
        "git",
        *_SAFE,
        "-C",
        str(root),
        *words,
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,
        env={**env, "GIT_OPTIONAL_LOCKS": "0", "GIT_TERMINAL_PROMPT": "0"},
    )
    try:
        async with asyncio.timeout(_TIMEOUT_S):
            out, _ = await process.communicate()
    except BaseException:
        if process.returncode is None:
            process.kill()
            await process.wait()
        raise
    return process.returncode or 0, out


def _refused(why: str) -> CommandError:
    return CommandError(
        ErrorCode.BAD_REQUEST,
        f"The commit cannot be built: {why}",
        field="source_commit",
        hint="Push it to the folder that the worker sees, or build the working tree.",
    )
