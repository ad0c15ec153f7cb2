"""Sizes in bytes (``4g``) and rates in bits (``20mbit``) as people write them, and back."""

from __future__ import annotations

import re
from decimal import Decimal

from slate_desktop.late_pattern import late_pattern

KIB = 1024
MIB = 1024**2
GIB = 1024**3

_SIZE = late_pattern(r"(-?[0-9]{1,18}(?:\.[0-9]{1,6})?)(?:([bkmgt])|([kmgt])i?b)?", re.I | re.A)
_FACTORS = {"b": 1, "k": KIB, "m": MIB, "g": GIB, "t": 1024**4}
_UNITS = ("B", "KB", "MB", "GB", "TB", "PB")
_RATE = late_pattern(r"([0-9]{1,12}(?:\.[0-9]{1,6})?) ?([kmg])(?:bit(?:/s)?)?", re.I | re.A)
# Networks count in thousands.
_RATE_FACTORS = {"k": 1000, "m": 1000**2, "g": 1000**3}


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


def parse_rate(value: object) -> int:
    """Return bits per second for a text such as ``20mbit``, ``20m`` or ``1.5 Gbit/s``.

    Raises:
        ValueError: it is not a rate; a number without its unit is none.
    """
    match = _RATE.fullmatch(value) if isinstance(value, str) else None
    if match is None:
        raise ValueError("not a rate")
    return int(Decimal(match[1]) * _RATE_FACTORS[match[2].lower()])


def exact_rate(bits_per_s: int) -> str:
    """Return a text from which ``parse_rate`` reads exactly ``bits_per_s``."""
    for unit in ("g", "m"):
        count, rest = divmod(bits_per_s, _RATE_FACTORS[unit])
        if rest == 0 and count != 0:
            return f"{count}{unit}bit"
    return f"{Decimal(bits_per_s) / 1000:f}kbit"


def format_rate(bits_per_s: float) -> str:
    """Return a rate for people: one decimal, where there is one."""
    rate, unit = bits_per_s / 1000, "kbit/s"
    for larger in ("Mbit/s", "Gbit/s"):
        if rate < 999.95:
            break
        rate, unit = rate / 1000, larger
    return f"{f'{rate:.1f}'.removesuffix('.0')} {unit}"
