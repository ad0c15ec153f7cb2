"""Names of products: those of their sources, where every system and every JSON text can hold them.

Source: https://learn.microsoft.com/windows/win32/fileio/naming-a-file
"""

from __future__ import annotations

import hashlib
import os
import re
import unicodedata
from pathlib import PurePath

# Room for an ending, a role and a temporary mark within the 255 bytes of most file systems.
_MAX_BYTES = 180
_RESERVED = re.compile(r"(con|prn|aux|nul|com[0-9¹²³]|lpt[0-9¹²³])(\..*)?", re.IGNORECASE)
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


def _is_unsound(letter: str) -> bool:
    # The joiner of emoji is formatting that carries meaning.
    is_joiner = letter == "\u200d"
    return letter in _FORBIDDEN or (unicodedata.category(letter) in _UNSOUND and not is_joiner)
