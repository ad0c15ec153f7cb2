"""Text files as they are on disk: their encoding and line ends are kept, saving is atomic."""

from __future__ import annotations

import codecs
import contextlib
import os
import secrets
import stat
from dataclasses import dataclass
from pathlib import Path

from slate_desktop.errors import CommandError, ErrorCode, SlateError, StaleWriteError
from slate_desktop.ui.documents.watch import Stamp

MAX_TEXT_BYTES = 8 * 1024 * 1024
_BOMS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
_NOFOLLOW = getattr(os, "O_NOFOLLOW", 0)
_BINARY = getattr(os, "O_BINARY", 0)


@dataclass(frozen=True)
class TextFile:
    r"""A text and how it is written.

    Attributes:
        text: with ``\n`` at the ends of lines.
        encoding: Python's name of it; ``latin-1`` where the bytes are no UTF-8.
        newline: what ends most lines on disk.
        is_mixed: whether lines end in different ways; saving makes them alike.
        stamp: of the file when it was read.
    """

    text: str
    encoding: str
    newline: str
    is_mixed: bool
    stamp: Stamp


class BinaryFileError(SlateError):
    """The file holds bytes, not text."""


def read_text_file(path: Path) -> TextFile:
    """Read a text file of at most 8 MiB.

    Raises:
        BinaryFileError: it holds NUL bytes.
        CommandError: it is too large, or no regular file.
        OSError: it cannot be read.
    """
    fd = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | _BINARY)
    with open(fd, "rb") as file:  # noqa: PTH123 - opened by descriptor, so that a pipe cannot block
        info = os.fstat(fd)
        if not stat.S_ISREG(info.st_mode):
            raise CommandError(ErrorCode.BAD_REQUEST, f"{path} is no regular file.")
        if info.st_size > MAX_TEXT_BYTES:
            raise CommandError(
                ErrorCode.TOO_LARGE,
                f"{path.name} has {info.st_size / 1e6:.1f} MB; the editor takes 8 MB.",
                hint="Open it in another program.",
            )
        data = file.read(MAX_TEXT_BYTES + 1)
    encoding, body = _encoding_of(data)
    text = body.decode(_plain(encoding))
    if "\0" in text:
        raise BinaryFileError(f"{path.name} is no text.")
    windows = text.count("\r\n")
    unix = text.count("\n") - windows
    old_mac = text.count("\r") - windows
    newline = "\r\n" if windows > unix else "\n"
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    stamp = (info.st_mtime_ns, info.st_size, info.st_ino)
    is_mixed = sum(count > 0 for count in (windows, unix, old_mac)) > 1
    return TextFile(text, encoding, newline, is_mixed or old_mac > 0, stamp)


def save_text_file(path: Path, file: TextFile, text: str, *, is_forced: bool = False) -> TextFile:
    """Replace a file with ``text``: after a crash the old or the new file is there, never half.

    Raises:
        StaleWriteError: somebody else changed the file since it was read.
        SlateError: a character that the file's encoding lacks, or it cannot be written.
    """
    target = Path(os.path.realpath(path))
    try:
        data = text.replace("\n", file.newline).encode(_plain(file.encoding))
    except UnicodeEncodeError as exc:
        raise SlateError(
            f"{path.name} is written in {file.encoding}, which has no {text[exc.start]!r}.",
            hint="Remove the character, or convert the file to UTF-8 first.",
        ) from exc
    bom = next((mark for mark, name in _BOMS if name == file.encoding), b"")
    temporary = target.with_name(f".{target.name}.{secrets.token_hex(4)}.tmp")
    try:
        before = target.stat()
        stamp = (before.st_mtime_ns, before.st_size, before.st_ino)
        if stamp != file.stamp and not is_forced:
            raise StaleWriteError(f"{path.name} was changed on disk meanwhile.")
        _write(temporary, bom + data, stat.S_IMODE(before.st_mode))
        temporary.replace(target)
        after = target.stat()
    except OSError as exc:
        with contextlib.suppress(OSError):
            temporary.unlink()
        raise SlateError(f"{path} cannot be written: {exc.strerror or exc}.") from exc
    return TextFile(
        text, file.encoding, file.newline, False, (after.st_mtime_ns, after.st_size, after.st_ino)
    )


def _encoding_of(data: bytes) -> tuple[str, bytes]:
    """Return the encoding, and the bytes without their mark."""
    for mark, name in _BOMS:
        if data.startswith(mark):
            body = data[len(mark) :]
            with contextlib.suppress(UnicodeDecodeError):
                body.decode(_plain(name))
                return name, body
    try:
        data.decode("utf-8")
    except UnicodeDecodeError:
        return "latin-1", data
    return "utf-8", data


def _plain(encoding: str) -> str:
    return "utf-8" if encoding == "utf-8-sig" else encoding


def _write(path: Path, data: bytes, mode: int) -> None:
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | _NOFOLLOW | _BINARY
    fd = os.open(path, flags, mode)
    with open(fd, "wb") as file:  # noqa: PTH123 - opened by descriptor: never through a link
        if hasattr(os, "fchmod"):
            os.fchmod(fd, mode)
        file.write(data)
        file.flush()
        os.fsync(fd)
