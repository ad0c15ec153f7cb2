"""An agent's world on servers of the test's own, which it may kill and start again."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.integration.agent_world import AgentWorld
from tests.services.nats import RealNats
from tests.services.postgres import PostgresDsn, RealPostgres


@pytest.fixture(name="world")
async def own_world(
    own_nats: RealNats, own_postgres: RealPostgres, tmp_path: Path
) -> AsyncIterator[AgentWorld]:
    """A world whose database keeps what it committed; no agent runs yet."""
    name = own_postgres.create()
    # The suite's servers forget what they just committed; a real one does not.
    own_postgres.execute(f"alter database {name} set synchronous_commit = on")
    made = AgentWorld(own_nats, PostgresDsn.of(own_postgres.server, name), tmp_path)
    await made.open()
    yield made
    await made.close()
