"""Requests to one agent about a project's files, on ``slate.agent.<agent>.request``.

``files.look`` tells how the agent stands to them, ``files.apply`` brings its tree up to date, and
``files.collect`` makes what runtimes wrote a part of the newest tree. Each may be asked again.
"""

from __future__ import annotations

from enum import StrEnum

import msgspec

from slate_desktop.domain.fields import bad, shown
from slate_desktop.domain.ids import check_id
from slate_desktop.wire.agent_messages import MAX_LINE_BODY_BYTES
from slate_desktop.wire.codec import decode_object, encode

_FIELDS = frozenset({"type", "projectId"})


class TreeAct(StrEnum):
    """What is asked; the body's ``type``."""

    LOOK = "files.look"
    APPLY = "files.apply"
    COLLECT = "files.collect"


_ACTS = frozenset(TreeAct)


class TreeRequest(msgspec.Struct, frozen=True, kw_only=True):
    """One request about a project's files."""

    act: TreeAct
    project_id: str


class TreeReply(msgspec.Struct, frozen=True, kw_only=True):
    """The answer to any of them.

    Attributes:
        shared: the agent sees the project's own folder; nothing else matters then.
        version: of the tree that it has, or that now holds what runtimes wrote; 0 for none.
        whole: false while another tree is being put in place.
        written, removed: files that came and went.
        collected: files of runtimes that became a part of the newest tree.
        kept_twice: files that are kept under other names, because both sides changed them.
    """

    shared: bool
    version: int = 0
    whole: bool = True
    written: int = 0
    removed: int = 0
    collected: int = 0
    kept_twice: list[str] = []


def is_tree_request(body: bytes) -> bool:
    """Tell whether a request to an agent is one of these.

    Raises:
        CommandError: ``bad_request`` for what is no request at all, ``too_large``.
    """
    return decode_object(body, max_bytes=MAX_LINE_BODY_BYTES).get("type") in _ACTS


def read_tree_request(body: bytes) -> TreeRequest:
    """Read a request.

    Raises:
        CommandError: ``bad_request``, ``too_large``.
    """
    fields = decode_object(body)
    kind = fields.get("type")
    if kind not in _ACTS:
        bad("type", f"An agent is asked for: {', '.join(TreeAct)}")
    for name in fields.keys() - _FIELDS:
        bad(shown(name), f"Unknown field {shown(name)!r}")
    project_id = check_id(fields.get("projectId"), "project_id")
    return TreeRequest(act=TreeAct(kind), project_id=project_id)


def write_tree_request(request: TreeRequest) -> bytes:
    """Return the body of a request."""
    return encode({"type": request.act.value, "projectId": request.project_id})
