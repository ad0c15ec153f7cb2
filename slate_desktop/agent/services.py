"""What every session's life on an agent uses."""

from __future__ import annotations

import msgspec

from slate_desktop.agent.logdoors import PumpLimits
from slate_desktop.agent.recorder import Recorder
from slate_desktop.agent.statspump import StatsPump
from slate_desktop.agent.tasks import TaskOwner
from slate_desktop.agent.watching import WatchHost


class Services(msgspec.Struct, frozen=True):
    """One for each agent; without ``watches`` no rule looks at its sessions."""

    recorder: Recorder
    stats: StatsPump
    tasks: TaskOwner
    limits: PumpLimits = PumpLimits()
    watches: WatchHost | None = None

    async def run_bytes(self, project_id: str) -> int | None:
        """Return how much text a run of a project may log; None for no limit."""
        if self.watches is None:
            return self.limits.flood.run_bytes
        return (await self.watches.flood_limits(project_id)).run_bytes
