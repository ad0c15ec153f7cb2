"""From a file to a job: what it is, what it refers to, its key, and its way to a worker."""

from __future__ import annotations

import asyncio
import hashlib
import os
import stat
from collections.abc import Mapping, Sequence
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

import msgspec

from slate_desktop.bus.objects import ObjectStore
from slate_desktop.domain.assets.job import (
    DEFAULT_OUT_DIR,
    DEFAULT_TIME_LIMIT_S,
    MAX_PRIORITY,
    MAX_TIME_LIMIT_S,
    MIN_PRIORITY,
    MISSING,
    AssetInput,
    AssetJob,
)
from slate_desktop.domain.assets.key import job_key
from slate_desktop.domain.assets.kinds import AssetKind, kind_of
from slate_desktop.domain.assets.options import AssetOptions
from slate_desktop.domain.ids import check_id
from slate_desktop.domain.project import Project
from slate_desktop.errors import AssetError, CommandError, ErrorCode
from slate_desktop.pipeline.tools import tool_versions

if TYPE_CHECKING:
    from slate_desktop.pipeline.sandbox.parent import Sandbox

_CHUNK_BYTES = 1024 * 1024
_FLAGS = os.O_RDONLY | getattr(os, "O_BINARY", 0) | getattr(os, "O_CLOEXEC", 0)
_FLAGS |= getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0)


class SubmitOptions(msgspec.Struct, frozen=True, kw_only=True):
    """How jobs are submitted, whatever their kind.

    Attributes:
        out_dir: where products go, relative to the project's root; None for the default.
        priority: -100 to 100; higher ones go first.
        is_forced: work even where the result is known, or known to fail.
        time_limit_s: how long an attempt may take.
        batch_id: what belongs together.
        is_delivered: workers that see the project put products into its folder; else they are
            in the object store alone (``fetch_asset_products``).
    """

    out_dir: str | None = None
    is_delivered: bool = True
    priority: int = 0
    is_forced: bool = False
    time_limit_s: int = DEFAULT_TIME_LIMIT_S
    batch_id: str | None = None

    def check(self) -> None:
        """Refuse what the database would.

        Raises:
            CommandError: ``bad_request`` naming the field.
        """
        if type(self.priority) is not int or not MIN_PRIORITY <= self.priority <= MAX_PRIORITY:
            raise _bad("priority", f"priority must be {MIN_PRIORITY} to {MAX_PRIORITY}")
        if type(self.time_limit_s) is not int or not 1 <= self.time_limit_s <= MAX_TIME_LIMIT_S:
            raise _bad("time_limit_s", f"time_limit_s must be 1 to {MAX_TIME_LIMIT_S} seconds")
        if self.batch_id is not None:
            check_id(self.batch_id, "batch_id")
        if self.out_dir is not None:
            check_out_dir(self.out_dir)


class Prepared(msgspec.Struct, frozen=True, kw_only=True):
    """An asset that can be submitted.

    Attributes:
        kind: of the asset.
        path: its name in the project.
        inputs: the asset itself first.
        files: where they lie on this machine, in the order of ``inputs``; None for a missing one.
        out_dir: where its products go by default, relative to the project's root.
    """

    kind: AssetKind
    path: str
    inputs: tuple[AssetInput, ...]
    files: tuple[Path | None, ...]
    out_dir: str

    @property
    def is_below_root(self) -> bool:
        """Whether all its files lie in the project."""
        return all(entry.path is not None for entry in self.inputs)

    def key(self, options: AssetOptions) -> str:
        """Return the key that this machine's tools give it."""
        asset, *others = self.inputs
        contents = {"": asset.sha256} | {entry.name: entry.sha256 for entry in others}
        return job_key(self.kind, contents, options, tool_versions(self.kind, options))


async def prepare(
    project: Project, asset: str | os.PathLike[str], kind: AssetKind | None, sandbox: Sandbox
) -> Prepared:
    """Look at a file and at what it refers to.

    Args:
        project: whose asset it is.
        asset: a path, absolute or relative to the project's root.
        kind: what it is; None for what its name says.
        sandbox: reads what models refer to.

    Raises:
        CommandError: ``bad_request`` for a name that is no asset; ``not_found`` for no file.
        AssetError: it is no plain file, or cannot be read.
    """
    root = Path(project.root)
    source = root / asset
    kind = kind or kind_of(source.name)
    if kind is None:
        raise CommandError(
            ErrorCode.BAD_REQUEST,
            f"{source.name} is not a kind of file that SLATE processes.",
            field="path",
        )
    first = await asyncio.to_thread(_describe, source, source.name, root)
    inputs, files = [first], [source]
    if kind is AssetKind.MODEL:
        for name in await sandbox.references(kind, source):
            other = source.parent.joinpath(*PurePosixPath(name).parts)
            try:
                inputs.append(await asyncio.to_thread(_describe, other, name, root))
            except CommandError as error:
                if error.code is not ErrorCode.NOT_FOUND:
                    raise
                inputs.append(AssetInput(name=name, sha256=MISSING, size=0))
            files.append(other)
    path = first.path or source.name
    return Prepared(
        kind=kind,
        path=path,
        inputs=tuple(inputs),
        files=tuple(
            None if entry.sha256 == MISSING else file
            for entry, file in zip(inputs, files, strict=True)
        ),
        out_dir=(PurePosixPath(DEFAULT_OUT_DIR) / PurePosixPath(path).parent).as_posix(),
    )


