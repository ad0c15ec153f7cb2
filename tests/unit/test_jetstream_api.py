from __future__ import annotations

import pytest

from slate_desktop.bus import jetstream_api
from slate_desktop.bus.jetstream_api import ask_api
from slate_desktop.bus.port import Message
from slate_desktop.errors import AgentOfflineError, NotConnectedError


class Broker:
    """Has no API for the first ``away`` questions."""

    def __init__(self, away: int, error: Exception) -> None:
        self.away = away
        self.error = error
        self.asked: list[str] = []

    async def request(self, subject, data, *, headers=None, timeout_s=3.0) -> Message:
        self.asked.append(subject)
        if len(self.asked) <= self.away:
            raise self.error
        return Message(subject=subject, data=data)


async def test_it_is_asked_again_while_the_broker_reads_its_configuration() -> None:
    broker = Broker(2, AgentOfflineError("nobody"))
    answer = await ask_api(broker, "STREAM.INFO.x", b"{}", timeout_s=1)  # type: ignore[arg-type]
    assert answer.data == b"{}"
    assert broker.asked == ["$JS.API.STREAM.INFO.x"] * 3


async def test_a_broker_without_streams_is_told_after_a_moment(monkeypatch) -> None:
    monkeypatch.setattr(jetstream_api, "_AWAY_S", 0.1)
    with pytest.raises(AgentOfflineError):
        await ask_api(Broker(99, AgentOfflineError("nobody")), "INFO", b"", timeout_s=1)  # type: ignore[arg-type]


async def test_a_broker_that_is_away_is_told_at_once() -> None:
    broker = Broker(1, NotConnectedError("away"))
    with pytest.raises(NotConnectedError):
        await ask_api(broker, "INFO", b"", timeout_s=1)  # type: ignore[arg-type]
    assert len(broker.asked) == 1
