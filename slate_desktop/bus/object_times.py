"""When an object was put or last wanted: the broker's own stamp on its description.

Source: https://docs.nats.io/nats-concepts/jetstream/streams, "Direct Get"; ADR-20.
"""

from __future__ import annotations

import time
from datetime import UTC, datetime

from slate_desktop.bus.port import Message
from slate_desktop.errors import EnvironmentFaultError

# An object that nobody names stays at least for this long after it was put or wanted.
GRACE_S = 24 * 3600.0
# Before half of it is over nobody has to write that it is wanted again.
TOUCH_AFTER_S = GRACE_S / 2


class StoreChangedError(EnvironmentFaultError):
    """An object's description is no longer the one that was read."""


def age_s(message: Message) -> float:
    """Return how long ago a message was stored, 0 where the broker does not say it."""
    stamp = message.headers.get("Nats-Time-Stamp", "")
    try:
        stored = datetime.strptime(stamp[:19], "%Y-%m-%dT%H:%M:%S").replace(tzinfo=UTC)
    except ValueError:
        return 0.0
    return time.time() - stored.timestamp()


def sequence(message: Message) -> int:
    """Return the number of a message that the broker handed out directly; 0 where it has none."""
    text = message.headers.get("Nats-Sequence", "")
    return int(text) if text.isascii() and text.isdecimal() else 0


def rollup_after(message: Message) -> dict[str, str]:
    """Return headers that put a message in the place of ``message``, if that is still the last."""
    return {
        "Nats-Rollup": "sub",
        "Nats-Expected-Last-Subject-Sequence": str(sequence(message)),
    }
