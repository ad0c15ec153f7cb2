"""What somebody inside a container tries: other sessions, the host, more rights, more room."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from slate_desktop.agent.drivers.docker import DockerDriver
from slate_desktop.errors import CommandError, ErrorCode
from tests.integration.docker_runtimes import Make, driver, greeting_service, make, ready, sh

pytestmark = [pytest.mark.docker, pytest.mark.timeout(120)]
__all__ = ["driver", "make"]


@pytest.fixture
def hosts_service() -> Iterator[int]:
    """Somebody who listens on this host's loopback, as everything of the embedded stack does."""
    with greeting_service("127.0.0.1", b"the host's own\n") as port:
        yield port


# The image has no tool for sockets but the shell itself.
LISTEN = (
    "my $s = IO::Socket::INET->new(LocalPort => 7777, Listen => 5, ReuseAddr => 1);"
    'while (my $c = $s->accept) { print $c "hello\n"; close $c }'
)
REACH = "timeout 3 bash -c 'exec 3<>/dev/tcp/{host}/{port} && head -c 5 <&3' 2>/dev/null || echo no"


async def test_sessions_cannot_meet_nor_reach_the_hosts_services(
    driver: DockerDriver, make: Make, docker_engine: str, hosts_service: int
) -> None:
    one, two = await ready(driver, make()), await ready(driver, make())
    address = await sh(driver, one, "hostname -i | cut -d' ' -f1")
    if not address:
        pytest.skip("containers have no network here: not on this platform")
    gateway = await sh(driver, two, "awk '$2==\"00000000\" {print $3}' /proc/net/route | head -1")
    listening = "perl -MIO::Socket::INET -e '" + LISTEN + "' >/dev/null 2>&1 &"
    await sh(driver, one, listening)
    near, far = REACH.format(host=address, port=7777), REACH.format(host=address, port=7777)
    assert await sh(driver, one, f"for i in $(seq 50); do {near} | grep hello && break; done") == (
        "hello"
    )
    assert await sh(driver, two, far) == "no"
    host = ".".join(str(int(gateway[at : at + 2], 16)) for at in (6, 4, 2, 0))
    for place in (host, "127.0.0.1"):
        assert await sh(driver, two, REACH.format(host=place, port=hosts_service)) == "no", place


@pytest.mark.skipif(
    not hasattr(os, "geteuid") or os.geteuid() != 0, reason="not on this platform: not root"
)
async def test_a_setuid_program_gives_no_rights(
    driver: DockerDriver, make: Make, tmp_path: Path
) -> None:
    root = tmp_path / "project"
    spec = make()
    # A copy of the image's own `id` that belongs to root and asks for root's rights.
    first = await ready(driver, spec)
    data = await driver.execute(first, ["sh", "-c", "base64 -w0 /usr/bin/id"], 30)
    import base64

    program = root / "id"
    program.write_bytes(base64.b64decode(data.stdout))
    os.chown(program, 0, 0)
    program.chmod(0o4755)
    assert program.stat().st_mode & 0o4000
    assert await sh(driver, first, "/app/project/id -u") == await sh(driver, first, "id -u")
    assert await sh(driver, first, "/app/project/id -u") != "0"


async def test_files_in_memory_are_bounded(driver: DockerDriver, make: Make) -> None:
    handle = await ready(driver, make())
    script = "dd if=/dev/zero of=/tmp/bomb bs=1M count=600 2>/dev/null; stat -c %s /tmp/bomb"
    assert int(await sh(driver, handle, script)) <= 256 * 1024**2
    assert await sh(driver, handle, "rm /tmp/bomb; echo alive") == "alive"


async def test_an_image_with_another_digest_is_refused(
    driver: DockerDriver, make: Make, base_image: str
) -> None:
    with pytest.raises(CommandError) as caught:
        await driver.create(make(digest=f"sha256:{'0' * 64}"))
    assert caught.value.code in (ErrorCode.IMAGE_DENIED, ErrorCode.IMAGE_MISSING)
    assert "digest" in str(caught.value)