async def prepare_again(job: AssetJob, objects: ObjectStore) -> Prepared:
    """Return what a job on a file from outside of its project was made from, out of the store.

    Raises:
        CommandError: ``not_found``: the store has forgotten it.
        NotConnectedError: the broker is away.
    """
    for entry in job.inputs:
        if entry.sha256 != MISSING and await objects.stat(entry.sha256) is None:
            raise CommandError(
                ErrorCode.NOT_FOUND,
                f"{entry.name} lies outside of the project, and is no longer stored.",
                hint="Drop the file into the window again.",
            )
    return Prepared(
        kind=job.kind,
        path=job.path,
        inputs=tuple(job.inputs),
        files=tuple(None for _ in job.inputs),
        out_dir=DEFAULT_OUT_DIR,
    )


async def upload(prepared: Prepared, objects: ObjectStore) -> None:
    """Put an asset's files into the object store, those that it lacks.

    Raises:
        CommandError: ``artifact_quota``.
        NotConnectedError: the broker is away.
    """
    for entry, file in zip(prepared.inputs, prepared.files, strict=True):
        if file is not None:
            await objects.put(file, sha256=entry.sha256)


def check_out_dir(out_dir: str) -> str:
    """Return a folder of the project, relative to its root.

    Raises:
        CommandError: ``bad_request``.
    """
    path = PurePosixPath(out_dir.replace("\\", "/"))
    if path.is_absolute() or ".." in path.parts or "\0" in out_dir or ":" in out_dir[:2]:
        raise CommandError(
            ErrorCode.BAD_REQUEST,
            "The folder for products must lie in the project.",
            field="out_dir",
        )
    return path.as_posix()


def read_batch(assets: Sequence[Mapping[str, object]]) -> list[dict[str, object]]:
    """Return the entries of a batch by ``path``, ``type`` and ``options``.

    The original system's names (``assetId``, ``type``, ``options``) are read too.

    Raises:
        CommandError: ``bad_request`` naming the entry.
    """
    entries: list[dict[str, object]] = []
    for number, data in enumerate(assets):
        if not isinstance(data, Mapping):
            raise _bad_entry(number, "is not an object")
        fields = dict(data)
        names = [name for name in ("path", "asset_id", "assetId") if name in fields]
        if len(names) != 1 or not isinstance(fields[names[0]], str | os.PathLike):
            raise _bad_entry(number, "needs one path")
        entry: dict[str, object] = {
            "path": fields.pop(names[0]),
            "type": fields.pop("type", None),
            "options": fields.pop("options", None) or {},
        }
        if fields:
            raise _bad_entry(number, f"has the unknown field {str(next(iter(fields)))[:64]!r}")
        try:
            entry["type"] = None if entry["type"] is None else AssetKind(str(entry["type"]))
        except ValueError as exc:
            raise _bad_entry(number, f"has the unknown type {entry['type']!r}") from exc
        entries.append(entry)
    return entries


def _bad_entry(number: int, reason: str) -> CommandError:
    return CommandError(
        ErrorCode.BAD_REQUEST, f"Entry {number + 1} of the batch {reason}.", field="assets"
    )


def _describe(source: Path, name: str, root: Path) -> AssetInput:
    """Read a file through; blocks."""
    try:
        descriptor = os.open(source, _FLAGS)
    except FileNotFoundError as exc:
        raise CommandError(ErrorCode.NOT_FOUND, f"There is no file {name}.", field="path") from exc
    except OSError as exc:
        if source.is_symlink():
            raise AssetError.invalid(
                "This is a symbolic link.", hint="Name the file that it leads to."
            ) from exc
        raise AssetError.invalid(f"{name} cannot be read: {exc.strerror}.") from exc
    with os.fdopen(descriptor, "rb") as file:
        if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
            raise AssetError.invalid(f"{name} is not a plain file.")
        digest, size = hashlib.sha256(), 0
        while chunk := file.read(_CHUNK_BYTES):
            digest.update(chunk)
            size += len(chunk)
    return AssetInput(name=name, path=_below(source, root), sha256=digest.hexdigest(), size=size)


def _below(source: Path, root: Path) -> str | None:
    """Return a file's name in the project; None for one that lies, or is linked, elsewhere."""
    try:
        return source.parent.resolve().joinpath(source.name).relative_to(root.resolve()).as_posix()
    except (ValueError, OSError):
        return None


def _bad(field: str, message: str) -> CommandError:
    return CommandError(ErrorCode.BAD_REQUEST, message, field=field)
