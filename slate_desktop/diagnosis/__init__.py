"""Looks at this machine and what SLATE needs: the checks of ``slate doctor``, tests of addresses.

Nothing here changes anything.
"""

from __future__ import annotations

import asyncio

from slate_desktop.diagnosis.check import Check
from slate_desktop.diagnosis.engines import check_engines
from slate_desktop.diagnosis.machine import check_machine
from slate_desktop.diagnosis.releases import check_feed
from slate_desktop.diagnosis.services import check_services
from slate_desktop.diagnosis.supply import check_packages


async def run_checks() -> list[Check]:
    """Run every check in the order in which a person would mend them; none raises."""
    # It looks at disks and starts programs.
    machine = await asyncio.to_thread(check_machine)
    machine += await asyncio.to_thread(check_packages)
    return [*machine, *await check_services(), *await check_engines(), *await check_feed()]
