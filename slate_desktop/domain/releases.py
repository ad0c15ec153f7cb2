"""Feeds of releases: which version of SLATE is the newest, and whether it is newer than this one.

Sources: RFC 4287 (Atom), https://www.jsonfeed.org/version/1.1/ (JSON Feed).
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit
from xml.etree import ElementTree

import msgspec

_ATOM = "{http://www.w3.org/2005/Atom}"
_JSON_FEED = "https://jsonfeed.org/version/1"
_VERSION = re.compile(
    r"(?<![\w.])v?(?P<numbers>\d{1,6}(?:\.\d{1,6}){1,3})(?P<rest>[-.+]?[a-z][\w.+-]{0,40})?(?![\w.]\d)",
    re.IGNORECASE,
)
# A version that goes before the one of its numbers. Source: PEP 440.
_BEFORE = re.compile(r"^[-.+]?(a|b|c|rc|alpha|beta|pre|preview|dev)\d*", re.IGNORECASE)
_MAX_ENTRIES = 1000


class Release(msgspec.Struct, frozen=True, kw_only=True):
    """One released version; ``url`` is the https page that tells of it, or empty."""

    version: str
    url: str = ""


def newest_release(feed: bytes) -> Release | None:
    """Return the newest release that a feed names; None where it names none.

    A version is found in an entry's title, or in its link where the title has none. Versions that
    are tried out before a release do not count.

    Args:
        feed: an Atom or a JSON feed.

    Raises:
        ValueError: it is neither; the text says why.
    """
    head = feed.lstrip(b"\xef\xbb\xbf \t\r\n")[:1]
    if head == b"<":
        entries = _atom_entries(feed)
    elif head == b"{":
        entries = _json_entries(feed)
    else:
        raise ValueError("it is neither an Atom nor a JSON feed")
    found = [release for title, url in entries if (release := _release(title, url)) is not None]
    return max(found, key=lambda release: _numbers(release.version), default=None)


def is_newer(version: str, than: str) -> bool:
    """Whether a version comes after another one; a version counts as newer than its own trials."""
    left, right = _numbers(version), _numbers(than)
    return left > right or (left == right and _is_trial(than) and not _is_trial(version))


def _release(title: str, url: str) -> Release | None:
    for text in (title, url):
        match = _VERSION.search(text)
        if match is not None:
            if match["rest"] and _BEFORE.match(match["rest"]):
                return None
            is_page = urlsplit(url).scheme == "https"
            return Release(version=match["numbers"], url=url if is_page else "")
    return None


def _numbers(version: str) -> tuple[int, ...]:
    match = _VERSION.search(version)
    if match is None:
        return ()
    numbers = [int(number) for number in match["numbers"].split(".")]
    return (*numbers, *[0] * (4 - len(numbers)))


def _is_trial(version: str) -> bool:
    match = _VERSION.search(version)
    return match is not None and bool(match["rest"]) and bool(_BEFORE.match(match["rest"]))


def _atom_entries(feed: bytes) -> Iterator[tuple[str, str]]:
    # Neither feed needs declarations, and entities are how a small text becomes a large one.
    if re.search(rb"<!(DOCTYPE|ENTITY)", feed, re.IGNORECASE) or b"\0" in feed:
        raise ValueError("it has declarations that no feed needs")
    try:
        root = ElementTree.fromstring(feed)  # noqa: S314 - no entities, as seen above
    except (ElementTree.ParseError, ValueError, LookupError) as exc:
        raise ValueError(f"it is not XML: {exc}") from exc
    if root.tag != f"{_ATOM}feed":
        raise ValueError("it is XML, but not an Atom feed")
    for entry in root.findall(f"{_ATOM}entry")[:_MAX_ENTRIES]:
        links = entry.findall(f"{_ATOM}link")
        pages = [e.get("href", "") for e in links if e.get("rel", "alternate") == "alternate"]
        yield "".join(entry.findtext(f"{_ATOM}title") or "").strip(), (pages or [""])[0]


def _json_entries(feed: bytes) -> Iterator[tuple[str, str]]:
    try:
        told: Any = json.loads(feed)
    except (ValueError, RecursionError) as exc:
        raise ValueError(f"it is not JSON: {exc}") from exc
    if not str(told.get("version", "")).startswith(_JSON_FEED):
        raise ValueError("it is JSON, but not a JSON feed")
    items = told.get("items")
    if not isinstance(items, list):
        raise ValueError("it has no items")  # noqa: TRY004 - what came is wrong, not the call
    for item in items[:_MAX_ENTRIES]:
        if isinstance(item, dict):
            yield str(item.get("title", "")), str(item.get("url", "") or item.get("id", ""))
