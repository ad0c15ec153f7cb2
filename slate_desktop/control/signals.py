"""psygnal's signals, imported without what psygnal asks of the installed packages."""

from __future__ import annotations

from slate_desktop.light_metadata import light_metadata

with light_metadata():
    from psygnal import Signal, SignalInstance

__all__ = ["Signal", "SignalInstance"]
