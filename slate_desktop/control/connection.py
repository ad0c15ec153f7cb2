"""The connection lamps: broker, database, agent and engine, in words and with latency."""

from __future__ import annotations

from psygnal import Signal

from slate_desktop.control.client import Slate
from slate_desktop.control.values import Lamp

LAMP_NAMES = ("broker", "database", "agent", "engine")


class ConnectionModel:
    """Watches a client's connections; ``lamps`` maps each name of ``LAMP_NAMES`` to its lamp."""

    changed = Signal(str, object)  # name, Lamp

    lamps: dict[str, Lamp]

    def __init__(self, slate: Slate, *, interval_s: float = 5.0) -> None:
        raise NotImplementedError

    async def open(self) -> None:
        """Begin to watch."""
        raise NotImplementedError

    async def refresh(self) -> None:
        """Look at everything now."""
        raise NotImplementedError

    async def aclose(self) -> None:
        """Stop watching."""
        raise NotImplementedError
