"""A client of the original system: unsigned JSON, served only where it was allowed."""

from __future__ import annotations

import json

import nats
import pytest

from slate_desktop.domain.ids import new_id

pytestmark = [pytest.mark.nats, pytest.mark.postgres, pytest.mark.timeout(180)]


async def test_unsigned_json_is_served_when_allowed(slate, looping):
    slate("stack", "up", "--allow-unsigned", "--json", code=0)
    status = slate.json("stack", "status")
    assert status["allow_unsigned"]
    client = await nats.connect(**status["nats_connect"])
    session_id = new_id()
    try:
        body = {"projectId": looping["id"], "driver": "process", "env": {"A": "1"}}
        answer = await client.request(
            f"slate.container.start.{session_id}", json.dumps(body).encode(), timeout=10
        )
        reply = json.loads(answer.data)
        assert "error" not in reply, reply
        shown = slate.json("session", "show", session_id)
        assert shown["status"] == "running"
        answer = await client.request(f"slate.container.stop.{session_id}", b"{}", timeout=10)
        assert "error" not in json.loads(answer.data)
    finally:
        await client.close()
    assert slate.json("session", "stop", session_id, "--wait")["status"] == "stopped"
