"""Where products go: never over a source or over another asset's, and under their source's name."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from slate_desktop.control.asset_batch import AssetTask
from slate_desktop.domain.assets.kinds import kind_of
from slate_desktop.domain.assets.product import Product
from slate_desktop.errors import CommandError, ErrorCode
from slate_desktop.pipeline.naming import product_name

# Formats that name the files beside them.
_NAMES_WITHIN = frozenset({"gltf", "obj", "mtl"})


def twins(tasks: Sequence[AssetTask]) -> dict[int, AssetTask]:
    """Return, by ``id``, tasks whose products would replace those of an earlier one."""
    first: dict[tuple[str, str, str], AssetTask] = {}
    found: dict[int, AssetTask] = {}
    for task in tasks:
        place = (task.folder, task.source.stem.casefold(), task.source.suffix.lower())
        kind = task.kind or place[2]
        earlier = first.setdefault((place[0], place[1], _kind_name(task, kind)), task)
        if earlier is not task:
            found[id(task)] = earlier
    return found


def check_no_twin(twin: AssetTask | None) -> None:
    """Refuse an asset whose products would replace those of ``twin``, with ``bad_request``."""
    if twin is not None:
        raise CommandError(
            ErrorCode.BAD_REQUEST,
            f"Its products would have the names of those of {twin.source.name}.",
            field="path",
            hint="Process it into another folder.",
        )


def check_no_input(source: Path, places: Sequence[Path]) -> None:
    """Refuse to replace a source by its product, with ``bad_request``."""
    for place in places:
        if place.exists() and place.samefile(source):
            raise CommandError(
                ErrorCode.BAD_REQUEST,
                f"The product {place.name} would replace its own source.",
                field="out",
                hint="Choose another folder with --out.",
            )


def names_for(source: Path, stem: str, products: Sequence[Product]) -> list[str] | None:
    """Return the products' names for a source of equal content but maybe another name.

    Args:
        source: whose name they get.
        stem: what their names begin with now.
        products: as they were made.

    Returns:
        None when the old name lies in the products themselves: they have to be made again.
    """
    new = product_name(source, "")
    if stem == new:
        return [product.path for product in products]
    if any(
        product.format in _NAMES_WITHIN or not product.path.startswith(stem) for product in products
    ):
        return None
    return [new + product.path[len(stem) :] for product in products]


def stem_of(products: Sequence[Product]) -> str:
    """Return what the names of products begin with, where nobody noted their source's name."""
    primary = next((p for p in products if p.role == "primary"), products[0])
    return primary.path.rpartition(".")[0]


def _kind_name(task: AssetTask, fallback: str) -> str:
    return str(task.kind or kind_of(task.source) or fallback)
