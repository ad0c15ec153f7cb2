"""What a job made: its products, and what the report of every kind holds."""

from __future__ import annotations

import msgspec


class Product(msgspec.Struct, frozen=True, kw_only=True):
    """One file that a job made.

    Attributes:
        path: relative to the output directory, with ``/``.
        role: ``primary`` (one of each job), ``gpu`` (KTX2, DDS), ``lod1`` …, ``image``, ``buffer``,
            ``loop`` …
        format: its format's short name, such as ``webp``.
        size: bytes.
        sha256: of its content, 64 hexadecimal digits.
    """

    path: str
    role: str
    format: str
    size: int
    sha256: str


class AssetReport(msgspec.Struct, frozen=True, kw_only=True, tag_field="kind"):
    """What the report of every kind of asset says; the kind is the tag.

    Attributes:
        input_size: bytes that were read, with every file that the input refers to.
        duration_ms: time that it took.
        tools: what did it, versions by name.
        warnings: sentences for the user, about what was lost or would be better.
    """

    input_size: int
    duration_ms: int
    tools: dict[str, str]
    warnings: tuple[str, ...] = ()
