"""Takes PySide's hook out of Python's import again; imported before everything else of ``ui``.

PySide replaces ``builtins.__import__`` to serve ``from __feature__ import …``, which SLATE does not
use, and looks for the word PySide6 in the whole source text of every module that is imported from
then on: a fifth of the time until the window can be used.

WORKAROUND(PySide6 6.11): there is no switch for it. It can go when importing PySide6.QtCore leaves
``builtins.__import__`` alone. https://doc.qt.io/qtforpython-6/considerations.html#features
"""

from __future__ import annotations

import builtins

import PySide6.QtCore  # noqa: F401 - installs the hook

builtins.__import__ = getattr(builtins, "__orig_import__", builtins.__import__)
