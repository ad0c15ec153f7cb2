"""Bad envelopes and bodies against a real broker, a real database and an agent.

Each is refused with its code, and nothing else happens.
"""

from __future__ import annotations

import asyncio
import base64
import json
import time
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest
from nats.errors import NoRespondersError

from slate_desktop.agent import service
from slate_desktop.agent.callers import Gate
from slate_desktop.domain.roles import Role
from slate_desktop.domain.session import SessionStatus
from slate_desktop.wire.envelope import ALL_HEADERS, sign_request
from slate_desktop.wire.keys import SigningKey
from tests.integration.bad_input_world import BadInputWorld, Headers, code_and_field
from tests.services.nats import AGENT_ID, RealNats
from tests.services.postgres import PostgresDsn

pytestmark = [pytest.mark.nats, pytest.mark.postgres]
Mutation = Callable[[Headers], Headers]
NIL = "00000000-0000-0000-0000-000000000000"


@pytest.fixture
async def world(
    nats: RealNats, postgres_dsn: PostgresDsn, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[BadInputWorld]:
    world = BadInputWorld(nats, postgres_dsn, tmp_path)

    def gate(*arguments: object, **options: object) -> Gate:
        world.gate = Gate(*arguments, **options)  # type: ignore[arg-type]
        return world.gate

    monkeypatch.setattr(service, "Gate", gate)
    await world.open()
    try:
        await world.begin()
        yield world
    finally:
        await world.close()


def put(name: str, value: str) -> Mutation:
    return lambda headers: headers | {name: value}


def change(name: str, how: Callable[[str], str]) -> Mutation:
    return lambda headers: headers | {name: how(headers[name])}


def without(name: str) -> Mutation:
    return lambda headers: {key: value for key, value in headers.items() if key != name}


def flip_bit(signature: str) -> str:
    data = bytearray(base64.urlsafe_b64decode(signature + "=="))
    data[7] ^= 1
    return base64.urlsafe_b64encode(data).decode().rstrip("=")


def later(ms: int) -> Callable[[str], str]:
    return lambda text: str(int(text) + ms)


ENVELOPES: list[tuple[int, str, Mutation, tuple[str, str | None]]] = [
    (1, "no headers", lambda _: {}, ("unsigned", None)),
    *((1, f"without {n}", without(n), ("unsigned", n)) for n in ALL_HEADERS),
    (2, "version 2", put("Slate-V", "2"), ("bad_request", "version")),
    (2, "version empty", put("Slate-V", ""), ("bad_request", "version")),
    (3, "bit flipped", change("Slate-Sig", flip_bit), ("bad_signature", "Slate-Sig")),
    (3, "truncated", change("Slate-Sig", lambda s: s[:-1]), ("bad_signature", "Slate-Sig")),
    (3, "not base64", put("Slate-Sig", "!" * 86), ("bad_signature", "Slate-Sig")),
    (3, "not ASCII", put("Slate-Sig", "é" * 86), ("bad_signature", "Slate-Sig")),
    (5, "wrong CRC", change("Slate-Key", lambda k: k[:20] + ("A" if k[20] != "A" else "B")
                            + k[21:]), ("bad_key", "key")),
    (5, "account key", change("Slate-Key", lambda k: "A" + k[1:]), ("bad_key", "key")),
    (5, "lower case", change("Slate-Key", str.lower), ("bad_key", "key")),
    (5, "55 characters", change("Slate-Key", lambda k: k[:-1]), ("bad_key", "key")),
    (5, "57 characters", change("Slate-Key", lambda k: k + "A"), ("bad_key", "key")),
    (7, "12 digits", change("Slate-Iat", lambda t: t[:12]), ("bad_request", "time")),
    (7, "14 digits", change("Slate-Exp", lambda t: t + "0"), ("bad_request", "time")),
    (7, "negative", change("Slate-Iat", lambda t: "-" + t[1:]), ("bad_request", "time")),
    (7, "an hour", change("Slate-Exp", later(3_590_000)), ("bad_request", "ttl")),
    (10, "other agent", put("Slate-Aud", "nobody-knows-it"), ("wrong_audience", "Slate-Aud")),
]  # fmt: skip


@pytest.mark.parametrize("number", sorted({case[0] for case in ENVELOPES}))
async def test_bad_envelope_is_refused(world: BadInputWorld, number: int) -> None:
    for _, name, mutate, expected in (case for case in ENVELOPES if case[0] == number):
        for operation, session in (("start", world.idle), ("stop", world.running)):
            headers = mutate(world.envelope(operation, session.id, b"{}"))
            reply = await world.send(f"slate.container.{operation}.{session.id}", b"{}", headers)
            assert code_and_field(reply) == expected, (name, reply)
    await world.assert_untouched()


async def test_signature_of_something_else_is_refused(world: BadInputWorld) -> None:
    """Rows 3 and 4: another body, another operation, another session."""
    start, stop = f"slate.container.start.{world.idle.id}", "slate.container.stop."
    headers = world.envelope("start", world.idle.id, b"{}")
    for subject, body, signed in (
        (start, b'{"cpus": 1}', headers),
        (start, b"", headers),
        (stop + world.running.id, b"{}", world.envelope("restart", world.running.id, b"{}")),
        (stop + world.running.id, b"{}", world.envelope("stop", world.idle.id, b"{}")),
    ):
        reply = await world.send(subject, body, signed)
        assert code_and_field(reply) == ("bad_signature", "Slate-Sig"), (subject, body)
    await world.assert_untouched()


async def test_unknown_and_revoked_key_are_refused(world: BadInputWorld) -> None:
    """Row 6. The broker admits the connection; the agent knows whose key it is."""
    other = world.nats.other_user
    reply = await world.ask("start", world.idle.id, key=other, bus=await world.other_bus())
    assert reply["error"]["code"] == "forbidden"
    user = await world.db.users.create("other", other.public)
    await world.db.users.revoke(user.id)
    reply = await world.ask("start", world.idle.id, key=other, bus=await world.other_bus())
    assert reply["error"]["code"] == "revoked"
    await world.assert_untouched()


async def test_time_that_is_wrong_is_refused(world: BadInputWorld) -> None:
    """Row 7, with envelopes that are signed well."""
    now_ms = time.time_ns() // 1_000_000
    for signed_at, code in ((now_ms - 15_000, "expired"), (now_ms + 60_000, "future")):
        reply = await world.tell("start", world.idle.id, b"{}", now_ms=signed_at)
        assert code_and_field(reply)[0] == code
        assert reply["error"]["retry"] == "resign"
        assert abs(reply["error"]["now_ms"] - now_ms) < 30_000
    await world.assert_untouched()


async def test_same_envelope_twice_has_one_effect(world: BadInputWorld) -> None:
    """Rows 8 and 12: the envelope again; the same key with another body."""
    subject = f"slate.container.start.{world.idle.id}"
    headers = world.envelope("start", world.idle.id, b"{}", idem="once")
    first = await world.send(subject, b"{}", headers)
    if first.get("status") == "starting":
        # A busy machine answers before the end, and keeps the answer at the end.
        first = await world.tell("start", world.idle.id, b"{}", idem="once")
    assert first["status"] == "running", first
    await world.until_messages(world.idle.id, ["hello"])
    await world.remember()
    assert code_and_field(await world.send(subject, b"{}", headers))[0] == "replay"
    signed_again = world.envelope("start", world.idle.id, b"{}", idem="once")
    assert await world.send(subject, b"{}", signed_again) == first
    reply = await world.tell("start", world.idle.id, {"cpus": 1}, idem="once")
    assert code_and_field(reply) == ("idempotency_mismatch", "idem")
    await world.assert_untouched()


async def test_captured_envelope_is_stale_after_a_restart(world: BadInputWorld) -> None:
    """Row 9."""
    headers = world.envelope("start", world.idle.id, b"{}")
    await world.end_agent()
    await world.start_agent()
    await world.remember()
    reply = await world.send(f"slate.container.start.{world.idle.id}", b"{}", headers)
    assert code_and_field(reply)[0] == "stale_signature"
    await world.assert_untouched()


async def test_any_is_refused_where_no_group_answers(world: BadInputWorld) -> None:
    """Row 10."""
    for operation in ("stop", "restart", "execute", "stats"):
        reply = await world.tell(operation, world.running.id, b"{}", audience="any")
        assert code_and_field(reply)[0] == "wrong_audience"
    await world.assert_untouched()


async def test_answer_never_goes_astray(world: BadInputWorld) -> None:
    """Row 11: nothing reaches a stream's API, an event's subject or somebody else's inbox."""
    streams = world.observer.jetstream()
    async with asyncio.timeout(30):  # the agent makes it
        while "ASSETS" not in [s.config.name for s in await streams.streams_info()]:  # noqa: ASYNC110
            await asyncio.sleep(0.05)
    await world.remember()
    me, other = world.nats.user.public, world.nats.other_user.public
    replies = [
        f"slate.runtime.{world.project.id}.{world.idle.id}.status",
        "$JS.API.STREAM.DELETE.ASSETS", "$JS.API.STREAM.PURGE.ASSETS", "$JS.ACK.x",
        f"_INBOX_{other}.x", f"_INBOX_{me}", f"_INBOX_{me}.a.b.c.d", f"_INBOX_{me}.a.b.c.d.e",
        "_R_.x", f"slate.agent.{AGENT_ID}.heartbeat", f"slate.container.stop.{world.running.id}",
    ]  # fmt: skip
    subject = f"slate.container.start.{world.idle.id}"
    for reply in replies:
        for headers in (world.envelope("start", world.idle.id, b"{}"), {}):
            is_inbox_of_anyone = not headers and reply.startswith("_INBOX_")
            if is_inbox_of_anyone:
                continue
            before = world.gate.bad_replies + len(world.violations)
            await world.person.publish(subject, b"{}", reply=reply, headers=headers)
            async with asyncio.timeout(20):
                while world.gate.bad_replies + len(world.violations) == before:  # noqa: ASYNC110
                    await asyncio.sleep(0.01)
        assert await world.heard(reply) == 0, reply
    # Two of them the broker itself does not carry as a reply subject.
    assert all("$js.ack.x" in text or "_r_.x" in text for text in world.violations)
    assert (await world.db.sessions.get(world.idle.id)).version == world.idle.version
    assert (await streams.stream_info("ASSETS")).config.name == "ASSETS"


async def test_no_reply_is_served_only_where_no_answer_is_needed(world: BadInputWorld) -> None:
    """Row 11, empty reply: a start happens, an execution does not."""
    body = json.dumps({"command": ["true"]}).encode()
    headers = world.envelope("execute", world.running.id, body)
    await world.person.publish(f"slate.container.execute.{world.running.id}", body, headers=headers)
    headers = world.envelope("start", world.idle.id, b"{}")
    await world.person.publish(f"slate.container.start.{world.idle.id}", b"{}", headers=headers)
    await world.until_status(world.idle.id, SessionStatus.RUNNING)
    assert world.gate.bad_replies == 1
    assert "execute" not in {method for method, _ in world.engine.calls}


async def test_hundred_requests_with_one_key_have_one_effect(world: BadInputWorld) -> None:
    """Row 13."""
    replies = await asyncio.gather(
        *(world.tell("start", world.idle.id, b"{}", idem="hundred") for _ in range(100))
    )
    good = [reply for reply in replies if "error" not in reply]
    codes = {reply["error"]["code"] for reply in replies if "error" in reply}
    assert good
    assert all(reply == good[0] for reply in good)
    assert codes <= {"in_progress"}
    assert (await world.db.sessions.get(world.idle.id)).attempt == 1
    assert len(world.engine.runtimes()) == 2


BODIES = {
    "empty": b"", "brackets": b"[" * 60_000, "5,000 digits": b'{"cpus": ' + b"1" * 5000 + b"}",
    "NaN": b'{"cpus": NaN}', "Infinity": b'{"cpus": Infinity}', "1e999": b'{"cpus": 1e999}',
    "duplicate keys": b'{"cpus": 1, "cpus": 1}', "BOM": b"\xef\xbb\xbf{}",
    "invalid UTF-8": b'{"image": "\xff"}', "lone surrogate": b'{"image": "\\ud800"}',
    "NUL": b'{"image": "a\\u0000"}', "array": b"[]",
}  # fmt: skip


async def test_unsound_body_is_refused(world: BadInputWorld) -> None:
    """Row 14, for every operation."""
    for name, body in BODIES.items():
        for operation in ("start", "stop", "execute"):
            session = world.idle if operation == "start" else world.running
            reply = await world.tell(operation, session.id, body)
            assert code_and_field(reply) == ("bad_request", "body"), (name, operation, reply)
    for operation in ("start", "stop", "restart", "execute", "stats"):
        reply = await world.tell(operation, world.running.id, {"unheard": 1})
        assert code_and_field(reply)[0] == "bad_request", operation
        body = b'{"a": "' + b"x" * (65 * 1024) + b'"}'
        reply = await world.tell(operation, world.running.id, body)
        assert code_and_field(reply) == ("too_large", "body"), operation
    reply = await world.tell("start", world.idle.id, b"[" * 100_000)
    assert code_and_field(reply) == ("too_large", "body")
    await world.assert_untouched()


async def test_bad_session_id_is_refused(world: BadInputWorld) -> None:
    """Row 15: what the broker carries at all; no client of ours would send it."""
    for name in ("*", ">", "..", "a.b", "é", "-a", "_a", "a" * 65, "a" * 2000, ""):
        subject = f"slate.container.stop.{name}"
        headers = world.envelope("stop", "x", b"{}")
        try:
            msg = await world.person.request(subject, b"{}", timeout=1, headers=headers)
        except (NoRespondersError, TimeoutError):
            continue  # the broker lets nobody hear it
        assert code_and_field(json.loads(msg.data))[0] == "bad_request", name
    for name in ("submit", "cancel", "*", "a.b", "", "é", "a" * 65, "a\n", 5):
        reply = await world.tell("start", world.idle.id, {"projectId": name})
        assert code_and_field(reply) == ("bad_request", "project_id"), name
    await world.assert_untouched()


async def test_what_is_not_the_callers_is_not_found(world: BadInputWorld) -> None:
    """Rows 15a and 16: valid ids of nobody; deleted; another project's session."""
    deleted = await world.new_session()
    await world.db.sessions.delete(deleted.id)
    stranger = await world.db.users.create("stranger", SigningKey.generate().public)
    foreign = await world.new_session(await world.add_project(stranger))
    own = await world.add_project(world.user)
    await world.remember()
    operations = ("start", "stop", "restart", "execute", "stats")
    for session_id in ("NOBODY", world.idle.id.upper(), NIL, deleted.id, foreign.id):
        for operation in operations:
            body = {"command": ["true"]} if operation == "execute" else {}
            reply = await world.tell(operation, session_id, body)
            assert code_and_field(reply) == ("not_found", "session_id"), (session_id, operation)
    reply = await world.tell("start", world.idle.id, {"projectId": own.id})
    assert code_and_field(reply)[0] == "not_found"
    reply = await world.tell("start", world.idle.id, {"userId": stranger.id})
    assert code_and_field(reply) == ("forbidden", "user_id")
    await world.assert_untouched()


async def test_command_that_does_not_fit_the_state_is_refused(world: BadInputWorld) -> None:
    """Row 17."""
    reply = await world.tell("start", world.running.id, b"{}")
    assert code_and_field(reply)[0] == "illegal_state"
    await world.assert_untouched()
    await world.stop_running()
    await world.remember()
    reply = await world.tell("execute", world.running.id, {"command": ["true"]})
    assert code_and_field(reply)[0] == "illegal_state"
    reply = await world.tell("stop", world.running.id, b"{}")
    assert reply["status"] == "stopped"
    assert await world.published() == []


async def test_bad_request_for_a_line_is_refused(world: BadInputWorld) -> None:
    """Rows 1, 10, 14, 15a and 16, for the one request that is no command."""
    subject, line = f"slate.agent.{AGENT_ID}.request", {"type": "log", "message": "mine"}
    good = json.dumps(line | {"sessionId": world.running.id}).encode()
    stranger = await world.db.users.create("stranger", SigningKey.generate().public)
    foreign = await world.new_session(await world.add_project(stranger))
    await world.remember()
    count = 0

    async def ask(body: bytes, *, sent: bytes | None = None, audience: str = AGENT_ID) -> object:
        nonlocal count
        count += 1
        now_ms = time.time_ns() // 1_000_000
        headers = sign_request(
            world.nats.user, subject, body, audience=audience, idem=f"l{count}", now_ms=now_ms
        )
        return code_and_field(await world.send(subject, sent or body, headers))

    assert code_and_field(await world.send(subject, good, {}))[0] == "unsigned"
    assert await ask(good, audience="any") == ("wrong_audience", "Slate-Aud")
    assert await ask(good, sent=good.replace(b"mine", b"mint")) == ("bad_signature", "Slate-Sig")
    for body in BODIES.values():
        assert await ask(body) in {("bad_request", "body"), ("bad_request", "type")}, body
    for session_id in ("NOBODY", foreign.id):
        body = json.dumps(line | {"sessionId": session_id}).encode()
        assert await ask(body) == ("not_found", "session_id")
    assert (await world.db.logs.page(world.running.id, grep="min")).lines == []
    await world.assert_untouched()


async def test_role_that_is_too_low_is_refused(world: BadInputWorld) -> None:
    """Row 18."""
    other = await world.db.users.create("other", world.nats.other_user.public)
    bus = await world.other_bus()
    body = {"command": ["true"]}
    ask = world.ask
    reply = await ask("execute", world.running.id, body, key=world.nats.other_user, bus=bus)
    assert reply["error"]["code"] == "not_found"
    await world.db.projects.set_member(world.project.id, other.id, Role.VIEWER)
    await world.remember()
    for operation in ("start", "stop", "restart", "execute"):
        session = world.idle if operation == "start" else world.running
        asked = body if operation == "execute" else {}
        reply = await ask(operation, session.id, asked, key=world.nats.other_user, bus=bus)
        assert reply["error"]["code"] == "forbidden", operation
    await world.assert_untouched()
