"""Bad input that only a real engine can answer: images, ports, mounts, GPU, executions, logs.

Afterwards the engine has no container and no network of the refused session.
"""

from __future__ import annotations

import asyncio
import socket
import time
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import docker
import pytest

from slate_desktop.domain.project import Project
from slate_desktop.domain.session import RuntimeSession, SessionStatus
from tests.integration.docker_world import DockerWorld
from tests.services.nats import RealNats
from tests.services.ports import free_port
from tests.services.postgres import PostgresDsn

pytestmark = [pytest.mark.nats, pytest.mark.postgres, pytest.mark.docker]
S = SessionStatus
HOLD = "echo up; exec sleep 600"
NO_DIGEST = "sha256:" + "0" * 64


class RefusingWorld(DockerWorld):
    """Counts what the engine has for a session."""

    client: docker.APIClient

    def counted(self, session_id: str) -> tuple[int, int]:
        """Return how many containers and networks a session has."""
        filters = {"label": [f"slate.session={session_id}"]}
        containers = self.client.containers(all=True, filters=filters)
        return len(containers), len(self.client.networks(filters=filters))

    def images(self, *names: str) -> list[str]:
        """Return the images of these names; others on the engine are made by other tests."""
        return [image["Id"] for name in names for image in self.client.images(name)]

    async def refused(self, session: RuntimeSession, body: dict[str, Any]) -> tuple[str, str]:
        """Start a session that cannot start; return the code and whether it may pass."""
        reply = await self.ask("start", session.id, body)
        if "error" not in reply:
            # The engine took longer than an answer may: the row says it then.
            row = await self.until_status(session.id, S.FAILED, 30)
            assert self.counted(session.id) == (0, 0), body
            return row.error_code or "", ""
        assert self.counted(session.id) == (0, 0), body
        row = await self.db.sessions.get(session.id)
        assert row.status in (S.CREATING, S.FAILED)
        if row.status is S.FAILED:
            assert row.error_code == reply["error"]["code"]
        return reply["error"]["code"], reply["error"]["retry"]

    async def plain_session(self, project: Project | None = None) -> RuntimeSession:
        """Make a session of the small image, without a network."""
        if project is None:
            return await self.new_container(HOLD)
        image, tag = self.image.split(":")
        config = {"image": image, "tag": tag, "memory": "64m", "networkMode": "none"}
        return await self.new_session(project, container_config=config)


def below(root: Path) -> list[Path]:
    return sorted(root.rglob("*"))


@pytest.fixture
async def world(
    nats: RealNats,
    postgres_dsn: PostgresDsn,
    docker_engine: str,
    base_image: str,
    tmp_path: Path,
) -> AsyncIterator[RefusingWorld]:
    world = RefusingWorld(nats, postgres_dsn, tmp_path)
    world.url, world.image = docker_engine, base_image
    world.client = docker.APIClient(base_url=docker_engine, version="auto")
    await world.open()
    try:
        await world.sweep()
        await world.start_docker_agent()
        yield world
    finally:
        await world.close()
        await world.sweep()
        world.client.close()


@pytest.fixture
def taken_port() -> Iterator[int]:
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server.getsockname()[1]


async def test_image_that_cannot_be_used_is_refused(world: RefusingWorld) -> None:
    """Rows 19 and 20."""
    session = await world.plain_session()
    for body, expected in (
        ({"image": "evil.example.org/x"}, ("image_denied", "never")),
        ({"image": f"{world.image}@{NO_DIGEST}"}, ("image_denied", "never")),
        ({"image": f"slate-tests/none@{NO_DIGEST}"}, ("image_missing", "never")),
        ({"image": "slate-tests/none"}, ("image_missing", "never")),
    ):
        assert await world.refused(session, body) == expected, body
    assert world.images("evil.example.org/x", "slate-tests/none") == []


async def test_registry_that_is_away_may_be_tried_later(world: RefusingWorld) -> None:
    """Row 20."""
    await world.end_agent()
    await world.start_docker_agent(registry_url="http://127.0.0.1:9")
    session = await world.plain_session()
    body = {"image": "127.0.0.1:9/slate/none", "pull": True}
    reply = await world.ask("start", session.id, body)
    row = await world.until_status(session.id, S.FAILED, 30)
    assert row.error_code == "docker_error"
    if "error" in reply:
        assert (reply["error"]["code"], reply["error"]["retry"]) == ("docker_error", "later")
    assert world.counted(session.id) == (0, 0)


async def test_limits_beyond_the_host_are_refused(world: RefusingWorld) -> None:
    """Rows 21, 22 and 31."""
    session = await world.plain_session()
    cpus = world.client.info()["NCPU"]
    for body, code in (
        ({"memory": "1m"}, "limit_denied"),
        ({"memory": "999g"}, "limit_denied"),
        ({"cpus": cpus + 1}, "limit_denied"),
        ({"gpu": True}, "gpu_unavailable"),
    ):
        assert await world.refused(session, body) == (code, "never"), body
    assert (await world.db.sessions.get(session.id)).version == session.version


async def test_port_in_use_is_a_conflict(world: RefusingWorld, taken_port: int) -> None:
    """Row 24: taken by a program, then by another session's container."""
    session = await world.plain_session()
    body: dict[str, Any] = {"ports": {"8080": taken_port}, "networkMode": "bridge"}
    assert (await world.refused(session, body))[0] == "port_conflict"
    body["ports"] = {"8080": free_port()}
    first, second = await world.plain_session(), await world.plain_session()
    reply = await world.ask("start", first.id, body)
    assert "error" not in reply, reply
    await world.until_status(first.id, S.RUNNING, 30)
    assert (await world.refused(second, body))[0] == "port_conflict"
    assert (await world.db.sessions.get(first.id)).status is S.RUNNING
    assert world.counted(first.id) == (1, 1)


