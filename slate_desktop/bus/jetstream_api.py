"""Questions to the broker's own API of streams and consumers.

While the broker reads its configuration anew, as it does whenever somebody joins, leaves or becomes
a member, it has no API for some milliseconds, and says that nobody answers.
"""

from __future__ import annotations

import asyncio
import json
from typing import Any

from slate_desktop.bus.port import Bus, Message
from slate_desktop.errors import AgentOfflineError, EnvironmentFaultError

PREFIX = "$JS.API."
# So long nobody need answer before it counts; a reload takes some milliseconds of processor time.
_AWAY_S = 1.5
_PAUSE_S = 0.05


async def ask_api(bus: Bus, call: str, data: bytes, *, timeout_s: float) -> Message:
    """Ask ``$JS.API.<call>``, again while the broker reads its configuration.

    Raises:
        AgentOfflineError: the broker has no JetStream, or no leader for it.
        NotConnectedError: it is away.
        TimeoutError: no answer in time.
    """
    loop = asyncio.get_running_loop()
    end_s = loop.time() + _AWAY_S
    while True:
        try:
            return await bus.request(f"{PREFIX}{call}", data, timeout_s=timeout_s)
        except AgentOfflineError:
            # It was not taken: nobody was there.
            if loop.time() >= end_s:
                raise
            await asyncio.sleep(_PAUSE_S)


def read_answer(data: bytes) -> dict[str, Any]:
    """Return what a broker said.

    Raises:
        EnvironmentFaultError: it is no JSON.
    """
    try:
        answer = json.loads(data)
    except ValueError as exc:
        raise EnvironmentFaultError("The broker's answer cannot be read.") from exc
    return answer if isinstance(answer, dict) else {}


def code_of(answer: dict[str, Any]) -> int | None:
    """Return the number of a refusal, None where it is none."""
    error = answer.get("error")
    return int(error.get("err_code", 0)) if isinstance(error, dict) else None
