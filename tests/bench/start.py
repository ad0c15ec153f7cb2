"""A container's start, from the request to running, against the SDK's create and start."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory

from slate_desktop.agent.supervisor import SETTLE_S
from slate_desktop.domain.container import DriverName
from slate_desktop.domain.session import SessionStatus
from tests.bench.engine import COMMAND, BenchEngine
from tests.bench.harness import Result
from tests.integration.agent_world import AgentWorld
from tests.services.nats import RealNats
from tests.services.postgres import PostgresDsn, RealPostgres

ROUNDS = 12
_SDK = "SDK create + start, same body"


@asynccontextmanager
async def _world(engine: BenchEngine, place: Path) -> AsyncIterator[AgentWorld]:
    """A broker, a database and an agent with the driver; a person who asks over the broker."""
    nats, postgres = RealNats(place / "nats"), RealPostgres(place)
    nats.start()
    try:
        postgres.start()
        postgres.make_template()
        world = AgentWorld(nats, PostgresDsn.of(postgres.server, postgres.create()), place)
        await world.open()
        await world.start_agent(drivers={DriverName.DOCKER: engine.driver})
        world.project = await world.db.projects.add(
            name="bench",
            owner_id=world.user.id,
            root=str(engine.project),
            engine="custom",
            command=COMMAND,
        )
        try:
            yield world
        finally:
            await world.close()
    finally:
        postgres.close()
        nats.stop()


async def _sdk(engine: BenchEngine) -> tuple[float, float]:
    """Return the time to a started container, and to one that is known to run after the pause."""
    spec = engine.spec()
    body, client = engine.body(spec), engine.client
    begin = time.perf_counter()
    made = await asyncio.to_thread(client.create_container_from_config, body, spec.name)
    await asyncio.to_thread(client.start, made["Id"])
    started_s = time.perf_counter() - begin
    await asyncio.sleep(SETTLE_S)
    found = await asyncio.to_thread(client.inspect_container, made["Id"])
    assert found["State"]["Running"]
    settled_s = time.perf_counter() - begin
    await asyncio.to_thread(client.remove_container, made["Id"], force=True, v=True)
    return started_s * 1e3, settled_s * 1e3


async def _driver(engine: BenchEngine) -> float:
    spec = engine.spec()
    begin = time.perf_counter()
    handle = await engine.driver.create(spec)
    await engine.driver.start(handle)
    elapsed = time.perf_counter() - begin
    await engine.driver.remove(handle)
    return elapsed * 1e3


async def _request(engine: BenchEngine, world: AgentWorld) -> float:
    session = await world.new_session(container_config=engine.fields)
    begin = time.perf_counter()
    reply = await world.ask("start", session.id)
    assert "error" not in reply, reply
    await world.until_status(session.id, SessionStatus.RUNNING)
    elapsed = time.perf_counter() - begin
    await world.ask("stop", session.id, {"grace": 0})
    await world.until_status(session.id, SessionStatus.STOPPED)
    return elapsed * 1e3


async def run() -> list[Result]:
    """Compare the engine's part, and the whole way with the check that it still runs."""
    engine_part = Result("Container start, driver's create + start", _SDK, "ms", goal=1.05)
    whole = Result("Container start, request to running", f"{_SDK} + check", "ms", goal=1.05)
    with TemporaryDirectory() as directory:
        place = Path(directory)
        engine = BenchEngine(place / "bench-project")
        try:
            async with _world(engine, place) as world:
                for warm in (True, *[False] * ROUNDS):
                    started_ms, settled_ms = await _sdk(engine)
                    driver_ms = await _driver(engine)
                    request_ms = await _request(engine, world)
                    if warm:
                        continue
                    engine_part.peer_values.append(started_ms)
                    engine_part.our_values.append(driver_ms)
                    whole.peer_values.append(settled_ms)
                    whole.our_values.append(request_ms)
        finally:
            await engine.aclose()
    bare = median(whole.our_values) / median(engine_part.peer_values)
    whole.note = (
        f"a runtime counts as running once it has lived {SETTLE_S * 1e3:.0f} ms, so the peer waits "
        f"that long and looks too; without that wait in the peer the ratio is {bare:.2f}x"
    )
    results = [engine_part, whole]
    for result in results:
        result.higher_is_better = False
        result.show()
    return results


if __name__ == "__main__":
    asyncio.run(run())
