"""Stands for Qt's bindings of OpenGL, which an installed SLATE does not carry.

pyqtgraph names classes of theirs when it is imported, and uses them only where it is told to draw
with OpenGL, which SLATE does not. They would be 10 MB.

WORKAROUND(pyqtgraph 0.14): it can go when pyqtgraph imports them where it needs them.
https://github.com/pyqtgraph/pyqtgraph/blob/master/pyqtgraph/Qt/OpenGLHelpers.py
"""

from __future__ import annotations

import importlib.abc
import importlib.machinery
import sys
from types import ModuleType
from typing import Any

MODULES = ("PySide6.QtOpenGL", "PySide6.QtOpenGLWidgets")


def install() -> None:
    """Have the names imported from here, where nobody else has them; doing it again is harmless."""
    if not any(isinstance(finder, _Finder) for finder in sys.meta_path):
        sys.meta_path.append(_Finder())


class _Module(ModuleType):
    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        return type(name, (), {"__doc__": "Not carried along."})


class _Finder(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    def find_spec(
        self,
        name: str,
        path: object = None,  # noqa: ARG002 - the protocol's
        target: object = None,  # noqa: ARG002
    ) -> importlib.machinery.ModuleSpec | None:
        return importlib.machinery.ModuleSpec(name, self) if name in MODULES else None

    def create_module(self, spec: importlib.machinery.ModuleSpec) -> ModuleType:
        return _Module(spec.name)

    def exec_module(self, module: ModuleType) -> None:
        """Leave it empty."""
