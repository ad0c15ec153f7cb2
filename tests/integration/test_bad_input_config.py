"""Bad container configurations and commands, signed well, against a real broker and database.

What needs a real engine is in ``test_bad_input_docker.py``.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from slate_desktop.domain.session import SessionStatus
from slate_desktop.errors import CommandError, ErrorCode
from tests.integration.bad_input_world import BadInputWorld, code_and_field
from tests.services.nats import RealNats
from tests.services.postgres import PostgresDsn

pytestmark = [pytest.mark.nats, pytest.mark.postgres]


@pytest.fixture
async def world(
    nats: RealNats, postgres_dsn: PostgresDsn, tmp_path: Path
) -> AsyncIterator[BadInputWorld]:
    world = BadInputWorld(nats, postgres_dsn, tmp_path)
    await world.open()
    try:
        await world.begin()
        yield world
    finally:
        await world.close()


def mount(host: object, container: object = "/data", **more: object) -> dict[str, object]:
    return {"volumes": [{"host": host, "container": container, **more}]}


BAD, LIMIT, DENIED = "bad_request", "limit_denied", "mount_denied"
PORTS: list[Any] = [
    {"0": 8080}, {"8080": 0}, {"8080": -1}, {"65536": 8080}, {"8080": 65536}, {"8080": 99999},
    {"80/sctp": 8080}, {"a": 8080}, {"8080": "a"}, {"80": 8080, "81": 8080},
    {str(port): port for port in range(2000, 2200)},
]  # fmt: skip
SOURCES = [
    "/", "/etc", "/var/run/docker.sock", "/proc/1/root", "/projects/p1/../p2", "relative",
    "/" + "a" * 4097, "",
]  # fmt: skip
TARGETS = ["relative", "/", "/proc", "/etc/passwd", "/a/../b", ".."]
FORBIDDEN = (
    "privileged", "cap_add", "devices", "pid_mode", "security_opt", "userns_mode", "runtime",
    "sysctls", "extra_hosts", "labels", "restart_policy", "user", "entrypoint",
)  # fmt: skip
# Row, the bodies, and the code and field of every one.
STARTS: dict[str, tuple[list[dict[str, Any]], str, str | None]] = {
    "19 image": (
        [{"image": i} for i in ("../x", "UPPER", "x:tag:tag", "a" * 300, "", "a b")], BAD, "image"
    ),
    "21 memory": ([{"memory": m} for m in ("4gg", "4e9", "4 g", None)], BAD, "memory"),
    "21 limit": ([{"memory": m} for m in ("-1", "0", -1, 0, "1m", "999t")], LIMIT, "memory"),
    "21 bandwidth": ([{"bandwidth": b} for b in ("20", 20, "20mb", None)], BAD, "bandwidth"),
    "21 rate": ([{"bandwidth": b} for b in ("0k", "99kbit", "999g")], LIMIT, "bandwidth"),
    "22 cpus": ([{"cpus": "two"}, {"cpus": None}], BAD, "cpus"),
    "22 limit": ([{"cpus": c} for c in (0, -1, 99)], LIMIT, "cpus"),
    "23 ports": ([{"ports": p} for p in PORTS], BAD, "ports"),
    "23 port 22": ([{"ports": {"8080": 22}}, {"ports": {"22": 22}}], "port_denied", "ports"),
    "25 source": ([mount(host) for host in SOURCES], DENIED, "volumes"),
    "26 target": ([mount("./a", target) for target in TARGETS], DENIED, "volumes"),
    "26 doubled and nested": (
        [
            {"volumes": [{"host": "./a", "container": "/x"}, {"host": "./b", "container": second}]}
            for second in ("/x", "/x/", "/x/y")
        ],
        DENIED,
        "volumes",
    ),
    **{f"27 {name}": ([{name: True}], BAD, name) for name in FORBIDDEN},
    "28 network": (
        [{"networkMode": n} for n in ("host", "container:x", "overlay")], BAD, "networkMode"
    ),
    "29 env": (
        [
            {"env": env}
            for env in (
                {"A=B": "x"}, {"": "x"}, {"LD_PRELOAD": "/x.so"},
                {f"A{n}": "x" for n in range(1000)},
            )
        ],
        BAD,
        "env",
    ),
    "29 too large": ([{"env": {"A": "x" * 200 * 1024}}], "too_large", "body"),
    "30 name": ([{"name": n} for n in ("a b", "a/b", "a" * 80)], BAD, "name"),
    "31 gpu": ([{"gpu": True}], "gpu_unavailable", "gpu"),
    "33 grace": ([{"stopGrace": g} for g in (-1, 1e9, "x")], BAD, "stopGrace"),
}  # fmt: skip


async def test_bad_configuration_is_refused(world: BadInputWorld) -> None:
    """Rows 19 to 33, as a start's body."""
    for name, (bodies, code, field) in STARTS.items():
        for body in bodies:
            reply = await world.tell("start", world.idle.id, body)
            assert code_and_field(reply) == (code, field), (name, str(body)[:200])
    await world.assert_untouched()


