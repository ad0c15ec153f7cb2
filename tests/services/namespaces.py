"""Hosts on one machine: network namespaces on a bridge of their own, each with its own files.

The bridge lies in a namespace too, so that no rule of the machine's own firewall is asked.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.conftest import require_service

_NETWORK = "10.231.77"


@dataclass(frozen=True)
class Host:
    """One host: its address, its files, and the folders that it must not see."""

    namespace: str
    address: str
    directory: Path
    hidden: tuple[Path, ...]

    def command(self, arguments: list[str]) -> list[str]:
        """Return a command that runs on the host."""
        # A namespace's command has mounts of its own, which end with it.
        hide = " && ".join(f"mount -t tmpfs none '{path}'" for path in self.hidden)
        return [
            "ip", "netns", "exec", self.namespace, "sh", "-c", f'{hide} && exec "$0" "$@"',
            *arguments,
        ]  # fmt: skip


@contextmanager
def hosts(base: Path, names: tuple[str, ...]) -> Iterator[dict[str, Host]]:
    """Make hosts that reach each other by real addresses and share no folder below ``base``."""
    tag = f"sl{os.getpid() % 100_000}"
    switch = f"{tag}-switch"
    made: list[str] = []
    try:
        _ip("netns", "add", switch)
        made.append(switch)
        _ip("-n", switch, "link", "add", "bridge0", "type", "bridge")
        _ip("-n", switch, "link", "set", "bridge0", "up")
        found: dict[str, Host] = {}
        for name in names:
            (base / name).mkdir()
        for number, name in enumerate(names, start=1):
            namespace = f"{tag}-{name}"
            _ip("netns", "add", namespace)
            made.append(namespace)
            address = f"{_NETWORK}.{number}"
            _ip("-n", namespace, "link", "set", "lo", "up")
            _ip(
                "link", "add", "eth0", "netns", namespace, "type", "veth",
                "peer", "name", f"port{number}", "netns", switch,
            )  # fmt: skip
            _ip("-n", switch, "link", "set", f"port{number}", "master", "bridge0", "up")
            _ip("-n", namespace, "addr", "add", f"{address}/24", "dev", "eth0")
            _ip("-n", namespace, "link", "set", "eth0", "up")
            hidden = tuple(base / other for other in names if other != name)
            found[name] = Host(namespace, address, base / name, hidden)
        yield found
    finally:
        for namespace in made:
            subprocess.run(["ip", "netns", "del", namespace], check=False, capture_output=True)


def require_namespaces() -> None:
    """Skip where this machine or user cannot make network namespaces."""
    if sys.platform == "linux" and shutil.which("ip") is None:
        require_service("ip", "install iproute2")
    if sys.platform != "linux" or os.geteuid() != 0:
        pytest.skip("network namespaces: not on this platform, or not for this user")
    name = f"slprobe{os.getpid()}"
    probe = subprocess.run(["ip", "netns", "add", name], check=False, capture_output=True)
    if probe.returncode != 0:
        pytest.skip("network namespaces: not on this platform")
    subprocess.run(["ip", "netns", "del", name], check=False, capture_output=True)


def _ip(*arguments: str) -> None:
    subprocess.run(["ip", *arguments], check=True, capture_output=True)
