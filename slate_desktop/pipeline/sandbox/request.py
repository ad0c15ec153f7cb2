"""What a child is asked, and how it answers: lines of JSON, bounded.

::

    parent → child   {"limits": …, "request": …}
    child  → parent  {"progress": 0.25, "message": "encoding"}        any number
                     {"result": …}  or  {"error": {"code", "message", "field", "details"}}
"""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import msgspec

from slate_desktop.domain.assets.kinds import AssetKind
from slate_desktop.domain.assets.options import AssetOptions, options_to_json
from slate_desktop.errors import CommandError, ErrorCode
from slate_desktop.pipeline.sandbox.limits import Limits

MAX_MESSAGE_BYTES = 1024 * 1024
_TARGET = re.compile(r"slate_desktop\.pipeline(\.[a-z0-9_]+)+:[a-z0-9_]+")


# Codecs that take a second to import and that few files need: loaded at the first of these.
_CODECS = {
    ".stl": "slate_desktop.pipeline.model.scans",
    ".ply": "slate_desktop.pipeline.model.scans",
}


class ChildRequest(msgspec.Struct, frozen=True, kw_only=True):
    """One call of a function of the pipeline in a child.

    Attributes:
        target: ``slate_desktop.pipeline.<module>:<function>``; the function gets ``arguments``, the
            work folder and a progress callback, and returns JSON values of at most 1 MiB. What is
            larger it writes into the work folder.
        arguments: JSON values.
        work_dir: an existing folder of this request alone, the only one that the child may write.
        readable: files and folders that it may read.
        kind: whose codecs a warm child finds loaded, and whose limits hold.
        codec: a module of the pipeline that a warm child finds loaded besides, see ``codec_of``.
    """

    target: str
    arguments: dict[str, Any] = {}
    work_dir: str
    readable: tuple[str, ...] = ()
    kind: AssetKind | None = None
    codec: str = ""

    def __post_init__(self) -> None:
        if _TARGET.fullmatch(self.target) is None:
            raise CommandError(ErrorCode.INTERNAL, f"{self.target!r} is no task of the pipeline")
        if self.codec and self.codec not in _CODECS.values():
            raise CommandError(ErrorCode.INTERNAL, f"{self.codec!r} is no codec of the pipeline")


def codec_of(source: Path) -> str:
    """Return the codec that a file needs beside those of its kind, empty for most."""
    return _CODECS.get(source.suffix.lower(), "")


def encode_line(message: object) -> bytes:
    """Return a message as one line; a name of bytes that are no text keeps its surrogates."""
    return json.dumps(msgspec.to_builtins(message), separators=(",", ":")).encode("ascii")


class Order(msgspec.Struct, frozen=True, kw_only=True):
    """The one line that a child reads."""

    limits: Limits
    request: ChildRequest


def process_request(
    kind: AssetKind, source: Path, work_dir: Path, options: AssetOptions
) -> ChildRequest:
    """Return the request that makes an asset's products in ``work_dir``."""
    return _request("process", kind, source, work_dir, {"options": options_to_json(options)})


def inspect_request(kind: AssetKind, source: Path, work_dir: Path) -> ChildRequest:
    """Return the request for facts about a file."""
    return _request("inspect", kind, source, work_dir, {})


def references_request(kind: AssetKind, source: Path, work_dir: Path) -> ChildRequest:
    """Return the request for the files that a file refers to."""
    return _request("references", kind, source, work_dir, {})


def _request(
    task: str, kind: AssetKind, source: Path, work_dir: Path, arguments: dict[str, Any]
) -> ChildRequest:
    source = source.absolute()
    return ChildRequest(
        target=f"slate_desktop.pipeline.sandbox.tasks:{task}",
        arguments={"kind": kind.value, "source": str(source), **arguments},
        work_dir=str(work_dir.absolute()),
        # A model's buffers and images lie beside it.
        readable=(str(source.parent if kind is AssetKind.MODEL else source),),
        kind=kind,
        codec=codec_of(source),
    )
