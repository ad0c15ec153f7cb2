"""The one way into the pipelines: picks that of a kind and imports its codecs only then.

To be called in the parser's child (``pipeline.sandbox``), never where secrets or a socket are.
"""

from __future__ import annotations

import importlib
import importlib.util
from collections.abc import Callable
from pathlib import Path
from typing import Any, Protocol, TypeAlias, cast

from slate_desktop.domain.assets.kinds import AssetKind
from slate_desktop.domain.assets.options import AssetOptions, parse_options
from slate_desktop.domain.assets.report import ProcessResult
from slate_desktop.errors import AssetError
from slate_desktop.pipeline.tools import tool_versions

# Fraction done, 0 to 1, and what is being done, a few words.
Progress: TypeAlias = Callable[[float, str], None]

# Packages by kind, such as ``"slate_desktop.pipeline.audio"``; imported when first needed.
_PACKAGES: dict[AssetKind, str] = {
    AssetKind.AUDIO: "slate_desktop.pipeline.audio",
    AssetKind.MODEL: "slate_desktop.pipeline.model",
    AssetKind.TEXTURE: "slate_desktop.pipeline.texture",
}


class _Pipeline(Protocol):
    """What a kind's package offers."""

    def process(
        self, source: Path, out_dir: Path, options: Any, *, progress: Progress
    ) -> ProcessResult: ...

    def inspect(self, source: Path) -> dict[str, object]: ...


def process(
    kind: AssetKind, source: Path, out_dir: Path, options: AssetOptions, *, progress: Progress
) -> ProcessResult:
    """Make the products of one asset in ``out_dir``, which exists and is the job's own.

    Raises:
        AssetError: the file is not sound or needs more than is allowed.
    """
    return _pipeline(kind).process(source, out_dir, options, progress=progress)


def inspect(kind: AssetKind, source: Path) -> dict[str, object]:
    """Return facts about a file: JSON values by snake_case name.

    Raises:
        AssetError: the file is not sound or needs more than is allowed.
    """
    return _pipeline(kind).inspect(source)


def references(kind: AssetKind, source: Path) -> tuple[str, ...]:
    """Return the files that a file refers to, by names relative to its folder, with ``/``.

    They count to its content and must lie beside it. A kind whose files refer to others has a
    function ``references`` in its package; names that lead elsewhere are refused there.

    Raises:
        AssetError: the file is not sound, or refers to what is not beside it.
    """
    function = getattr(_pipeline(kind), "references", None)
    return tuple(function(source)) if function is not None else ()


def kinds() -> tuple[AssetKind, ...]:
    """Return the kinds that this installation can process; imports no codec."""
    if importlib.util.find_spec("numpy") is None:
        return ()
    return tuple(kind for kind in AssetKind if kind in _PACKAGES)


def load(kind: AssetKind) -> None:
    """Import a kind's codecs, so that children forked from this process find them loaded.

    What has to be made ready besides, a kind's package does in its function ``warm``.
    """
    warm = getattr(_pipeline(kind), "warm", None)
    if warm is not None:
        warm()
    # Each takes longer than a small file when it is done for the first time.
    tool_versions(kind)
    parse_options(kind, {})


def take_memory(kind: AssetKind) -> None:
    """Take the memory that the first file of a loaded kind would have to ask for, in a child.

    What that is, a kind's package knows in its function ``take_memory``; most have none.
    """
    take = getattr(_pipeline(kind), "take_memory", None)
    if take is not None:
        take()


def _pipeline(kind: AssetKind) -> _Pipeline:
    name = _PACKAGES.get(kind)
    if name is None:
        raise AssetError.invalid(f"This installation does not process {kind.value} files.")
    return cast(_Pipeline, importlib.import_module(name))
