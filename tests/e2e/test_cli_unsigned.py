"""A client of the original system: unsigned JSON, served only where it was allowed."""

from __future__ import annotations

import asyncio
import json
import time
from typing import Any

import nats
import pytest
from nats.aio.client import Client

from slate_desktop.domain.ids import new_id

pytestmark = [pytest.mark.nats, pytest.mark.postgres, pytest.mark.timeout(180)]


async def ask(client: Client, subject: str, body: bytes) -> dict[str, Any]:
    """Ask the agent, which has just been started anew, until it serves."""
    deadline = time.monotonic() + 60
    while True:
        try:
            reply = json.loads((await client.request(subject, body, timeout=30)).data)
        except nats.errors.NoRespondersError:
            reply = {"error": {"code": "agent_offline"}}
        if reply.get("error", {}).get("code") not in ("db_unavailable", "agent_offline"):
            return reply
        assert time.monotonic() < deadline, reply
        await asyncio.sleep(0.2)


def await_status(slate, session_id: str, status: str) -> None:
    """Wait for a state: a slow start is answered with the state that was reached."""
    deadline = time.monotonic() + 60
    while (found := slate.json("session", "show", session_id)["status"]) != status:
        assert time.monotonic() < deadline, found


async def test_unsigned_json_is_served_when_allowed(slate, looping):
    slate("stack", "up", "--allow-unsigned", "--json", code=0)
    status = slate.json("stack", "status")
    assert status["allow_unsigned"]
    client = await nats.connect(**status["nats_connect"])
    session_id = new_id()
    try:
        body = {"projectId": looping["id"], "driver": "process", "env": {"A": "1"}}
        start = f"slate.container.start.{session_id}"
        reply = await ask(client, start, json.dumps(body).encode())
        assert "error" not in reply, reply
        await_status(slate, session_id, "running")
        reply = await ask(client, f"slate.container.stop.{session_id}", b"{}")
        assert "error" not in reply, reply
    finally:
        await client.close()
    assert slate.json("session", "stop", session_id, "--wait")["status"] == "stopped"
