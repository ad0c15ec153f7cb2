"""Leaves nats-py's JetStream out until it is used; imported before anything of ``nats``.

``nats.aio.client`` imports all of JetStream, whose forty classes of its API take as long as the
rest of the client together, though it looks into that package only when a message has headers or
somebody works with streams. A stand-in takes its place: it knows the names of those headers, which
each signed message needs, and imports the package for anything else.

WORKAROUND(nats-py 2.11): can go when importing ``nats`` does not import ``nats.js.api``.
"""

from __future__ import annotations

import enum
import importlib
import sys
import threading
from types import ModuleType
from typing import Any

from slate_desktop.light_metadata import light_metadata

_NAME = "nats.js"
_importing = threading.RLock()


class _Header(enum.StrEnum):
    """Those of ``nats.js.api.Header`` that the client looks for in each message with headers."""

    STATUS = "Status"
    DESCRIPTION = "Description"
    CONSUMER_STALLED = "Nats-Consumer-Stalled"


class _HeaderNames:
    """Looks like ``nats.js.api.Header``."""

    STATUS, DESCRIPTION, CONSUMER_STALLED = _Header

    def __init__(self, stand_in: _StandIn) -> None:
        self._stand_in = stand_in

    def __getattr__(self, name: str) -> Any:
        return getattr(_import(self._stand_in).api.Header, name)


class _Api:
    """Looks like ``nats.js.api``."""

    def __init__(self, stand_in: _StandIn) -> None:
        self._stand_in = stand_in
        self.Header = _HeaderNames(stand_in)

    def __getattr__(self, name: str) -> Any:
        return getattr(_import(self._stand_in).api, name)


class _StandIn(ModuleType):
    """Looks like ``nats.js``, and becomes it when something in it is asked for."""

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self.api = _Api(self)

    def __getattr__(self, name: str) -> Any:
        return getattr(_import(self), name)


def _import(stand_in: ModuleType) -> ModuleType:
    with _importing:
        if sys.modules.get(_NAME) is stand_in:
            del sys.modules[_NAME]
        # The import also puts the real package in the stand-in's place in ``nats``.
        return importlib.import_module(_NAME)


def _put_stand_in() -> None:
    if "nats" in sys.modules:
        return
    stand_in = sys.modules[_NAME] = _StandIn(_NAME)
    with light_metadata():
        nats = importlib.import_module("nats")
    if sys.modules.get(_NAME) is stand_in:
        nats.js = stand_in  # pyright: ignore[reportAttributeAccessIssue]


_put_stand_in()
