"""Removes objects that no tree, job, result or build names any more.

::

    all objects → what rows and manifests name → the rest is written down with the time
        → what was written down long ago, is still named by nobody, and was neither put nor wanted
          since → removed, unless somebody wants it in this very moment

Whoever is about to name an object puts it first, and has its time begin anew (``NatsObjects.put``);
so an upload has the whole grace for the row that it ends with. Nothing is removed where anything
that may name objects cannot be read.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import shutil
import tempfile
import time
from collections.abc import Callable, Iterable
from pathlib import Path

import msgspec

from slate_desktop.bus.nats_object_care import ObjectCare, StoredObject
from slate_desktop.bus.object_times import GRACE_S
from slate_desktop.domain.trees import manifest
from slate_desktop.domain.trees.manifest import TreeRef
from slate_desktop.errors import CommandError, ErrorCode, SettingsError
from slate_desktop.server.config import ServerFiles
from slate_desktop.server.standing import standing
from slate_desktop.settings import files
from slate_desktop.store import Database

logger = logging.getLogger(__name__)
Say = Callable[[str], None]


class Pruned(msgspec.Struct, frozen=True, kw_only=True):
    """What there was, and what became of it.

    Attributes:
        objects: how many there are, of ``size_bytes`` together.
        waiting: named by nobody, and kept until the grace is over.
        due: named by nobody for longer than the grace, of ``due_bytes`` together.
        removed: how many of these were removed; the others are wanted again, or it was only a look.
        uploads: left-overs of uploads that never ended, which were removed.
    """

    objects: int
    size_bytes: int
    waiting: int
    due: int
    due_bytes: int
    removed: int
    uploads: int


async def prune(
    server_files: ServerFiles,
    *,
    apply: bool,
    grace_s: float = GRACE_S,
    say: Say = lambda _: None,
) -> Pruned:
    """Look for objects that nobody names, and remove those that are due.

    Args:
        server_files: the server; it may run meanwhile.
        apply: remove them; else nothing is changed but the note of when they were first seen so.
        grace_s: how long they stay in seconds, after they were put or wanted, and after they were
            first seen named by nobody.
        say: told what is being done.

    Raises:
        SettingsError: there is no server, or the note cannot be written.
        StackError: a part of the server does not answer.
        SlateError: what names objects cannot be read; nothing was removed.
    """
    config = server_files.read_config()
    async with standing(server_files, config) as parts:
        care = ObjectCare(parts.bus)
        return await prune_objects(
            care, parts.database.database, server_files.unnamed, apply=apply, grace_s=grace_s,
            say=say,
        )  # fmt: skip


async def prune_objects(
    care: ObjectCare, db: Database, note: Path, *, apply: bool, grace_s: float, say: Say
) -> Pruned:
    """Prune a store with parts that stand already; see ``prune``."""
    say("Objects")
    # First the objects: what is put from now on is none of them.
    objects = await care.objects()
    say("What names them")
    if apply:
        await _forget_results(db, grace_s)
    named = await _named(care, db)
    unnamed = [one for one in objects if one.sha256 not in named]
    since = await asyncio.to_thread(_note, note, [one.sha256 for one in unnamed])
    now_s = time.time()
    due = [one for one in unnamed if one.age_s >= grace_s and now_s - since[one.sha256] >= grace_s]
    removed: list[StoredObject] = []
    uploads = 0
    if apply:
        say("Removal")
        removed = [one for one in due if await care.remove(one)]
        uploads = await care.purge_orphans()
        logger.info("objects removed", extra={"count": len(removed), "uploads": uploads})
    return Pruned(
        objects=len(objects),
        size_bytes=sum(one.size for one in objects),
        waiting=len(unnamed) - len(due),
        due=len(due),
        due_bytes=sum(one.size for one in due),
        removed=len(removed),
        uploads=uploads,
    )


async def _named(care: ObjectCare, db: Database) -> set[str]:
    rows = await db.objects.named()
    named, trees = set(rows.digests), [TreeRef(ref.sha256, ref.size) for ref in rows.trees]
    folder = Path(await asyncio.to_thread(tempfile.mkdtemp, prefix="slate-prune-"))
    try:
        read: set[TreeRef] = set()
        while trees:
            ref = trees.pop()
            if ref in read:
                continue
            read.add(ref)
            named.add(ref.sha256)
            found = await _read_manifest(care, ref, folder)
            named.update(part.sha256 for entry in found.entries.values() for part in entry.parts)
            if found.of is not None:
                trees.append(found.of)
    finally:
        await asyncio.to_thread(shutil.rmtree, folder, ignore_errors=True)
    return named


async def _read_manifest(care: ObjectCare, ref: TreeRef, folder: Path) -> manifest.Manifest:
    if ref.size > manifest.MAX_MANIFEST_BYTES:
        raise CommandError(ErrorCode.TOO_LARGE, "The manifest of the files is too large.")
    target = folder / ref.sha256
    await care.get(ref.sha256, ref.size, target)
    data = await asyncio.to_thread(target.read_bytes)
    await asyncio.to_thread(target.unlink)
    return await asyncio.to_thread(manifest.read, data)


async def _forget_results(db: Database, grace_s: float) -> None:
    """Forget results that no job has any more, so that nobody gets them from the cache."""
    await db.objects.forget_results(grace_s)


def _note(path: Path, digests: Iterable[str]) -> dict[str, float]:
    """Write down since when objects are named by nobody, and return it; blocks.

    Raises:
        SettingsError: it cannot be written.
    """
    known: dict[str, float] = {}
    with contextlib.suppress(SettingsError, OSError, msgspec.MsgspecError):
        # A note that is damaged is as good as none: the grace begins anew.
        known = msgspec.json.decode(files.read_private(path), type=dict[str, float])
    now_s = time.time()
    since = {digest: min(known.get(digest, now_s), now_s) for digest in digests}
    files.write_private(path, msgspec.json.encode(since))
    return since
