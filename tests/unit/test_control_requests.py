from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping

import pytest

from slate_desktop.bus.port import Message
from slate_desktop.control import requests
from slate_desktop.control.requests import Requester
from slate_desktop.domain.roles import Operation
from slate_desktop.errors import (
    AgentOfflineError,
    CommandError,
    ErrorCode,
    NotConnectedError,
    OutcomeUnknownError,
    Retry,
)
from slate_desktop.wire.envelope import H_IDEM, H_ISSUED, H_NONCE
from slate_desktop.wire.errors import error_to_reply
from slate_desktop.wire.keys import SigningKey
from slate_desktop.wire.messages import StatsReply

NOW_NS = 1_700_000_000_000_000_000
STATS = (
    b'{"cpu_percent":1,"memory_usage":2,"memory_limit":3,"network_rx_bytes":4,'
    b'"network_tx_bytes":5,"sampled_at_ns":6,"age_ms":7}'
)


class Wire:
    """Answers requests from a list; an exception in it is raised."""

    def __init__(self, *answers: bytes | Exception) -> None:
        self.answers = list(answers)
        self.sent: list[Mapping[str, str]] = []

    async def request(self, subject, data, *, headers=None, timeout_s=3.0) -> Message:
        self.sent.append(headers)
        answer = self.answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return Message(subject=subject, data=answer)


def make(*answers) -> tuple[Wire, Requester]:
    wire = Wire(*answers)
    return wire, Requester(wire, SigningKey.generate(), clock_ns=lambda: NOW_NS)  # type: ignore[arg-type]


async def ask(requester: Requester, session_id: str = "s1", body: bytes = b"{}") -> StatsReply:
    return await requester.ask(Operation.STATS, session_id, body, StatsReply, audience="a1")


@pytest.fixture(autouse=True)
def _no_delay(monkeypatch):
    monkeypatch.setattr(requests, "_OFFLINE_RETRY_S", 0)


async def test_answer_is_returned():
    _, requester = make(STATS)
    assert (await ask(requester)).age_ms == 7


@pytest.mark.parametrize("bad", ["", "a.b", "*", ">", "é", "a\n", "-a", "x" * 65])
async def test_bad_id_is_refused_before_anything_is_sent(bad):
    wire, requester = make()
    with pytest.raises(CommandError) as caught:
        await ask(requester, bad)
    assert caught.value.code is ErrorCode.BAD_REQUEST
    assert wire.sent == []


async def test_key_is_reused_after_an_unknown_outcome_and_new_after_an_answer():
    wire, requester = make(TimeoutError(), STATS, STATS)
    with pytest.raises(OutcomeUnknownError) as caught:
        await ask(requester)
    await ask(requester)
    await ask(requester)
    keys = [headers[H_IDEM] for headers in wire.sent]
    assert keys[0] == keys[1] == caught.value.idem
    assert keys[2] != keys[0]


async def test_another_body_is_another_intent():
    wire, requester = make(TimeoutError(), STATS)
    with pytest.raises(OutcomeUnknownError):
        await ask(requester)
    await ask(requester, body=b'{"a":1}')
    assert wire.sent[0][H_IDEM] != wire.sent[1][H_IDEM]


class LossyWire(Wire):
    """The first answer comes only when ``release`` is set."""

    def __init__(self, *answers: bytes | Exception) -> None:
        super().__init__(*answers)
        self.release = asyncio.Event()
        self.both_asked = asyncio.Event()

    async def request(self, subject, data, *, headers=None, timeout_s=3.0) -> Message:
        if self.sent:
            self.both_asked.set()
            return await super().request(subject, data, headers=headers)
        self.sent.append(headers)
        async with asyncio.timeout(timeout_s):
            await self.release.wait()
        return Message(subject=subject, data=LATE)


LATE = STATS.replace(b'"age_ms":7', b'"age_ms":9')


