"""Figures of reports in words, with their units."""

from __future__ import annotations

from slate_desktop.domain.sizes import format_bytes
from slate_desktop.translation import message, translate

# Below this many decibels of PSNR a difference is seen by anybody, above the last one by nobody.
_NEAR = (
    (44.0, message("no difference to be seen")),
    (38.0, message("very near")),
    (32.0, message("near")),
)


def share(before: float, after: float) -> str:
    """Return how much less or more it became; an empty text where nothing can be said."""
    if before <= 0 or after <= 0:
        return ""
    percent = round(100 * (1 - after / before))
    if percent == 0:
        return translate("as large as before")
    if percent > 0:
        return translate("{n} % less").format(n=percent)
    return translate("{n} % more").format(n=-percent)


def change(before: int, after: int) -> str:
    """Return sizes in bytes before and after, with what was saved."""
    both = f"{format_bytes(before)} → {format_bytes(after)}"
    saved = share(before, after)
    return f"{both}, {saved}" if saved else both


def count(number: int) -> str:
    """Return a whole number with its thousands apart."""
    return f"{number:,}"


def percent(fraction: float) -> str:
    """Return a fraction in percent, one decimal where it matters."""
    text = f"{100 * fraction:.1f}".removesuffix(".0")
    return f"{text} %"


def psnr(value: float | None) -> str:
    """Return a PSNR in decibels; None is a picture that is equal."""
    return translate("equal") if value is None else f"{value:.1f} dB"


def ssim(value: float | None) -> str:
    """Return a structural similarity, 1 at the most; a dash where it was not measured."""
    return "–" if value is None else f"{value:.4f}"


def likeness(value: float | None) -> str:
    """Return how near a picture is to its source, in words; ``value`` is its PSNR in decibels."""
    if value is None:
        return translate("equal to the source")
    found = next((words for least, words in _NEAR if value >= least), None)
    return translate(found) if found else translate("losses can be seen")


def seconds(value: float) -> str:
    """Return a length such as ``2.50 s`` or ``3:07.5 min``."""
    if value < 60:
        return f"{value:.2f} s"
    minutes, rest = divmod(value, 60)
    return f"{int(minutes)}:{rest:04.1f} min"


def yes_or_no(*, is_true: bool) -> str:
    """Return a truth in words."""
    return translate("yes") if is_true else translate("no")
