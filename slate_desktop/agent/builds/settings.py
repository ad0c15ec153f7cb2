"""What an agent's administrator says of builds on its machine."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

import msgspec

from slate_desktop.domain.builds.matrix import this_system


class BuildSettings(msgspec.Struct, frozen=True, kw_only=True):
    """Capacity and rights of a build worker.

    Attributes:
        slots: builds at once.
        capabilities: such as ``console:ps5``.
        licences: seats by licence, such as ``{"unity": 1}``; the same on every agent.
        directory: workspaces and files of builds.
        system: ``linux``, ``windows`` or ``macos``.
    """

    directory: Path
    slots: int = 1
    capabilities: tuple[str, ...] = ()
    licences: Mapping[str, int] = {}
    system: str = msgspec.field(default_factory=this_system)


def environment_secrets(names: tuple[str, ...]) -> dict[str, str]:
    """Return the values of a recipe's secrets that this agent's environment has."""
    return {name: value for name in names if (value := os.environ.get(name))}
