"""A project that was added just now, on a server whose broker learns of it a moment later."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from slate_desktop.bus.memory_bus import MemoryBroker, MemoryBus
from slate_desktop.control import scope as scopes
from slate_desktop.control.events import Events
from slate_desktop.control.scope import ProjectScope
from slate_desktop.errors import DeniedError


class LateBus(MemoryBus):
    """Refuses the events of projects until it was asked often enough."""

    refusals = 0

    async def subscribe(self, subject: str, *args: Any, **more: Any) -> Any:
        if not subject.startswith("slate.agent.") and self.refusals > 0:
            self.refusals -= 1
            raise DeniedError("not yet")
        return await super().subscribe(subject, *args, **more)


async def ignore(_event: object) -> None:
    return None


def of_projects(bus: MemoryBus, *ids: str) -> ProjectScope:
    async def rows(member: str) -> list[Any]:
        return [SimpleNamespace(id=project) for project in ids]

    db: Any = SimpleNamespace(projects=SimpleNamespace(list=rows))
    return ProjectScope(db, Events(bus, ignore, ignore), "anna")


async def test_adding_returns_once_its_events_are_heard(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(scopes, "_ASK_S", 0.0)
    bus = LateBus(MemoryBroker())
    bus.refusals = 3
    scope = of_projects(bus, "p1")
    await scope.until_heard("p1")
    assert bus.refusals == 0
    assert scope._events.hears("p1")
    await bus.aclose()


async def test_a_broker_that_never_admits_holds_nobody_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(scopes, "_HEARD_WITHIN_S", 0.05)
    monkeypatch.setattr(scopes, "_ASK_S", 0.01)
    bus = LateBus(MemoryBroker())
    bus.refusals = 10**6
    scope = of_projects(bus, "p1")
    await scope.until_heard("p1")
    assert not scope._events.hears("p1")
    await bus.aclose()
