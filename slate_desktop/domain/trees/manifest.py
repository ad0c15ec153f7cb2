"""What a tree of files holds, as one object that travels: names, digests, and where contents lie.

::

    full     every file
    change   the full manifest it stands on, the files that are other now, those that are gone

A file's content is pieces of objects: small files share one (a *pack*), a middle-sized file is one,
a large one is several. The same content is stored once, whoever has it.

What comes from elsewhere is refused as a whole when any name, link or piece in it is not sound.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping

import msgspec

from slate_desktop.domain.trees.paths import check_path, check_together, problem_of_link
from slate_desktop.errors import CommandError, ErrorCode

FORMAT = 1
MAX_FILES = 500_000
MAX_MANIFEST_BYTES = 256 * 1024**2
MAX_FILE_BYTES = 1024**4
MAX_OBJECT_BYTES = 2 * 1024**3
# A change that names more than a tenth of the files is written anew.
_FULL_AFTER = 200
_SHARE = 10


class Part(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """A piece of a stored object: its digest and size, and which bytes of it."""

    sha256: str
    size: int
    offset: int
    length: int


class Entry(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """One file or link of a tree.

    Attributes:
        path: relative, with ``/``.
        size: in bytes; 0 for a link.
        mtime_ns: when it was changed where it came from.
        sha256: of its content; of what it says for a link.
        is_executable: whether it can be run.
        link: what a link says; None for a file.
        parts: where its content lies; none for a link and for an empty file.
        conflict_of: the file that this one is another version of.
    """

    path: str
    size: int
    mtime_ns: int
    sha256: str
    is_executable: bool = False
    link: str | None = None
    parts: tuple[Part, ...] = ()
    conflict_of: str | None = None

    def is_same(self, other: Entry | None) -> bool:
        """Tell whether two entries are the same file but for its time."""
        return (
            other is not None
            and self.sha256 == other.sha256
            and self.is_executable == other.is_executable
            and self.link == other.link
        )


class TreeRef(msgspec.Struct, frozen=True):
    """A manifest in the object store."""

    sha256: str
    size: int


class Manifest(msgspec.Struct, frozen=True, kw_only=True):
    """A manifest as it was read: a full one, or changes on one.

    ``of`` is the full one that changes stand on, None for a full one.
    """

    of: TreeRef | None
    entries: dict[str, Entry]
    removed: tuple[str, ...] = ()

    def on(self, full: Mapping[str, Entry]) -> dict[str, Entry]:
        """Return the whole tree, checked.

        Args:
            full: the files of the manifest that this one stands on.

        Raises:
            CommandError: ``bad_request``.
        """
        tree = {**full, **self.entries}
        for path in self.removed:
            tree.pop(path, None)
        check_tree(tree)
        return tree


class _Wire(msgspec.Struct, array_like=True, forbid_unknown_fields=True):
    format: int
    of: tuple[bytes, int] | None
    objects: list[tuple[bytes, int]]
    # path, size, mtime_ns, sha256, executable, link, [object, offset, length …], conflict of
    files: list[tuple[str, int, int, bytes, bool, str | None, list[int], str | None]]
    removed: list[str]


def digest_of_link(target: str) -> str:
    """Return the digest that stands for a link."""
    return hashlib.sha256(b"link\0" + target.encode("utf-8", "surrogateescape")).hexdigest()


def wants_full(changes: int, files: int) -> bool:
    """Tell whether so many changes are better written as a full manifest."""
    return changes > max(_FULL_AFTER, files // _SHARE)


def write_full(entries: Iterable[Entry]) -> bytes:
    """Return a manifest of all files."""
    return _write(None, entries, ())


def write_change(full: TreeRef, changed: Iterable[Entry], removed: Iterable[str]) -> bytes:
    """Return a manifest of what is other than in ``full``."""
    return _write(full, changed, removed)


def read(data: bytes) -> Manifest:
    """Read a manifest and check every file in it by itself; ``on`` checks them together.

    Raises:
        CommandError: ``bad_request``, ``too_large``.
    """
    if len(data) > MAX_MANIFEST_BYTES:
        raise CommandError(ErrorCode.TOO_LARGE, "The manifest of the files is too large.")
    try:
        wire = msgspec.msgpack.decode(data, type=_Wire)
    except (msgspec.MsgspecError, RecursionError, UnicodeDecodeError) as exc:
        raise _bad("The manifest of the files cannot be read") from exc
    if wire.format != FORMAT:
        raise _bad(f"The manifest has the format {wire.format}, which this release does not know")
    if len(wire.files) > MAX_FILES:
        raise CommandError(ErrorCode.TOO_LARGE, f"A tree has at most {MAX_FILES} files.")
    objects = [(_hex(digest), size) for digest, size in wire.objects]
    for _, size in objects:
        if not 0 < size <= MAX_OBJECT_BYTES:
            raise _bad("An object of the manifest has no sound size")
    entries: dict[str, Entry] = {}
    for row in wire.files:
        entry = _entry(row, objects)
        if entries.setdefault(entry.path, entry) is not entry:
            raise _bad(f"The manifest names {entry.path[:80]!r} twice")
    of = None
    if wire.of is not None:
        of = TreeRef(_hex(wire.of[0]), wire.of[1])
        if not 0 < of.size <= MAX_MANIFEST_BYTES:
            raise _bad("The manifest stands on one of no sound size")
    elif wire.removed:
        raise _bad("A full manifest removes nothing")
    return Manifest(of=of, entries=entries, removed=tuple(check_path(p) for p in wire.removed))


def check_tree(entries: Mapping[str, Entry]) -> None:
    """Check what no file shows by itself: names that clash, and files below links.

    Raises:
        CommandError: ``bad_request``, ``too_large``.
    """
    if len(entries) > MAX_FILES:
        raise CommandError(ErrorCode.TOO_LARGE, f"A tree has at most {MAX_FILES} files.")
    check_together(entries)


def _write(full: TreeRef | None, entries: Iterable[Entry], removed: Iterable[str]) -> bytes:
    numbers: dict[tuple[str, int], int] = {}
    files = []
    for entry in entries:
        parts: list[int] = []
        for part in entry.parts:
            number = numbers.setdefault((part.sha256, part.size), len(numbers))
            parts += (number, part.offset, part.length)
        files.append(
            (
                entry.path, entry.size, entry.mtime_ns, bytes.fromhex(entry.sha256),
                entry.is_executable, entry.link, parts, entry.conflict_of,
            )
        )  # fmt: skip
    wire = _Wire(
        format=FORMAT,
        of=None if full is None else (bytes.fromhex(full.sha256), full.size),
        objects=[(bytes.fromhex(digest), size) for digest, size in numbers],
        files=files,
        removed=list(removed),
    )
    return msgspec.msgpack.encode(wire)


def _entry(
    row: tuple[str, int, int, bytes, bool, str | None, list[int], str | None],
    objects: list[tuple[str, int]],
) -> Entry:
    path, size, mtime_ns, digest, is_executable, link, numbers, conflict_of = row
    check_path(path)
    if not 0 <= size <= MAX_FILE_BYTES or not -(2**62) < mtime_ns < 2**62 or len(numbers) % 3:
        raise _bad(f"What the manifest says of {path[:80]!r} is not sound")
    parts: list[Part] = []
    for at in range(0, len(numbers), 3):
        number, offset, length = numbers[at : at + 3]
        if not 0 <= number < len(objects):
            raise _bad(f"{path[:80]!r} lies in an object that is not there")
        sha256, whole = objects[number]
        if offset < 0 or length <= 0 or offset + length > whole:
            raise _bad(f"{path[:80]!r} lies outside its object")
        parts.append(Part(sha256, whole, offset, length))
    if sum(part.length for part in parts) != size:
        raise _bad(f"The pieces of {path[:80]!r} are not as long as it is")
    sha256 = _hex(digest)
    if link is not None:
        problem = "has a content" if size else problem_of_link(path, link)
        if problem is not None:
            raise _bad(f"The link {path[:80]!r} {problem}")
        if sha256 != digest_of_link(link):
            raise _bad(f"The link {path[:80]!r} has another digest than it should")
    if conflict_of is not None:
        check_path(conflict_of)
    return Entry(path, size, mtime_ns, sha256, is_executable, link, tuple(parts), conflict_of)


def _hex(digest: bytes) -> str:
    if len(digest) != 32:
        raise _bad("A digest of the manifest has another length than 32 bytes")
    return digest.hex()


def _bad(message: str) -> CommandError:
    return CommandError(ErrorCode.BAD_REQUEST, f"{message}.", field="manifest")
