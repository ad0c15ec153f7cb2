"""Files of asset jobs on a worker: inputs come in, and products get to the project's folder.

Inputs come from the project where both sides see it, else from the object store. A path comes from
a person's job and is opened below the project's root only, through no link that leads out, and what
is read counts only when it has the digest that was signed.
"""

from __future__ import annotations

import asyncio
import errno
import hashlib
import os
import stat
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path, PurePosixPath

from slate_desktop.bus.objects import ObjectStore
from slate_desktop.domain.assets.job import AssetInput
from slate_desktop.domain.assets.product import Product
from slate_desktop.domain.project import Project
from slate_desktop.errors import AssetError, CommandError, EnvironmentFaultError, ErrorCode
from slate_desktop.pipeline.publish import publish

# Gives the project's own folder, where this machine sees it.
FindRoot = Callable[[Project], Awaitable[Path | None]]
_CHUNK_BYTES = 1024 * 1024
_OPEN_FLAGS = os.O_RDONLY | getattr(os, "O_BINARY", 0) | getattr(os, "O_CLOEXEC", 0)
# Neither a link at the end nor a pipe that nobody writes to.
_OPEN_FLAGS |= getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0)


def check_name(name: str) -> PurePosixPath:
    """Return a relative name with ``/`` that stays where it is.

    Raises:
        CommandError: ``bad_request``.
    """
    path = PurePosixPath(name)
    if (
        not path.parts
        or path.is_absolute()
        or ".." in path.parts
        or any(letter in name for letter in "\\\0")
        or len(name.encode("utf-8", "surrogatepass")) > 4096
        or (os.name == "nt" and ":" in name)
    ):
        raise CommandError(
            ErrorCode.BAD_REQUEST, f"{name[:80]!r} is not a name below a folder.", field="path"
        )
    return path


async def fetch_inputs(
    inputs: list[AssetInput], root: Path | None, objects: ObjectStore, folder: Path
) -> bool:
    """Bring a job's inputs into a folder; tells whether the project's folder is the submitter's.

    It is where every input that lies in the project was found in it, as it was submitted; those
    from elsewhere come from the store and tell nothing.

    Args:
        inputs: what was signed.
        root: the project's root, if this machine has it.
        objects: for what is not there, or is there with another content.
        folder: an empty one.

    Raises:
        AssetError: an input is nowhere, or is not a plain file.
        CommandError: ``artifact_corrupt``; ``bad_request`` for a name that leads out.
    """
    is_shared = root is not None
    for entry in inputs:
        target = folder.joinpath(*check_name(entry.name).parts)
        await asyncio.to_thread(target.parent.mkdir, parents=True, exist_ok=True)
        if root is not None and entry.path is not None:
            source = root.joinpath(*check_name(entry.path).parts)
            if await asyncio.to_thread(_copy_checked, root, source, target, entry):
                continue
        is_shared = is_shared and entry.path is None
        try:
            await objects.get(entry.sha256, entry.size, target)
        except (EnvironmentFaultError, CommandError) as exc:
            if isinstance(exc, CommandError) and exc.code is not ErrorCode.NOT_FOUND:
                raise
            raise CommandError(
                ErrorCode.NOT_FOUND,
                f"{entry.name} is not where the job says, or changed after it was submitted.",
                hint="Submit the job again.",
            ) from exc
    return is_shared


def find_root(root: str) -> Path | None:
    """Return a project's root when this machine has it."""
    path = Path(root)
    try:
        return path.resolve(strict=True) if path.is_absolute() and path.is_dir() else None
    except OSError:
        return None


async def any_root(project: Project) -> Path | None:
    """Return a project's root when this machine has a folder of that name."""
    return await asyncio.to_thread(find_root, project.root)


def deliver(products: Mapping[Product, Path], root: Path, out_dir: str) -> None:
    """Publish products in a folder of the project; blocks.

    Raises:
        EnvironmentFaultError: the folder cannot be written, or leads out of the project.
        CommandError: ``bad_request`` for a name that leads out.
    """
    target = root if out_dir == "." else root.joinpath(*check_name(out_dir).parts)
    # What exists of the way must not be a link that leads out of the project.
    existing = target
    while not existing.exists():
        existing = existing.parent
    if not existing.resolve().is_relative_to(root):
        raise EnvironmentFaultError(f"{out_dir} leads out of the project.")
    publish({product.path: path for product, path in products.items()}, target)


def _copy_checked(root: Path, source: Path, target: Path, entry: AssetInput) -> bool:
    """Copy a file of the project; False when it is not there or has another content."""
    try:
        if not source.parent.resolve().is_relative_to(root):
            return False
        descriptor = os.open(source, _OPEN_FLAGS)
    except OSError as exc:
        if exc.errno in (errno.ELOOP, errno.ENXIO):
            raise AssetError.invalid(f"{entry.name} is a link, not a file.") from exc
        return False
    with os.fdopen(descriptor, "rb") as reader:
        info = os.fstat(reader.fileno())
        if not stat.S_ISREG(info.st_mode):
            raise AssetError.invalid(f"{entry.name} is not a plain file.")
        if info.st_size != entry.size:
            return False
        digest = hashlib.sha256()
        with target.open("xb") as writer:
            while chunk := reader.read(_CHUNK_BYTES):
                digest.update(chunk)
                writer.write(chunk)
    if digest.hexdigest() == entry.sha256:
        return True
    target.unlink()
    return False
