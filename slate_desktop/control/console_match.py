"""Finds the rows of a chunk that contain a text or fit a regular expression."""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Callable, Iterator, Sequence

from slate_desktop.control.console_chunks import Chunk
from slate_desktop.errors import CommandError, ErrorCode

# Regular expressions look at this much of a line, because some of them take quadratic time.
REGEX_CHARS = 4096

# matcher(chunk, start, stop): the rows that fit, rising.
Matcher = Callable[[Chunk, int, int], Iterator[int]]


def compile_matcher(text: str, *, is_regex: bool, is_case_sensitive: bool) -> Matcher | None:
    """Return what finds ``text``, None where every row fits.

    Raises:
        CommandError: ``bad_request`` for a regular expression that does not compile.
    """
    if not text:
        return None
    flags = 0 if is_case_sensitive else re.IGNORECASE
    if is_regex:
        try:
            return _by_row(re.compile(text, flags))
        except (re.error, OverflowError, RecursionError) as exc:
            raise CommandError(
                ErrorCode.BAD_REQUEST, f"This is not a regular expression: {exc}", field="text"
            ) from exc
    if is_case_sensitive or text.isascii():
        return _by_text(re.compile(re.escape(text.encode("utf-8", "replace")), flags))
    return _by_row(re.compile(re.escape(text), flags))


def _by_text(pattern: re.Pattern[bytes]) -> Matcher:
    """Search the joined text of all rows at once: rows that do not match cost almost nothing."""

    def match(chunk: Chunk, start: int, stop: int) -> Iterator[int]:
        ends, text = chunk.ends, chunk.text
        position = ends[start - 1] if start else 0
        limit = ends[stop - 1] if stop else 0
        while (found := pattern.search(text, position, limit)) is not None:
            row = bisect_right(ends, found.start(), start, stop)
            if found.end() <= ends[row]:
                yield row
                position = ends[row]
            else:
                # It runs over the end of a row.
                position = found.start() + 1

    return match


def _by_row(pattern: re.Pattern[str]) -> Matcher:
    def match(chunk: Chunk, start: int, stop: int) -> Iterator[int]:
        search, message = pattern.search, chunk.message
        return (row for row in range(start, stop) if search(message(row)[:REGEX_CHARS]))

    return match


def compile_hidden(texts: Sequence[str]) -> Matcher | None:
    """Return what finds rows with any of ``texts``, whatever their case; None without any."""
    texts = [text for text in texts if text]
    if not texts:
        return None
    if all(text.isascii() for text in texts):
        joined = b"|".join(re.escape(text.encode()) for text in texts)
        return _by_text(re.compile(joined, re.IGNORECASE))
    return _by_row(re.compile("|".join(re.escape(text) for text in texts), re.IGNORECASE))
