"""Names of products: those of their sources, where every system and every JSON text can hold them.

Source: https://learn.microsoft.com/windows/win32/fileio/naming-a-file
"""

from __future__ import annotations

import hashlib
import os
import re
import unicodedata
from collections.abc import Sequence
from pathlib import PurePath

import msgspec

from slate_desktop.domain.assets.product import Product
from slate_desktop.domain.assets.report import ProcessResult
from slate_desktop.domain.assets.texture import TextureReport

# Room for an ending, a role and a temporary mark within the 255 bytes of most file systems.
_MAX_BYTES = 180
_RESERVED = re.compile(r"(con|prn|aux|nul|com[0-9¹²³]|lpt[0-9¹²³])(\..*)?", re.IGNORECASE)
# Formats that name the files beside them.
_NAMES_WITHIN = frozenset({"gltf", "obj", "mtl"})
_FORBIDDEN = frozenset('<>:"/\\|?*')
# Controls, formatting such as the right-to-left override, halves of surrogates, unassigned ones.
_UNSOUND = frozenset(("Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"))


def product_stem(source: PurePath) -> str:
    """Return the name without ending that the products of a file get.

    It is the file's own, unless a system could not hold it; then what is in the way is replaced
    and eight digits of the name's hash follow, so that different files keep different names.
    """
    stem = source.stem
    safe = "".join("_" if _is_unsound(letter) else letter for letter in stem).rstrip(" .")
    if _RESERVED.fullmatch(safe) or not safe:
        safe = f"_{safe}"
    encoded = safe.encode("utf-8")
    if safe == stem and len(encoded) <= _MAX_BYTES:
        return stem
    mark = hashlib.sha256(os.fsencode(stem)).hexdigest()[:8]
    return f"{encoded[:_MAX_BYTES].decode('utf-8', 'ignore')}-{mark}"


def product_name(source: PurePath, suffix: str) -> str:
    """Return the name of a product.

    Args:
        source: the file it is made of.
        suffix: the product's ending with its dot, such as ``.ogg`` or ``_lod1.glb``; 70 bytes at
            most.
    """
    return product_stem(source) + suffix


def stem_of(products: Sequence[Product]) -> str:
    """Return what the names of products begin with."""
    primary = next((p for p in products if p.role == "primary"), products[0])
    return primary.path.rpartition(".")[0]


def names_for(source: PurePath, products: Sequence[Product]) -> list[str] | None:
    """Return the products' names for a source of equal content but maybe another name.

    Args:
        source: whose name they get.
        products: as they were made, by the name of their own source.

    Returns:
        None when the old name lies in the products themselves: they have to be made again.
    """
    old, new = stem_of(products), product_name(source, "")
    if old == new:
        return [product.path for product in products]
    if any(
        product.format in _NAMES_WITHIN or not product.path.startswith(old) for product in products
    ):
        return None
    return [new + product.path[len(old) :] for product in products]


def named_for(source: PurePath, result: ProcessResult) -> ProcessResult | None:
    """Return a stored result, its report too, with the names for ``source``; see ``names_for``."""
    names = names_for(source, result.products)
    if names is None:
        return None
    products = tuple(
        msgspec.structs.replace(product, path=name)
        for product, name in zip(result.products, names, strict=True)
    )
    report = result.report
    if isinstance(report, TextureReport):
        new = {product.path: name for product, name in zip(result.products, names, strict=True)}
        measures = tuple(
            msgspec.structs.replace(measure, path=new.get(measure.path, measure.path))
            for measure in report.measures
        )
        report = msgspec.structs.replace(report, measures=measures)
    return msgspec.structs.replace(result, products=products, report=report)


def _is_unsound(letter: str) -> bool:
    # The joiner of emoji is formatting that carries meaning.
    is_joiner = letter == "\u200d"
    return letter in _FORBIDDEN or (unicodedata.category(letter) in _UNSOUND and not is_joiner)
