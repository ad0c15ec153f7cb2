"""Keeps what containers send and receive within a limit, by queues of the host's own.

A session's bridge has one container::

    to the container     host → queue of the bridge → container
    from the container   container → its end of the bridge → queue of a device of its own → bridge

The container has no right to touch either, and both outlive the agent: they are the kernel's. What
leaves by a device waits in its queue; what comes in by one has to be led through another device (an
``ifb``), whose queue it leaves. That has to happen before the bridge sees it: behind the bridge the
packet filter would take it for a stranger.

The container's end is there only once it runs. Until it is led, some milliseconds after the start,
what it sends is not limited.
"""

from __future__ import annotations

import asyncio
import shutil
import socket
import subprocess
import sys
from pathlib import Path

from slate_desktop.agent.drivers.docker.guard import BRIDGE_PREFIX

DEVICE_PREFIX = "li-"
_TIMEOUT_S = 15.0
_NET_ADMIN = 1 << 12
# What may pass at once: ten milliseconds of the rate, and never less than a few packets.
_LEAST_BURST_BYTES = 16 * 1024
_BURSTS_A_SECOND = 100
_LATENCY = "50ms"


class LimitError(Exception):
    """The kernel refused a limit; the text is its own."""


def why_not(*, is_local: bool) -> str:
    """Return why this process cannot limit bandwidth; empty where it can.

    Args:
        is_local: whether the engine is on this machine.
    """
    if not is_local:
        return "the engine is on another machine"
    if sys.platform != "linux":
        return "only Linux has the queues that are needed"
    if shutil.which("tc") is None or shutil.which("ip") is None:
        return "tc is not installed, which the package iproute2 brings"
    if not _may_change_networks():
        return "it takes the rights of root, or CAP_NET_ADMIN, which the agent has not"
    return ""


class Limits:
    """The limits on this host. Its methods are safe to call again."""

    def __init__(self) -> None:
        self._lock = asyncio.Lock()

    async def prepare(self, bridge: str, bits_per_s: int | None) -> None:
        """Have a bridge's queues in place before its container is there; None takes them away.

        Raises:
            LimitError: the kernel refuses them, or the bridge is in another network namespace.
        """
        async with self._lock:
            await asyncio.to_thread(_prepare, bridge, bits_per_s)

    async def hold(self, bridge: str, bits_per_s: int) -> None:
        """Hold the container that runs on a bridge to its limit, whatever is missing of it.

        Raises:
            LimitError: as ``prepare``.
        """
        async with self._lock:
            await asyncio.to_thread(_hold, bridge, bits_per_s)

    async def forget(self, bridge: str) -> None:
        """Remove what a bridge that is gone leaves behind; harmless where there is nothing."""
        async with self._lock:
            await asyncio.to_thread(_remove, device_of(bridge))


def device_of(bridge: str) -> str:
    """Return the name of the device through which a bridge's container sends."""
    return DEVICE_PREFIX + bridge.removeprefix(BRIDGE_PREFIX)


def _prepare(bridge: str, bits_per_s: int | None) -> None:
    device, names = device_of(bridge), _devices()
    if device in names:
        # An earlier attempt's.
        _run(["tc", "qdisc", "del", "dev", bridge, "root"], is_needed=False)
        _remove(device)
    if bits_per_s is None:
        return
    if bridge not in names:
        raise LimitError("the engine's networks are not in the agent's network namespace")
    for name in names - {device}:
        # Left by an agent that was killed between the end of a network and of its device.
        if name.startswith(DEVICE_PREFIX) and _bridge_of(name) not in names:
            _remove(name)
    burst = max(_LEAST_BURST_BYTES, bits_per_s // 8 // _BURSTS_A_SECOND)
    queue = f"root tbf rate {bits_per_s}bit burst {burst}b latency {_LATENCY}"
    _run(["ip", "-batch", "-"], f"link add {device} type ifb\nlink set {device} up\n")
    _run(
        ["tc", "-batch", "-"],
        f"qdisc replace dev {device} {queue}\nqdisc replace dev {bridge} {queue}\n",
    )


def _hold(bridge: str, bits_per_s: int) -> None:
    device = device_of(bridge)
    if device not in _devices():
        _prepare(bridge, bits_per_s)
    for line in _run(["ip", "-o", "link", "show", "master", bridge]).splitlines():
        port = line.split(": ")[1].partition("@")[0]
        if f"to device {device})" in _run(["tc", "filter", "show", "dev", port, "ingress"]):
            continue
        _run(["tc", "qdisc", "del", "dev", port, "ingress"], is_needed=False)
        _run(
            ["tc", "-batch", "-"],
            f"qdisc add dev {port} handle ffff: ingress\n"
            # Every packet of every protocol: what is not led away is not limited.
            f"filter add dev {port} parent ffff: protocol all u32 match u32 0 0"
            f" action mirred egress redirect dev {device}\n",
        )


def _bridge_of(device: str) -> str:
    return BRIDGE_PREFIX + device.removeprefix(DEVICE_PREFIX)


def _devices() -> set[str]:
    return {name for _, name in socket.if_nameindex()}


def _remove(device: str) -> None:
    if device in _devices():
        _run(["ip", "link", "del", device], is_needed=False)


def _may_change_networks() -> bool:
    try:
        status = Path("/proc/self/status").read_text()
    except OSError:
        return False
    for line in status.splitlines():
        if line.startswith("CapEff:"):
            return bool(int(line.split()[1], 16) & _NET_ADMIN)
    return False


def _run(command: list[str], text: str = "", *, is_needed: bool = True) -> str:
    try:
        done = subprocess.run(  # noqa: S603 - our own words, and names that we made
            command, input=text, capture_output=True, text=True, timeout=_TIMEOUT_S, check=False
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise LimitError(f"{command[0]} does not answer: {error}") from error
    if done.returncode != 0 and is_needed:
        raise LimitError((done.stderr.strip().splitlines() or [f"{command[0]} failed"])[0])
    return done.stdout
