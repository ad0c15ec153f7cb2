"""The agent is killed again and again while its containers write."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator

import pytest

from slate_desktop.domain.session import SessionStatus
from tests.fault.agent_process import AgentProcess
from tests.integration.docker_world import DockerWorld, docker_world

__all__ = ["docker_world"]  # the fixture ``world``
pytestmark = [pytest.mark.nats, pytest.mark.postgres, pytest.mark.docker, pytest.mark.fault]
S = SessionStatus
COUNTER = """
n=0; is_over=; trap is_over=1 TERM
while [ -z "$is_over" ]; do
    i=0
    while [ $i -lt 9 ]; do echo $n; n=$((n+1)); i=$((i+1)); done
    echo $n >&2; n=$((n+1))
    sleep 0.02
done
echo total $n
"""


@pytest.fixture
async def agent(world: DockerWorld) -> AsyncIterator[AgentProcess]:
    agent = AgentProcess(world, drivers=["docker"], docker_host=world.url)
    yield agent
    await agent.aclose()


@pytest.mark.timeout(240)
async def test_no_line_of_a_container_is_lost_or_doubled_over_twenty_kills(
    world: DockerWorld, agent: AgentProcess
) -> None:
    session = await world.new_container(COUNTER)
    await agent.start()
    container = (await world.run(session.id)).container_id
    chance = random.Random(20)
    for _ in range(20):
        await asyncio.sleep(chance.uniform(0.05, 0.3))
        agent.kill()
        await agent.start()
    await world.ask("stop", session.id)
    row = await world.until(session.id, lambda r: r.is_final, 60)
    assert (row.status, row.container_id, row.attempt) == (S.STOPPED, container, 1)
    assert (row.log_complete, row.exit_code) == (True, 0)
    seqs, numbers, total, after = [], [], 0, 0
    while page := (await world.db.logs.page(session.id, after_seq=after, limit=5000)).lines:
        seqs += [line.seq for line in page]
        for line in page:
            if line.message.startswith("total "):
                total = int(line.message.split()[1])
            else:
                numbers.append(int(line.message))
        after = page[-1].seq
    assert seqs == list(range(1, len(seqs) + 1))
    assert len(numbers) == len(set(numbers)) == total
    assert sorted(numbers) == list(range(total))
    await world.until_no_container(session.id)