async def test_a_lost_answer_is_asked_for_again_under_the_same_key(monkeypatch):
    monkeypatch.setattr(requests, "_ASK_AGAIN_S", 0.01)
    wire = LossyWire(STATS)
    requester = Requester(wire, SigningKey.generate())  # type: ignore[arg-type]
    assert (await ask(requester)).age_ms == 7
    first, second = wire.sent
    assert first[H_IDEM] == second[H_IDEM]
    assert first[H_NONCE] != second[H_NONCE]


@pytest.mark.parametrize("trouble", [AgentOfflineError("x"), NotConnectedError("x")])
async def test_what_the_second_question_meets_is_not_the_outcome_of_the_first(monkeypatch, trouble):
    monkeypatch.setattr(requests, "_ASK_AGAIN_S", 0.01)
    wire = LossyWire(trouble)
    requester = Requester(wire, SigningKey.generate())  # type: ignore[arg-type]
    asking = asyncio.create_task(ask(requester))
    await wire.both_asked.wait()
    wire.release.set()
    assert (await asking).age_ms == 9
    wire = LossyWire(trouble)
    requester = Requester(wire, SigningKey.generate())  # type: ignore[arg-type]
    with pytest.raises(OutcomeUnknownError):
        await requester.ask(Operation.STOP, "s1", b"{}", StatsReply, audience="a1", timeout_s=0.05)
    assert len(wire.sent) == 2


async def test_a_short_question_is_asked_once():
    wire = LossyWire()
    requester = Requester(wire, SigningKey.generate())  # type: ignore[arg-type]
    with pytest.raises(TimeoutError):
        await requester.send("slate.agent.a1.request", b"{}", StatsReply, "a1", "key", 0.02)
    assert len(wire.sent) == 1


async def test_stale_signature_is_signed_again_once_with_the_agents_clock():
    stale = error_to_reply(
        CommandError(ErrorCode.STALE_SIGNATURE, "old", retry=Retry.RESIGN),
        NOW_NS // 1_000_000 + 30_000,
    )
    wire, requester = make(stale, STATS)
    await ask(requester)
    first, second = wire.sent
    assert first[H_IDEM] == second[H_IDEM]
    assert first[H_NONCE] != second[H_NONCE]
    assert int(second[H_ISSUED]) - int(first[H_ISSUED]) == 30_000
    assert requester.clock_offset_ms == 30_000
    wire.answers = [stale, stale]
    with pytest.raises(CommandError):
        await ask(requester)


async def test_a_clock_that_is_wrong_by_hours_is_not_bridged():
    future = error_to_reply(
        CommandError(ErrorCode.FUTURE, "x", retry=Retry.RESIGN),
        NOW_NS // 1_000_000 + 7_200_000,
    )
    wire, requester = make(future)
    with pytest.raises(CommandError, match="differ by 7200 s"):
        await ask(requester)
    assert len(wire.sent) == 1


async def test_nobody_there_is_asked_once_more():
    wire, requester = make(AgentOfflineError("x"), STATS)
    await ask(requester)
    assert len(wire.sent) == 2
    wire.answers = [AgentOfflineError("x"), AgentOfflineError("x")]
    with pytest.raises(AgentOfflineError):
        await ask(requester)


async def test_a_broker_that_is_away_is_told_at_once():
    wire, requester = make(NotConnectedError("x"))
    with pytest.raises(NotConnectedError):
        await ask(requester)
    assert len(wire.sent) == 1


async def test_error_reply_becomes_an_exception_with_its_code():
    refused = error_to_reply(CommandError(ErrorCode.FORBIDDEN, "no", field="role"))
    assert json.loads(refused)["error"]["code"] == "forbidden"
    _, requester = make(refused)
    with pytest.raises(CommandError) as caught:
        await ask(requester)
    assert (caught.value.code, caught.value.field) == (ErrorCode.FORBIDDEN, "role")
