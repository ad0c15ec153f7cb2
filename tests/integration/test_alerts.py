"""Rules of a project at work in an agent: notes in the log, rows, events, marks, and limits."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from slate_desktop.agent.drivers.scripted_engine import Exit, Hold, Say, Script, Use, Wait
from slate_desktop.bus.nats_bus import NatsBus
from slate_desktop.control.alerts import AlertOperations
from slate_desktop.control.events import Events
from slate_desktop.domain.alerts import Alert, AlertRule, make_rule
from slate_desktop.domain.marks import MarkKind
from slate_desktop.domain.retention import LogPolicy
from slate_desktop.domain.session import SessionStatus
from slate_desktop.errors import CommandError, ErrorCode
from slate_desktop.store import Database
from slate_desktop.wire.events import StatusEvent
from tests.integration.agent_world import MIB, AgentWorld
from tests.services.nats import RealNats
from tests.services.postgres import PostgresDsn

pytestmark = [pytest.mark.nats, pytest.mark.postgres]
SCRIPTS = {
    "noisy": Script((*(Say(f"boom {n}") for n in range(300)), Say("quiet"), Hold())),
    "hungry": Script((Wait(0.4), Use(100 * MIB, 170.0), Wait(2.5), Say("bad"), Exit(3))),
    # The engine's time moves by a millisecond with each line.
    "flood": Script((*(Say(f"line {n}") for n in range(2500)), Exit())),
}


class Person(AlertOperations):
    """A member of a project, without the rest of a client."""

    def __init__(self, db: Database, bus: NatsBus) -> None:
        self.db = db
        self.heard: list[Alert] = []
        self.events = Events(bus, self._forget)
        self.events.on_alert(self.heard.append)

    async def _forget(self, _event: StatusEvent) -> None:
        return


@pytest.fixture
async def world(
    nats: RealNats, postgres_dsn: PostgresDsn, tmp_path: Path
) -> AsyncIterator[AgentWorld]:
    world = AgentWorld(nats, postgres_dsn, tmp_path)
    world.engine.scripts |= SCRIPTS
    await world.open()
    yield world
    await world.close()


@pytest.fixture
async def person(world: AgentWorld) -> AsyncIterator[Person]:
    user = await Database.connect(world.dsn.user, application_name="person")
    person = Person(user, world.bus)
    await person.events.open()
    yield person
    await person.events.aclose()
    await user.aclose()


async def until(condition: Callable[[], object], timeout_s: float = 30) -> None:
    async with asyncio.timeout(timeout_s):
        while not condition():  # noqa: ASYNC110 - the condition is the world's
            await asyncio.sleep(0.02)


async def stored(
    person: Person, project_id: str, is_right: Callable[[list[Alert]], bool]
) -> list[Alert]:
    async with asyncio.timeout(30):
        while True:
            found = await person.list_alerts(project_id)
            if is_right(found):
                return found
            await asyncio.sleep(0.05)


async def with_rules(person: Person, project_id: str, *rules: AlertRule) -> None:
    for rule in rules:
        await person.add_alert_rule(project_id, rule)


async def test_lines_give_one_alert_that_is_told_noted_marked_and_counted(
    world: AgentWorld, person: Person
) -> None:
    project = await world.add_project(world.user, command=["noisy"])
    await with_rules(
        person,
        project.id,
        make_rule(name="booms", kind="text", pattern=r"^boom \d+$", is_regex=True),
        make_rule(name="off", kind="text", pattern="boom", is_enabled=False),
    )
    await world.start_agent()
    session = await world.new_session(project)
    await world.ask("start", session.id)
    await until(lambda: person.heard)
    assert [(a.rule_name, a.words, a.seq) for a in person.heard] == [("booms", "boom 0", 1)]
    alert = (await stored(person, project.id, bool))[0]
    assert (alert.id, alert.session_id) == (person.heard[0].id, session.id)
    await world.ask("stop", session.id)
    await world.until_status(session.id, SessionStatus.STOPPED)
    log = await world.messages(session.id)
    assert log.count("alert: booms: boom 0") == 1
    assert len(log) == 302
    await stored(person, project.id, lambda found: found[0].count >= 200)
    marks = await person.get_marks(
        [session.id], None, datetime.now(UTC) - timedelta(hours=1), datetime.now(UTC)
    )
    told = [mark for mark in marks if mark.kind is MarkKind.ALERT]
    assert [(m.session_id, m.at_ns) for m in told] == [(session.id, alert.at_ns)]
    assert told[0].words.startswith("alert: booms: boom 0 (and ")
    # A second run within the cool-down is counted into the same alert.
    await world.ask("start", session.id)
    await world.until_status(session.id, SessionStatus.RUNNING)
    await world.ask("stop", session.id)
    await world.until_status(session.id, SessionStatus.STOPPED)
    assert len(await person.list_alerts(project.id, session_id=session.id)) == 1


async def test_figures_and_ends_are_told(world: AgentWorld, person: Person) -> None:
    project = await world.add_project(world.user, command=["hungry"])
    await with_rules(
        person,
        project.id,
        make_rule(name="busy", kind="cpu", threshold="150%"),
        make_rule(name="big", kind="memory", threshold="90m"),
        make_rule(name="ended", kind="exit"),
    )
    await world.start_agent()
    session = await world.new_session(project)
    await world.ask("start", session.id)
    await world.until_status(session.id, SessionStatus.FAILED)
    await until(lambda: len(person.heard) == 3)
    told = {alert.rule_name: alert.words for alert in person.heard}
    assert told["busy"] == "CPU at 170 %"
    assert told["big"] == "memory at 100 MB"
    log = await world.messages(session.id)
    assert log[-1] == f"alert: ended: {told['ended']}"
    assert {line.partition(": ")[2].partition(":")[0] for line in log if "alert" in line} == {
        "busy", "big", "ended",
    }  # fmt: skip
    await stored(person, project.id, lambda found: len(found) == 3)


async def test_a_start_that_fails_is_told_too(world: AgentWorld, person: Person) -> None:
    await with_rules(person, world.project.id, make_rule(name="ended", kind="exit"))
    await world.start_agent()
    world.engine.faults["create"] = CommandError(ErrorCode.IMAGE_MISSING, "no such image")
    session = await world.new_session()
    await world.ask("start", session.id)
    await until(lambda: person.heard)
    assert person.heard[0].words == "no such image"
    await stored(person, world.project.id, lambda found: len(found) == 1)


async def test_rules_are_changed_removed_and_tried(world: AgentWorld, person: Person) -> None:
    project_id = world.project.id
    first = make_rule(name="one", kind="text", pattern="e")
    await with_rules(person, project_id, first)
    with pytest.raises(CommandError) as caught:
        await person.add_alert_rule(project_id, make_rule(name="ONE", kind="oom"))
    assert caught.value.field == "name"
    changed = make_rule(name="two", kind="level", level="warn", rule_id=first.id)
    await person.change_alert_rule(project_id, changed)
    assert await person.list_alert_rules(project_id) == [changed]
    assert await person.find_alert_rule(project_id, first.id[:6]) == changed
    await world.start_agent()
    session = await world.new_session()
    await world.ask("start", session.id)
    await world.ask("stop", session.id)
    trial = await person.test_alert_rule(first, session.id)
    assert (trial.looked_at, trial.matches) == (1, 1)
    assert [alert.words for alert in trial.alerts] == ["hello"]
    trial = await person.test_alert_rule(make_rule(name="x", kind="exit"), session.id)
    assert (trial.looked_at, trial.matches) == (1, 0)
    await person.remove_alert_rule(project_id, first.id)
    assert await person.list_alert_rules(project_id) == []
    for call in (
        person.remove_alert_rule(project_id, first.id),
        person.change_alert_rule(project_id, changed),
        person.find_alert_rule(project_id, "two"),
    ):
        with pytest.raises(CommandError) as caught:
            await call
        assert caught.value.code is ErrorCode.NOT_FOUND
    assert await person.list_alerts(project_id) == []


async def test_what_a_run_may_write_is_the_projects(world: AgentWorld, person: Person) -> None:
    project = await world.add_project(world.user, command=["flood"])
    await person.db.retention.set(project.id, LogPolicy(lines_per_s=100))
    assert (await person.db.retention.get(project.id)).lines_per_s == 100
    await world.start_agent()
    session = await world.new_session(project)
    await world.ask("start", session.id)
    await world.until_status(session.id, SessionStatus.STOPPED)
    lines = (await world.db.logs.page(session.id, limit=5000)).lines
    kept = [line for line in lines if line.stream != "slate"]
    dropped = sum(line.metadata["dropped"] for line in lines if line.stream == "slate")
    assert dropped + len(kept) == 2500
    assert len(kept) <= 400
    markers = [line.message for line in lines if line.stream == "slate"]
    assert all("dropped: more than the limit of 100 lines a second" in text for text in markers)
