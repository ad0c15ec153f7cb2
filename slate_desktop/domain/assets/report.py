"""The result of a job: products and report, and its JSON form."""

from __future__ import annotations

from typing import Any, TypeAlias

import msgspec

from slate_desktop.domain.assets.audio import AudioReport
from slate_desktop.domain.assets.kinds import AssetKind
from slate_desktop.domain.assets.model import ModelReport
from slate_desktop.domain.assets.product import AssetReport, Product
from slate_desktop.domain.assets.texture import TextureReport
from slate_desktop.errors import CommandError, ErrorCode

# Every member has its kind as tag; a kind joins with ``|``.
AnyReport: TypeAlias = AudioReport | ModelReport | TextureReport


class ProcessResult(msgspec.Struct, frozen=True, kw_only=True):
    """What a job made. ``products`` has exactly one of the role ``primary``."""

    kind: AssetKind
    products: tuple[Product, ...]
    report: AnyReport


def result_to_json(result: ProcessResult) -> dict[str, Any]:
    """Return a result as JSON values."""
    values: dict[str, Any] = msgspec.to_builtins(result)
    return values


def result_from_json(data: object) -> ProcessResult:
    """Read a result back.

    Raises:
        CommandError: ``internal``: whoever wrote it did not follow its form.
    """
    try:
        return msgspec.convert(data, ProcessResult)
    except msgspec.ValidationError as exc:
        raise CommandError(ErrorCode.INTERNAL, f"A result cannot be read: {exc}") from exc


__all__ = [
    "AnyReport",
    "AssetReport",
    "ProcessResult",
    "Product",
    "result_from_json",
    "result_to_json",
]
