"""Sizes in bytes as people write them (``4g``, ``512m``), and back."""

from __future__ import annotations

import re
from decimal import Decimal

KIB = 1024
MIB = 1024**2
GIB = 1024**3

_SIZE = re.compile(r"(-?[0-9]{1,18}(?:\.[0-9]{1,6})?)(?:([bkmgt])|([kmgt])i?b)?", re.I | re.A)
_FACTORS = {"b": 1, "k": KIB, "m": MIB, "g": GIB, "t": 1024**4}
_UNITS = ("B", "KB", "MB", "GB", "TB", "PB")


def parse_size(value: object) -> int:
    """Return bytes for a whole number of bytes or a text such as ``4g``, ``1.5GB`` or ``512MiB``.

    Units are powers of 1024, as Docker's are. Negative sizes are understood: whether a size is
    allowed is not decided here.

    Raises:
        ValueError: it is not a size.
    """
    if isinstance(value, bool) or not isinstance(value, int | str):
        raise ValueError("not a size")  # noqa: TRY004 - one error for all that is not a size
    if isinstance(value, int):
        return value
    match = _SIZE.fullmatch(value)
    if match is None:
        raise ValueError("not a size")
    unit = (match[2] or match[3] or "b").lower()
    return int(Decimal(match[1]) * _FACTORS[unit])


def exact_size(size_bytes: int) -> str:
    """Return the shortest text from which ``parse_size`` reads exactly ``size_bytes``."""
    for unit in ("g", "m", "k"):
        count, rest = divmod(size_bytes, _FACTORS[unit])
        if rest == 0 and count != 0:
            return f"{count}{unit}"
    return f"{size_bytes}b"


def format_bytes(size_bytes: float) -> str:
    """Return a size for people: one decimal, where there is one."""
    sign, size = ("-", -float(size_bytes)) if size_bytes < 0 else ("", float(size_bytes))
    for unit in _UNITS:
        # 1023.95 would be shown as 1024.0, which belongs to the next unit.
        if size < 1023.95 or unit == _UNITS[-1]:
            text = f"{size:.0f}" if unit == "B" else f"{size:.1f}".removesuffix(".0")
            return f"{sign}{text} {unit}"
        size /= KIB
    raise AssertionError("the last unit has no upper end")
