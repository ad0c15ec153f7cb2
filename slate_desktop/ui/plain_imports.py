"""Imports PySide without what no running window needs; imported before everything else of ``ui``.

Two things of PySide's import cost a quarter of a window's start, and have no switch:

- It compiles its own helpers from source at every start, among them the generator of ``.pyi``
  files and the parser of signatures, which help texts and messages about wrong arguments need.
  Those are compiled here when somebody asks them for something; the bytecode of the others is kept.
  WORKAROUND(PySide6 6.11): can go when shibokensupport comes as bytecode.
- It replaces ``builtins.__import__`` to serve ``from __feature__ import …``, which SLATE does not
  use, and looks for the word PySide6 in the whole source text of every module that is imported
  from then on.
  WORKAROUND(PySide6 6.11): can go when importing PySide6.QtCore leaves ``builtins.__import__``
  alone. https://doc.qt.io/qtforpython-6/considerations.html#features
"""

from __future__ import annotations

import builtins
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from slate_desktop.ui import quick_enums
from slate_desktop.ui.helper_code import HelperCode

_HELPERS = "shibokensupport/signature/"
# The others are looked into by PySide itself, which takes no lateness.
_LATE_NAMES = frozenset(
    f"{_HELPERS}{name}.py"
    for name in ("layout", "parser", "lib/enum_sig", "lib/pyi_generator", "lib/tool")
)
# Runs as such a module, whose loader then knows the source. ``__file__`` is its name in there.
_LATE = b"""
def __getattr__(name):
    if name.startswith("__") or globals().pop("__getattr__", None) is None:
        raise AttributeError(name)
    exec(compile(__loader__.zfile.read(__file__), __file__, "exec"), globals())
    return globals()[name]
"""


@contextmanager
def _quick_helpers() -> Iterator[None]:
    original, kept = builtins.compile, HelperCode()

    def compile_helper(source: Any, filename: Any, mode: str, *rest: Any, **options: Any) -> Any:
        if type(source) is not bytes or not isinstance(filename, str) or rest or options:
            return original(source, filename, mode, *rest, **options)
        if filename in _LATE_NAMES:
            source = _LATE
        code = kept.get(filename, source)
        if code is None:
            code = original(source, filename, mode)
            kept.add(filename, source, code)
        return code

    builtins.compile = compile_helper  # pyright: ignore[reportAttributeAccessIssue]
    try:
        yield
    finally:
        builtins.compile = original
    kept.save()


quick_enums.install()
with _quick_helpers():
    import PySide6.QtCore  # noqa: F401 - installs the hook

builtins.__import__ = getattr(builtins, "__orig_import__", builtins.__import__)
