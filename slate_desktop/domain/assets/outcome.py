"""What became of one asset, wherever it was processed; what ``slate asset … --json`` prints."""

from __future__ import annotations

from typing import Any

import msgspec

from slate_desktop.domain.assets.kinds import AssetJobStatus
from slate_desktop.domain.assets.report import AnyReport, ProcessResult
from slate_desktop.errors import CommandError


class AssetOutput(msgspec.Struct, frozen=True, kw_only=True):
    """A published product. ``path`` is where it lies; ``size`` bytes."""

    path: str
    role: str
    format: str
    size: int
    sha256: str


class AssetFault(msgspec.Struct, frozen=True, kw_only=True):
    """Why an asset failed: a code of ``errors.ErrorCode`` and a sentence."""

    code: str
    message: str
    field: str | None = None
    details: dict[str, Any] = {}


class AssetJobResult(msgspec.Struct, frozen=True, kw_only=True):
    """What became of one asset.

    Attributes:
        input: the file, as it was named.
        state: how it ended, or how far it is.
        cached: nothing was processed: the result, or the failure, was known.
        outputs: what was published; nothing where it failed.
        report: of the kind of asset; None where it failed.
        error: why it failed.
    """

    input: str
    state: AssetJobStatus
    cached: bool = False
    outputs: tuple[AssetOutput, ...] = ()
    report: AnyReport | None = None
    error: AssetFault | None = None


def completed(
    name: str, result: ProcessResult, paths: tuple[str, ...], *, cached: bool
) -> AssetJobResult:
    """Return the outcome of a result that was published at ``paths``, in its products' order."""
    outputs = tuple(
        AssetOutput(
            path=path,
            role=product.role,
            format=product.format,
            size=product.size,
            sha256=product.sha256,
        )
        for path, product in zip(paths, result.products, strict=True)
    )
    return AssetJobResult(
        input=name,
        state=AssetJobStatus.COMPLETED,
        cached=cached,
        outputs=outputs,
        report=result.report,
    )


def failed(name: str, fault: AssetFault, *, cached: bool = False) -> AssetJobResult:
    """Return the outcome of a failure."""
    return AssetJobResult(input=name, state=AssetJobStatus.FAILED, cached=cached, error=fault)


def fault_of(error: CommandError) -> AssetFault:
    """Return an error as a fault."""
    return AssetFault(
        code=error.code.value, message=error.told, field=error.field, details=error.details
    )
