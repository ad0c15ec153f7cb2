"""The language that this process speaks, and the functions that texts go through."""

from __future__ import annotations

from typing import Any

from slate_desktop.translation.catalogue import Catalogue

_current = Catalogue("en", {}, {})


def use(catalogue: Catalogue | None) -> None:
    """Speak the language of ``catalogue`` from now on; None for English."""
    global _current
    _current = catalogue or Catalogue("en", {}, {})


def language() -> str:
    """Return the language's code, such as ``de``."""
    return _current.language


def message(text: str) -> str:
    """Return ``text`` as it is, and let it be found for the catalogues.

    For constants, which are made before the language is known, and for sentences of rooms below the
    window: whoever shows them calls :func:`translate` or :func:`sentence`.
    """
    return text


def translate(text: str, context: str = "") -> str:
    """Return a text of the code in the language; English where the catalogue has none.

    Args:
        text: as it stands in the code, fields still in braces.
        context: tells apart what is one word in English and two in another language.
    """
    return _current.text(text, context)


def plural(one: str, many: str, count: int, **fields: Any) -> str:
    """Return the form that fits ``count``, filled with ``{count}`` and ``fields``."""
    return _current.plural(one, many, count).format(count=count, **fields)


def sentence(text: str) -> str:
    """Return a finished English sentence in the language, found by the form it was made from.

    So errors keep their English words in the database, in replies and in logs, whichever version of
    an agent wrote them. What no form fits stays as it is.
    """
    return _current.sentence(text)
