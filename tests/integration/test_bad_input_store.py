"""Bad input for builds and for the database's address, on a real PostgreSQL."""

from __future__ import annotations

import asyncio
import time
from typing import Any

import pytest

from slate_desktop.domain.build import BuildStatus
from slate_desktop.errors import CommandError, DatabaseError
from slate_desktop.store.database import Database
from tests.integration.store_rows import make_project, make_session
from tests.services.listening import stop_listening
from tests.services.postgres import PostgresDsn, RealPostgres

pytestmark = pytest.mark.postgres

BUILDS: list[tuple[dict[str, Any], str]] = [
    *(({"target_platform": value}, "target_platform") for value in ("amiga", "", "Linux", 5)),
    *(({"build_type": value}, "build_type") for value in ("debug", "", "PRODUCTION", None)),
    *(
        ({"options": {name: value}}, "options")
        for name in ("parallelJobs", "parallel_jobs")
        for value in (0, -1, 10**9, 1.5, "8", True, None)
    ),
    *(({"options": value}, "options") for value in ([], "x", {"a": float("nan")}, {"a": "\0"})),
    *(
        ({"source_commit": value}, "source_commit")
        for value in ("--upload-pack=x", "$(x)", "a" * 41, "abc", "", "g" * 40, "abcdef0\n", 5)
    ),
]


async def test_bad_build_is_refused(database: Database) -> None:
    """Row 35."""
    project_id, user_id = await make_project(database)
    good: dict[str, Any] = {"build_type": "development", "target_platform": "linux"}
    for fields, field in BUILDS:
        with pytest.raises(CommandError) as caught:
            await database.builds.create(project_id=project_id, user_id=user_id, **(good | fields))
        assert (caught.value.code, caught.value.field) == ("bad_request", field), fields
    assert await database.builds.list() == []
    made = await database.builds.create(
        project_id=project_id,
        user_id=user_id,
        source_commit="0123abc",
        options={"parallelJobs": 8, "clean": True},
        **good,
    )
    assert made.source_commit == "0123abc"


async def test_bad_progress_changes_nothing(database: Database) -> None:
    """Rows 35 and 36: what cannot be progress is refused, what goes back is not taken."""
    project_id, user_id = await make_project(database)
    build = await database.builds.create(
        project_id=project_id, user_id=user_id, build_type="staging", target_platform="webgl"
    )
    await database.builds.update(build.id, status=BuildStatus.BUILDING, progress=40)
    for progress in (-1, 101, 10**9, float("nan"), float("inf"), "5", True, 40.5):
        with pytest.raises(CommandError) as caught:
            await database.builds.update(build.id, progress=progress)  # pyright: ignore[reportArgumentType]
        assert (caught.value.code, caught.value.field) == ("bad_request", "progress"), progress
    assert (await database.builds.update(build.id, progress=39)).progress == 40
    await database.builds.update(build.id, status=BuildStatus.COMPLETED)
    with pytest.raises(CommandError) as caught:
        await database.builds.update(build.id, progress=50)
    assert caught.value.code == "illegal_state"
    assert (await database.builds.get(build.id)).progress == 100


async def test_text_that_cannot_be_stored_is_refused(database: Database) -> None:
    """NUL and lone surrogates: a refusal, and the connection serves on."""
    project_id, user_id = await make_project(database)
    for text in ("a\0b", "\ud800"):
        for config in ({"env": {"A": text}}, {text: 1}):
            with pytest.raises(CommandError) as caught:
                await database.sessions.create(
                    project_id=project_id,
                    user_id=user_id,
                    runtime_type="custom",
                    container_config=config,
                )
            assert caught.value.code == "bad_request"
        with pytest.raises(CommandError):
            await database.projects.add(name=text, owner_id=user_id, root="/x", engine="custom")
    assert await database.sessions.list() == []


async def test_read_only_server_is_named(postgres: RealPostgres, postgres_dsn: PostgresDsn) -> None:
    """Row 74: a standby is readable, and says why it cannot be written."""
    async with await Database.connect(postgres_dsn) as db:
        session_id = await make_session(db)
    name = str(postgres_dsn).split("/")[3].split("?")[0]
    postgres.execute(f"alter database {name} set default_transaction_read_only = on")
    async with await Database.connect(postgres_dsn) as db:
        assert (await db.sessions.get(session_id)).id == session_id
        with pytest.raises(DatabaseError, match="read-only"):
            await db.sessions.delete(session_id)
        assert db.is_available


@pytest.mark.parametrize("greeting", [b"", b"SSH-2.0-OpenSSH\r\n", b"\xff" * 1000])
async def test_another_service_on_the_port_is_refused_in_time(greeting: bytes) -> None:
    """Row 73, for PostgreSQL."""

    async def serve(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(greeting)
        writers.append(writer)

    writers: list[asyncio.StreamWriter] = []
    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    began = time.monotonic()
    with pytest.raises(DatabaseError):
        await Database.connect(f"postgresql://u:p@127.0.0.1:{port}/slate")
    assert time.monotonic() - began < 15
    for writer in writers:
        writer.close()
    await stop_listening(server)


@pytest.mark.parametrize(
    "dsn",
    [
        "slate",
        "mysql://u@h/d",
        "postgresql://[::1/d",
        "postgresql://u:p@127.0.0.1:0/d",
        "postgresql://u:p@127.0.0.1:99999/d",
        "postgresql://u:p@no-such-host.invalid/d",
    ],
)
async def test_address_that_cannot_be_used_is_an_error_of_ours(dsn: str) -> None:
    """Row 73: also where no settings file was asked first."""
    began = time.monotonic()
    with pytest.raises(DatabaseError):
        await Database.connect(dsn)
    assert time.monotonic() - began < 15