async def test_bad_stored_configuration_is_refused_too(world: BadInputWorld) -> None:
    """A row that some other program wrote is checked like a request."""
    session = await world.new_session()
    for body in ({"privileged": True}, {"networkMode": "host"}, mount("/etc"), {"memory": "0"}):
        async with world.db.connection() as connection:
            await connection.execute(
                "update slate_runtime_sessions set container_config = $2 where id = $1",
                session.id,
                body,
            )
        await world.remember()
        reply = await world.tell("start", session.id, b"{}")
        assert code_and_field(reply)[0] in (BAD, DENIED, LIMIT), body
        await world.assert_untouched()


async def test_what_is_allowed_in_the_table_is_served(world: BadInputWorld) -> None:
    """Rows 28 and 29: no network; a value with a newline."""
    body = {"networkMode": "none", "env": {"TEXT": "one\ntwo"}}
    reply = await world.tell("start", world.idle.id, body)
    assert reply["status"] == "running", reply
    runtime = next(r for r in world.engine.runtimes() if world.idle.id in r.handle.name)
    assert runtime.spec.config.env == {"TEXT": "one\ntwo"}


async def test_port_that_is_taken_leaves_nothing(world: BadInputWorld) -> None:
    """Row 24, as the agent tells it; the real engine's part is in the docker test."""
    world.engine.ports_in_use.add(18080)
    reply = await world.tell("start", world.idle.id, {"ports": {"8080": 18080}})
    assert code_and_field(reply) == ("port_conflict", "ports")
    row = await world.db.sessions.get(world.idle.id)
    assert (row.status, row.error_code) == (SessionStatus.FAILED, "port_conflict")
    assert [r.handle.labels.session for r in world.engine.runtimes()] == [world.running.id]


COMMANDS: list[Any] = [
    "ls -l", [], [""], ["a"] * 10_000, [5], None, {"a": 1},
]  # fmt: skip


async def test_bad_command_is_refused(world: BadInputWorld) -> None:
    """Row 32, what is refused; and the result of a program that does not exist."""
    for argv in COMMANDS:
        reply = await world.tell("execute", world.running.id, {"command": argv})
        assert code_and_field(reply) == (BAD, "command"), str(argv)[:80]
    for name in ("user", "privileged", "env", "workdir", "stdin"):
        reply = await world.tell("execute", world.running.id, {"command": ["true"], name: "root"})
        assert code_and_field(reply) == (BAD, name)
    for timeout in (0, -1, 601, "x", None, True):
        body = {"command": ["true"], "timeout": timeout}
        reply = await world.tell("execute", world.running.id, body)
        assert code_and_field(reply) == (BAD, "timeout"), timeout
    assert "execute" not in {method for method, _ in world.engine.calls}
    await world.assert_untouched()
    reply = await world.tell("execute", world.running.id, {"command": ["no-such-program"]})
    assert reply["exit_code"] == 127
    reply = await world.tell(
        "execute", world.running.id, {"command": ["sleep", "60"], "timeout": 0.2}
    )
    assert code_and_field(reply)[0] == "exec_timeout"
    await world.assert_untouched()


async def test_bad_grace_is_refused(world: BadInputWorld) -> None:
    """Row 33."""
    for operation in ("stop", "restart"):
        for grace in (-1, 1e9, "x", True):
            reply = await world.tell(operation, world.running.id, {"grace": grace})
            assert code_and_field(reply) == (BAD, "grace"), (operation, grace)
    await world.assert_untouched()


async def test_stats_of_what_does_not_run_are_refused(world: BadInputWorld) -> None:
    """Row 34: stopped, never started, removed, unknown."""
    for session_id, code in (
        (world.idle.id, "not_running"),
        ("nobody", "not_found"),
    ):
        assert code_and_field(await world.tell("stats", session_id, b"{}"))[0] == code
    await world.assert_untouched()
    await world.stop_running()
    await world.remember()
    reply = await world.tell("stats", world.running.id, b"{}")
    assert code_and_field(reply)[0] == "not_running"
    await world.db.sessions.delete(world.running.id)
    reply = await world.tell("stats", world.running.id, b"{}")
    assert code_and_field(reply) == ("not_found", "session_id")
    assert await world.published() == []


async def test_engine_that_fails_is_an_answer_and_not_the_agents_end(world: BadInputWorld) -> None:
    """A missing image and an engine's own error are told with their codes; nothing is left."""
    for error in (
        CommandError(ErrorCode.IMAGE_MISSING, "no such image", field="image"),
        CommandError(ErrorCode.DOCKER_ERROR, "the registry is away"),
    ):
        session = await world.new_session()
        world.engine.faults["create"] = error
        reply = await world.tell("start", session.id, b"{}")
        del world.engine.faults["create"]
        assert code_and_field(reply)[0] == error.code
        row = await world.db.sessions.get(session.id)
        assert (row.status, row.error_code) == (SessionStatus.FAILED, error.code)
    assert len(world.engine.runtimes()) == 1
