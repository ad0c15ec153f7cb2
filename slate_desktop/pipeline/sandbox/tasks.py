"""What children are asked most: to process a file, to describe it, to name what it refers to.

A task takes its arguments as JSON values, the work folder, and a progress callback.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from slate_desktop.domain.assets.kinds import AssetKind
from slate_desktop.domain.assets.options import parse_options
from slate_desktop.domain.assets.report import result_to_json
from slate_desktop.pipeline import run
from slate_desktop.pipeline.run import Progress


def process(arguments: dict[str, Any], work_dir: Path, progress: Progress) -> object:
    """Make the products of ``source`` in the work folder; the result as JSON values."""
    kind = AssetKind(arguments["kind"])
    options = parse_options(kind, arguments["options"])
    source = Path(arguments["source"])
    return result_to_json(run.process(kind, source, work_dir, options, progress=progress))


def inspect(arguments: dict[str, Any], work_dir: Path, progress: Progress) -> object:  # noqa: ARG001
    """Return facts about ``source``."""
    return run.inspect(AssetKind(arguments["kind"]), Path(arguments["source"]))


def references(arguments: dict[str, Any], work_dir: Path, progress: Progress) -> object:  # noqa: ARG001
    """Return the files that ``source`` refers to."""
    return list(run.references(AssetKind(arguments["kind"]), Path(arguments["source"])))
