"""Puts builds into an agent: which queues it reads, what it advertises, and its order."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from slate_desktop.agent.builds.kind import BuildKind
from slate_desktop.agent.builds.recovery import Recovery
from slate_desktop.agent.builds.settings import BuildSettings
from slate_desktop.agent.fleet import Fleet
from slate_desktop.agent.jobs.host import JobHost
from slate_desktop.agent.options import AgentOptions
from slate_desktop.agent.tasks import TaskOwner
from slate_desktop.agent.trees.places import ProjectPlaces
from slate_desktop.bus.nats_queue import NatsQueue
from slate_desktop.bus.objects import ObjectStore
from slate_desktop.bus.port import Bus
from slate_desktop.bus.queue import BUILDS
from slate_desktop.domain.builds.matrix import CONSOLES

if TYPE_CHECKING:
    from slate_desktop.store import Database


def seats(texts: Iterable[str]) -> dict[str, int]:
    """Return seats by licence from texts such as ``unity=1``."""
    pairs = (text.partition("=") for text in texts)
    return {name: int(count) for name, _, count in pairs if count.isdecimal()}


def build_settings(options: AgentOptions) -> BuildSettings:
    """Return what an agent's options say of builds."""
    return BuildSettings(
        directory=options.data_dir / "builds",
        slots=options.build_slots,
        capabilities=options.build_capabilities,
        licences=seats(options.licences),
    )


def build_capabilities(settings: BuildSettings) -> dict[str, Any]:
    """Return what an agent's row and heartbeat say of builds."""
    return {
        "system": settings.system,
        "slots": settings.slots,
        "capabilities": list(settings.capabilities),
        "licences": dict(settings.licences),
    }


def build_platforms(settings: BuildSettings) -> tuple[str, ...]:
    """Return the queues that an agent reads: consoles only where it advertises them."""
    if settings.slots == 0:
        return ()
    consoles = {console.value for console in CONSOLES}
    return tuple(
        name
        for name in BUILDS.types
        if name not in consoles or f"console:{name}" in settings.capabilities
    )


def add_builds(
    jobs: JobHost,
    options: AgentOptions,
    *,
    db: Database,
    bus: Bus,
    fleet: Fleet,
    objects: ObjectStore,
    places: ProjectPlaces,
    tasks: TaskOwner,
) -> BuildKind:
    """Work on builds from now on."""
    settings = build_settings(options)
    kind = BuildKind(
        db,
        bus,
        fleet,
        objects,
        agent_id=options.agent_id,
        settings=settings,
        places=places,
    )
    jobs.add(kind, BUILDS, build_platforms(settings), slots=max(1, settings.slots))
    recovery = Recovery(kind, jobs.owner, NatsQueue(bus, BUILDS))
    tasks.spawn(recovery.run(), "build-recovery")
    return kind
