"""A project of 20,000 files: nothing changed, against a walk; and one saved file, against a second.

The walk asks for every file's size and time, without which no change can be seen. The way of a
saved file is whole but for network and database: look, upload, manifest, fetch, check, rename.
"""

from __future__ import annotations

import os
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, cast

from slate_desktop.agent.trees.tree import HostTree
from slate_desktop.bus.directory_objects import DirectoryObjects
from slate_desktop.control.working_copy import WorkingCopy
from slate_desktop.domain.engine import Engine
from slate_desktop.domain.project import Project
from slate_desktop.domain.trees.manifest import TreeRef
from slate_desktop.domain.trees.stored import StoredTree
from slate_desktop.store import Database
from tests.bench.harness import Result

FOLDERS, FILES_EACH = 500, 40
ROUNDS = 7
SAVES = 5
_OLD_NS = 1_600_000_000_000_000_000


class Rows:
    """The newest tree of one project, in memory."""

    def __init__(self) -> None:
        self.row: StoredTree | None = None

    async def get(self, _project_id: str) -> StoredTree | None:
        return self.row

    async def put(self, project_id: str, ref: TreeRef, **fields: Any) -> StoredTree:
        version = (fields.pop("version") or 0) + 1
        self.row = StoredTree(
            project_id=project_id, version=version, sha256=ref.sha256, size=ref.size,
            agent_id=None, updated_at=datetime.now(UTC), **fields,
        )  # fmt: skip
        return self.row


class Store:
    def __init__(self) -> None:
        self.trees = Rows()


async def run() -> list[Result]:
    """Measure both."""
    with tempfile.TemporaryDirectory(prefix="slate-sync-") as folder:
        base = Path(folder)
        root = base / "game"
        _make(root)
        objects = DirectoryObjects(base / "objects")
        await objects.ensure()
        now = datetime.now(UTC)
        project = Project(
            id="p", name="game", owner_id="u", root=str(root), engine=Engine.UNITY,
            created_at=now, updated_at=now,
        )  # fmt: skip
        store = Store()
        copy = WorkingCopy(cast("Database", store), objects, "u", project, root, base / "state")
        began = time.perf_counter()
        await copy.push()
        print(
            f"   first push of {FOLDERS * FILES_EACH:,} files: {time.perf_counter() - began:.1f} s"
        )
        still = Result(
            "status of 20,000 files, nothing changed", "a walk with lstat", "s", goal=1.5,
            higher_is_better=False,
        )  # fmt: skip
        for _ in range(ROUNDS):
            began = time.perf_counter()
            assert _walk(root) == FOLDERS * FILES_EACH
            still.peer_values.append(time.perf_counter() - began)
            began = time.perf_counter()
            assert (await copy.status()).is_in_sync
            still.our_values.append(time.perf_counter() - began)
        return [still, await _saves(copy, root, HostTree(base / "host", objects, "a1"), store)]


async def _saves(copy: WorkingCopy, root: Path, tree: HostTree, store: Store) -> Result:
    result = Result(
        "one saved file among 20,000, on the host", "one second", "s", goal=1.0,
        higher_is_better=False,
    )  # fmt: skip
    assert store.trees.row is not None
    await tree.apply(store.trees.row)
    for number in range(SAVES):
        path = f"dir{number}/sub0/file_0.png"
        (root / path).write_text(f"saved {number}")
        began = time.perf_counter()
        await copy.push([path])
        await tree.apply(store.trees.row)
        result.our_values.append(time.perf_counter() - began)
        result.peer_values.append(1.0)
        assert (tree.root / path).read_text() == f"saved {number}"
    return result


def _make(root: Path) -> None:
    for number in range(FOLDERS):
        folder = root / f"dir{number // 20}" / f"sub{number % 20}"
        folder.mkdir(parents=True)
        for file in range(FILES_EACH):
            path = folder / f"file_{file}.png"
            path.write_bytes(b"%d %d" % (number, file) * 20)
            os.utime(path, ns=(_OLD_NS, _OLD_NS))


def _walk(root: Path) -> int:
    count = 0
    for folder, _, names in os.walk(root):
        for name in names:
            os.lstat(os.path.join(folder, name))  # noqa: PTH118 - the peer is a plain walk
            count += 1
    return count
