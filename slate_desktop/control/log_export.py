"""Writes a session's log to a file: text or JSON lines, plain or compressed, whole or filtered."""

from __future__ import annotations

import asyncio
import contextlib
import gzip
from collections.abc import AsyncIterable, Callable
from pathlib import Path
from typing import Any, TextIO

import msgspec

from slate_desktop.control.console_chunks import LogRow, RowKind
from slate_desktop.control.console_text import format_time, row_text

_GZIP_LEVEL = 6
SUFFIXES = (".log", ".jsonl", ".log.gz", ".jsonl.gz")


async def export(
    pages: AsyncIterable[list[LogRow]],
    path: Path,
    *,
    accepts: Callable[[LogRow], bool] | None = None,
    as_text: Callable[[LogRow], str] = row_text,
) -> int:
    """Write rows to a file; returns how many.

    What ``.jsonl`` names holds one object a line, every other name text; ``.gz`` behind it
    compresses. A file that could not be written whole is not left behind.

    Args:
        pages: the rows, in order.
        path: where to; an existing file is replaced when the new one is complete.
        accepts: tells which rows are written; all when None.
        as_text: a row as text, for files that are not JSON.

    Raises:
        OSError: the file cannot be written.
        SlateError: the rows cannot be read.
    """
    is_packed = path.suffix == ".gz"
    is_json = Path(path.stem if is_packed else path.name).suffix == ".jsonl"
    write_row = _as_json if is_json else as_text
    part = path.with_name(f".{path.name}.part")
    written = 0
    try:
        file = await asyncio.to_thread(_open, part, is_packed)
        try:
            async for page in pages:
                rows = page if accepts is None else [row for row in page if accepts(row)]
                text = "".join([f"{write_row(row)}\n" for row in rows])
                await asyncio.to_thread(file.write, text)
                written += len(rows)
        finally:
            await asyncio.to_thread(file.close)
        await asyncio.to_thread(part.replace, path)
    except BaseException:
        with contextlib.suppress(OSError):
            part.unlink()
        raise
    return written


def _open(path: Path, is_packed: bool) -> TextIO:
    if is_packed:
        return gzip.open(path, "wt", compresslevel=_GZIP_LEVEL, encoding="utf-8", newline="\n")
    return path.open("w", encoding="utf-8", newline="\n")


def _as_json(row: LogRow) -> str:
    if row.kind is not RowKind.LINE:
        return msgspec.json.encode({"missing": [row.seq, row.last_seq]}).decode()
    fields: dict[str, Any] = {
        "seq": row.seq,
        "timestamp": format_time(row.timestamp_ns),
        "level": row.level.value,
        "stream": row.stream,
        "message": row.message,
    }
    if row.partial:
        fields["partial"] = True
    if row.metadata:
        fields["metadata"] = row.metadata
    return msgspec.json.encode(fields).decode()
