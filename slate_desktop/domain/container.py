"""Container configuration: what a runtime is started with, checked before anything happens.

The names are those of the original system; its camelCase forms and the snake_case forms are both
read, and the row and the wire carry the camelCase form. Input can only ask for what an allow-list
admits: every unknown key is refused.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Any

import msgspec


class DriverName(StrEnum):
    """Ways to run a runtime."""

    DOCKER = "docker"
    PROCESS = "process"
    SCRIPTED = "scripted"


class NetworkMode(StrEnum):
    """``bridge``: a bridge of the session's own. ``none``: no network at all."""

    BRIDGE = "bridge"
    NONE = "none"


class Mount(msgspec.Struct, frozen=True, kw_only=True):
    """A directory of the project, seen by the runtime.

    ``host`` is an absolute path inside the project's root (or ``"."`` and below, relative to it);
    ``container`` an absolute path in the runtime.
    """

    host: str
    container: str
    read_only: bool = False


class ContainerConfig(msgspec.Struct, frozen=True, kw_only=True):
    """A checked container configuration.

    ``memory_bytes`` and ``cpus`` are limits, None for none. ``ports`` maps container port to host
    port (0: any free one). ``command`` is an argv, None for the image's or engine's own.
    """

    driver: DriverName | None = None
    image: str | None = None
    tag: str = "latest"
    digest: str | None = None
    command: list[str] | None = None
    env: dict[str, str] = {}
    ports: dict[int, int] = {}
    volumes: list[Mount] = []
    memory_bytes: int | None = None
    cpus: float | None = None
    gpu: bool = False
    gpu_optional: bool = False
    network_mode: NetworkMode = NetworkMode.BRIDGE
    pull: bool = False
    stop_grace_s: float = 10.0

    @property
    def reference(self) -> str | None:
        """The image with its tag and digest, as an engine takes it."""
        if self.image is None:
            return None
        return f"{self.image}:{self.tag}" + (f"@{self.digest}" if self.digest else "")


def parse_container_config(data: object) -> ContainerConfig:
    """Check a configuration as a client sent it, and return it as values."""
    raise NotImplementedError


def container_config_to_json(config: ContainerConfig) -> dict[str, Any]:
    """Return the configuration with the original system's names, as the row stores it."""
    raise NotImplementedError
