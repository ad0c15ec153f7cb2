"""Where products go: never over a source or over another asset's."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path

from slate_desktop.control.asset_batch import AssetTask
from slate_desktop.domain.assets.kinds import kind_of
from slate_desktop.domain.assets.product import Product
from slate_desktop.errors import CommandError, ErrorCode


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
        raise twin_error(twin.source.name)


def check_no_neighbour(source: Path, place: Path, origin: Path | None) -> None:
    """Refuse to replace, at ``place``, the product of another asset in ``source``'s folder."""
    source = source.absolute()
    if origin is None or origin == source or origin.parent != source.parent:
        return
    if origin.is_file() and place.exists() and not origin.samefile(source):
        raise twin_error(origin.name)


def twin_error(name: str) -> CommandError:
    """Return why an asset is refused whose products would replace those of another one."""
    return CommandError(
        ErrorCode.BAD_REQUEST,
        f"Its products would have the names of those of {name}.",
        field="path",
        hint="Process it into another folder, or rename one of the two.",
    )


def is_gone(root: Path, path: str) -> bool:
    """Tell whether a project's file is there no more; one that cannot be seen is. Blocks."""
    return root.is_dir() and not (root / path).exists()


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


def check_below(folder: Path, root: Path) -> None:
    """Refuse a folder of a project that a link leads out of it, with ``bad_request``."""
    if not folder.resolve().is_relative_to(root.resolve()):
        raise CommandError(
            ErrorCode.BAD_REQUEST, f"{folder.name} leads out of the project.", field="out_dir"
        )


def are_there(places: Sequence[Path], products: Sequence[Product]) -> bool:
    """Tell whether files hold these products already; blocks."""
    for place, product in zip(places, products, strict=True):
        try:
            if place.is_symlink() or place.stat().st_size != product.size:
                return False
            with place.open("rb") as file:
                if hashlib.file_digest(file, "sha256").hexdigest() != product.sha256:
                    return False
        except OSError:
            return False
    return True


def _kind_name(task: AssetTask, fallback: str) -> str:
    return str(task.kind or kind_of(task.source) or fallback)
