"""Imports packages without modules that they name at their top and hardly ever use.

asyncpg imports a reader of INI files for the services of ``pg_service.conf``, uuid asks
``platform`` for the name of the system, msgspec prefers typing_extensions to the same things of
``typing``, structlog takes rich and colorama where they are installed. To read these takes longer
than the packages themselves.

WORKAROUND(asyncpg 0.32, msgspec 0.22, structlog 25, Python 3.13): each name can go when the package
no longer imports it.
"""

from __future__ import annotations

import importlib
import os
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from types import ModuleType, SimpleNamespace
from typing import Any


class StandIn(ModuleType):
    """Stands in ``sys.modules`` for a module, which is read once something of it is asked for."""

    def go(self) -> None:
        """Leave the place to the real module."""
        if sys.modules.get(self.__name__) is self:
            del sys.modules[self.__name__]

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):  # asked by Python itself, of every module
            raise AttributeError(name)
        self.go()
        return getattr(importlib.import_module(self.__name__), name)


class _Platform(StandIn):
    """Knows what the system is called."""

    def system(self) -> str:
        """Return the system's name."""
        return os.uname().sysname

    def uname(self) -> SimpleNamespace:
        """Return what packages look at while they are imported."""
        return SimpleNamespace(system=self.system())


@contextmanager
def light_imports(*late: str, without: Sequence[str] = ()) -> Iterator[None]:
    """Let packages be imported whose modules name others; nothing changes for others.

    Args:
        late: modules that are read when something of them is used.
        without: optional modules that are not to be found.
    """
    made = [_stand_in(name) for name in late if name not in sys.modules]
    hidden = [name for name in without if name not in sys.modules]
    for module in made:
        sys.modules[module.__name__] = module
    for name in hidden:
        sys.modules[name] = None  # type: ignore[assignment] # as Python marks what is not there
    try:
        yield
    finally:
        for module in made:
            module.go()
        for name in hidden:
            del sys.modules[name]


def _stand_in(name: str) -> StandIn:
    # Elsewhere names of systems are more than the kernel's.
    is_plain = name == "platform" and sys.platform == "linux"
    return _Platform(name) if is_plain else StandIn(name)


def import_msgspec() -> None:
    """Import msgspec, which prefers another package to the same things of ``typing``."""
    with light_imports("platform", without=("typing_extensions",)):
        import msgspec  # noqa: F401
