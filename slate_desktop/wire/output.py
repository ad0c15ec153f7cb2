"""Keeps a command's result within one message: JSON writes some characters as six bytes."""

from __future__ import annotations

import msgspec

from slate_desktop.wire.codec import encode
from slate_desktop.wire.messages import ExecReply

# Below the broker's limit of 1 MiB, with room for the other fields and the headers.
_MAX_OUTPUT_BYTES = 960 * 1024
_SAFETY = 0.98


def fit_output(reply: ExecReply) -> ExecReply:
    """Return the reply with its streams cut so far that both fit; each has half for sure."""
    half = _MAX_OUTPUT_BYTES // 2
    sizes = len(encode(reply.stdout)), len(encode(reply.stderr))
    if sum(sizes) <= _MAX_OUTPUT_BYTES:
        return reply
    stdout = _cut(reply.stdout, max(half, _MAX_OUTPUT_BYTES - sizes[1]))
    stderr = _cut(reply.stderr, max(half, _MAX_OUTPUT_BYTES - sizes[0]))
    return msgspec.structs.replace(reply, stdout=stdout, stderr=stderr, truncated=True)


def _cut(text: str, budget: int) -> str:
    """Return the beginning of ``text`` whose JSON form has at most ``budget`` bytes."""
    while (size := len(encode(text))) > budget:
        text = text[: int(len(text) * budget / size * _SAFETY)]
    return text