async def test_mount_that_leads_out_is_denied(world: RefusingWorld) -> None:
    """Row 25, sources that only this host can judge; nothing is made on it."""
    project = await world.add_project(world.user, command=["sh", "-c", HOLD])
    other = await world.add_project(world.user)
    root = Path(project.root)
    (root / "file").write_text("x")
    (root / "assets").mkdir()
    (root / "out").symlink_to("/")
    (root / "sibling").symlink_to(other.root)
    (root / "assets" / "up").symlink_to("..")
    before = below(root)
    session = await world.plain_session(project)
    for host in (
        "/", "/etc", "/var/run/docker.sock", "/proc/1/root", "/proc/self/root", "/home", "/root",
        other.root, f"{root}/../{Path(other.root).name}", "./out", "./out/etc", "./sibling",
        "./assets/up", "./assets/up/assets", "./missing", "./missing/deep", "./file", "./file/x",
        "assets", str(root) + "x",
    ):  # fmt: skip
        body = {"volumes": [{"host": host, "container": "/data"}]}
        assert await world.refused(session, body) == ("mount_denied", "never"), host
    assert below(root) == before
    assert (await world.db.sessions.get(session.id)).version == session.version


async def test_link_that_a_container_planted_is_not_followed(world: RefusingWorld) -> None:
    """Row 25: the runtime itself turns its writable directory into a way out."""
    script = "ln -s / /data/evil && mkdir /data/good && echo planted; exec sleep 600"
    project = await world.add_project(world.user, command=["sh", "-c", script])
    data = Path(project.root) / "data"
    data.mkdir()
    data.chmod(0o777)
    image, tag = world.image.split(":")
    config = {"image": image, "tag": tag, "memory": "64m", "networkMode": "none"} | {
        "volumes": [{"host": "./data", "container": "/data"}]
    }
    planter = await world.new_session(project, container_config=config)
    await world.run(planter.id)
    async with asyncio.timeout(20):
        while "planted" not in await world.messages(planter.id):  # noqa: ASYNC110
            await asyncio.sleep(0.05)
    assert (data / "evil").is_symlink()
    victim = await world.plain_session(project)
    for host in ("./data/evil", "./data/evil/etc", f"{data}/evil/root"):
        body = {"volumes": [{"host": host, "container": "/x"}]}
        assert await world.refused(victim, body) == ("mount_denied", "never"), host


async def test_mount_target_of_the_system_is_denied(world: RefusingWorld) -> None:
    """Row 26."""
    session = await world.plain_session()
    for targets in (("/",), ("/proc",), ("/etc/passwd",), ("data",), ("/a", "/a"), ("/a", "/a/b")):
        volumes = [{"host": ".", "container": target} for target in targets]
        assert await world.refused(session, {"volumes": volumes}) == ("mount_denied", "never")


async def test_executions_end_as_they_should(world: RefusingWorld) -> None:
    """Row 32, on a running container."""
    session = await world.plain_session()
    await world.run(session.id)

    async def execute(*argv: str, timeout_s: float = 30) -> dict[str, Any]:
        body = {"command": list(argv), "timeout": timeout_s}
        return await world.ask("execute", session.id, body)

    assert (await execute("no-such-program"))["exit_code"] in (126, 127)
    assert (await execute("/etc/hostname"))["exit_code"] in (126, 127)
    assert (await execute("cat"))["stdout"] == ""
    reply = await execute("sleep", "7651", timeout_s=1)
    assert reply["error"]["code"] == "exec_timeout"
    left = await execute("sh", "-c", "cat /proc/[0-9]*/cmdline | tr '\\0' ' '")
    assert "sleep 7651" not in left["stdout"]
    assert (await world.db.sessions.get(session.id)).status is S.RUNNING


async def test_endless_output_is_cut(world: RefusingWorld) -> None:
    """Row 32: a great deal of output costs neither the agent nor the caller."""
    session = await world.plain_session()
    await world.run(session.id)
    body = {"command": ["head", "-c", "1000000000", "/dev/zero"], "timeout": 60}
    began = time.monotonic()
    async with asyncio.timeout(60):
        reply = await world.ask("execute", session.id, body, idem="big")
        while reply.get("error", {}).get("code") == "in_progress":
            await asyncio.sleep(0.3)
            reply = await world.ask("execute", session.id, body, idem="big")
    assert reply.get("exit_code") == 0, (reply, time.monotonic() - began)
    assert reply["truncated"]
    assert len(reply["stdout"]) <= 512 * 1024


async def test_hostile_lines_are_stored_as_text(world: RefusingWorld) -> None:
    """Row 70: a line of 10 MB, NUL, invalid UTF-8, ANSI, mark-up, no newline at the end."""
    script = (
        "printf 'nul \\000 end\\n'; printf 'bad \\377\\376 bytes\\n'; printf '\\033[31mred\\n';"
        " echo '<b>bold</b><img src=file:///etc/passwd>';"
        " head -c 10000000 /dev/zero | tr '\\0' a; echo; printf tail"
    )
    session = await world.new_container(script)
    await world.ask("start", session.id)
    row = await world.until(session.id, lambda r: r.is_final, 60)
    assert (row.status, row.log_complete) == (S.STOPPED, True)
    messages = await world.messages(session.id)
    assert messages[1] == "bad \ufffd\ufffd bytes"
    assert messages[2] == "\x1b[31mred"
    assert messages[3] == "<b>bold</b><img src=file:///etc/passwd>"
    assert messages[-1] == "tail"
    assert "\x00" not in "".join(messages)
    assert sum(message.count("a") for message in messages[4:-1]) == 10_000_000
    assert max(map(len, messages)) <= 64 * 1024
