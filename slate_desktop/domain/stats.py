"""One sample of a runtime's use of the machine."""

from __future__ import annotations

import msgspec


class ContainerStats(msgspec.Struct, frozen=True, kw_only=True):
    """Use of CPU, memory and network at one moment.

    ``cpu_percent`` is percent of one core (200 means two cores busy). ``memory_usage``,
    ``memory_limit`` and the network counters are bytes; the counters are totals since the runtime
    started. ``sampled_at_ns`` is UTC nanoseconds since the epoch. ``memory_limit`` 0: no limit.
    """

    cpu_percent: float
    memory_usage: int
    memory_limit: int
    network_rx_bytes: int
    network_tx_bytes: int
    sampled_at_ns: int
    pids: int = 0
