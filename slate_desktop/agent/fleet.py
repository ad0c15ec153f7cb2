"""The drivers of this host and what they can do at the moment."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any

from slate_desktop.agent.drivers.base import Driver, DriverInfo
from slate_desktop.agent.planning import StartPlan, make_plan
from slate_desktop.domain.container import DriverName
from slate_desktop.domain.images import DEFAULT_REGISTRY, check_registry
from slate_desktop.domain.project import Project
from slate_desktop.errors import CommandError, ErrorCode

_log = logging.getLogger(__name__)
FINGERPRINT_TIMEOUT_S = 10.0


class Fleet:
    """Drivers by name, with their newest fingerprints.

    Args:
        drivers: the drivers that this agent offers.
        registries: that images may come from, besides the default one.
    """

    def __init__(
        self, drivers: Mapping[DriverName, Driver], registries: Collection[str] = ()
    ) -> None:
        self.drivers = dict(drivers)
        self._registries = frozenset({DEFAULT_REGISTRY, *registries})
        self.infos: dict[DriverName, DriverInfo] = {}
        # What the agent's administrator says of builds; part of what this host advertises.
        self.builds: Mapping[str, Any] = {}
        # What holds memory here besides builds: names with bytes.
        self.holders: Callable[[], Sequence[tuple[str, int]]] = tuple

    def __getitem__(self, name: DriverName | str) -> Driver:
        """Return a driver.

        Raises:
            CommandError: ``bad_request`` for one that this agent does not offer.
        """
        try:
            return self.drivers[DriverName(name)]
        except (KeyError, ValueError) as error:
            raise CommandError(
                ErrorCode.BAD_REQUEST, f"this agent has no driver {name!r}", field="driver"
            ) from error

    async def refresh(self) -> None:
        """Take every fingerprint anew; a driver that does not answer is unavailable."""
        names = list(self.drivers)
        found = await asyncio.gather(*(self._fingerprint(name) for name in names))
        for name, info in zip(names, found, strict=True):
            before = self.infos.get(name)
            if before is None or before.is_available != info.is_available:
                _log.info(
                    "driver available" if info.is_available else "driver unavailable",
                    extra={"driver": name.value, "reason": info.reason},
                )
            self.infos[name] = info

    async def plan(
        self, row_config: Mapping[str, Any], project: Project, body: Mapping[str, Any]
    ) -> StartPlan:
        """Return how a session would be started here; see ``planning.make_plan``.

        Raises:
            CommandError: also ``image_denied`` for an image of a registry that is not listed.
        """
        plan = make_plan(row_config, project, body, await self.usable_infos())
        if plan.driver is DriverName.DOCKER and plan.config.image is not None:
            check_registry(plan.config.image, self._registries)
        return plan

    async def usable_infos(self) -> dict[DriverName, DriverInfo]:
        """Return the fingerprints, taken anew where a driver was away at the last look."""
        if len(self.infos) < len(self.drivers) or not all(
            info.is_available for info in self.infos.values()
        ):
            await self.refresh()
        return self.infos

    @property
    def memory_bytes(self) -> int:
        """The memory of this host, 0 where no driver says it."""
        return max(
            (info.memory_bytes for info in self.infos.values() if info.is_available), default=0
        )

    def advertised_builds(self) -> dict[str, Any]:
        """Return what this host says of builds now, with what holds its memory."""
        if not self.builds:
            return {}
        return {**self.builds, "held": [list(pair) for pair in self.holders()]}

    def check_image(self, name: str) -> None:
        """Refuse an image from a registry that is not on the list; raises ``image_denied``."""
        check_registry(name, self._registries)

    async def aclose(self) -> None:
        """Release the drivers; runtimes go on."""
        await asyncio.gather(
            *(driver.aclose() for driver in self.drivers.values()), return_exceptions=True
        )

    async def _fingerprint(self, name: DriverName) -> DriverInfo:
        try:
            async with asyncio.timeout(FINGERPRINT_TIMEOUT_S):
                return await self.drivers[name].fingerprint()
        except TimeoutError:
            return DriverInfo(driver=name, is_available=False, reason="it does not answer")
