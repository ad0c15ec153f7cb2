"""Hosts that run sessions: how busy they are, and what is free."""

from __future__ import annotations

from typing import Any

import msgspec


class HostLoad(msgspec.Struct, frozen=True, kw_only=True):
    """Use of a host: ``cpu_percent`` of all its ``cpus`` together (0 to 100), the rest in bytes."""

    cpu_percent: float
    cpus: int
    memory_used: int
    memory_total: int
    disk_free: int
    disk_total: int


class Host(msgspec.Struct, frozen=True, kw_only=True):
    """An agent as a place to run sessions.

    ``is_online`` says whether it was heard lately; ``load`` is None for an agent that tells none.
    ``memory_held`` is what sessions and builds hold of its memory (bytes). A cordoned host takes no
    new work; one that is draining ends its sessions as well.
    """

    id: str
    name: str
    is_online: bool
    seen_ago_s: float | None
    drivers: tuple[str, ...]
    cpus: float
    memory_bytes: int
    has_gpu: bool
    sessions: int | None
    memory_held: int
    load: HostLoad | None
    jobs: int | None = None
    is_cordoned: bool = False
    is_draining: bool = False
    cordon_reason: str = ""
    cordoned_by: str = ""


def read_load(capabilities: dict[str, Any]) -> HostLoad | None:
    """Return the load that an agent's capabilities carry, None for none that can be read."""
    try:
        return msgspec.convert(capabilities["load"], HostLoad)
    except (KeyError, msgspec.ValidationError):
        return None
