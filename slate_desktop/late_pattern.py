"""Regular expressions that are compiled when they are first used.

Compiling one takes a fifth of a millisecond, as long as importing a module, and a start imports
many modules of which it uses no expression.
"""

from __future__ import annotations

import re
from typing import Any, AnyStr, cast


class _LatePattern:
    """Becomes what it stands for, method by method."""

    def __init__(self, pattern: Any, flags: int) -> None:
        self._made_of = (pattern, flags)

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):  # asked by Python itself
            raise AttributeError(name)
        # Kept here, so that the next call is one of the compiled expression's own.
        found = self.__dict__[name] = getattr(re.compile(*self._made_of), name)
        return found


def late_pattern(pattern: AnyStr, flags: int = 0) -> re.Pattern[AnyStr]:
    """Return an expression; what is wrong with it shows in its first use."""
    return cast("re.Pattern[AnyStr]", _LatePattern(pattern, flags))
