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
