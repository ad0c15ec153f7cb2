"""The checks of ``slate doctor``, in the order in which a person would mend them."""

from __future__ import annotations

from slate_desktop.cli.checks.check import Check
from slate_desktop.cli.checks.engines import check_engines
from slate_desktop.cli.checks.machine import check_machine
from slate_desktop.cli.checks.services import check_services


async def run_checks() -> list[Check]:
    """Run every check; none changes anything, and none raises."""
    return [*check_machine(), *await check_services(), *await check_engines()]
