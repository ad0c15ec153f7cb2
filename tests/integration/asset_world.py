"""A real agent that processes assets, and a client with a person's rights."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest

from slate_desktop.bus.queue import ASSETS
from slate_desktop.control.client import Slate
from slate_desktop.control.job_requests import publish_job
from slate_desktop.domain.assets.job import AssetInput, AssetJob
from slate_desktop.domain.assets.kinds import AssetKind
from slate_desktop.domain.assets.product import Product
from slate_desktop.domain.assets.report import result_from_json
from slate_desktop.domain.ids import new_id
from slate_desktop.store import Database
from slate_desktop.store.cache import MemoryCache
from slate_desktop.wire.asset_messages import AssetJobBody, write_asset_job
from tests.integration.agent_world import AgentWorld
from tests.services.nats import RealNats
from tests.services.postgres import PostgresDsn

CUBE = "\n".join(
    [f"v {x} {y} {z}" for x in (0, 1) for y in (0, 1) for z in (0, 1)]
    + ["f 1 2 4 3", "f 5 7 8 6", "f 1 5 6 2", "f 3 4 8 7", "f 1 3 7 5", "f 2 6 8 4"]
)


class AssetWorld(AgentWorld):
    """An agent that processes assets, and a client with a person's rights."""

    slate: Slate

    async def open(self) -> None:
        await super().open()
        self.person = await Database.connect(self.dsn.user, application_name="person")
        self.slate = self.client("local")

    def client(self, profile: str) -> Slate:
        return Slate(
            bus=self.bus,
            db=self.person,
            cache=MemoryCache(),
            user=self.user,
            key=self.nats.user,
            profile=profile,
        )

    async def close(self) -> None:
        await self.slate._close_asset_sandbox()
        await self.person.aclose()
        await super().close()

    @property
    def root(self) -> Path:
        return Path(self.project.root)

    def write(self, name: str, data: str | bytes = CUBE) -> Path:
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data.encode() if isinstance(data, str) else data)
        return path

    async def process(self, name: str | Path, **more: Any) -> AssetJob:
        job = await self.slate.process_asset(name, self.project.id, **more)
        return await self.slate.wait_asset_job(job.id)

    async def submit_unchecked(self, path: str, kind: AssetKind, options: dict[str, object]) -> str:
        """Sign a job as a client that checks nothing would."""
        entry = AssetInput(name=path, path=path, sha256="0" * 64, size=1)
        body = AssetJobBody(
            job_id=new_id(),
            project_id=self.project.id,
            kind=kind,
            path=path,
            inputs=[entry],
            options=options,
            key=new_id().replace("-", "").ljust(64, "0"),
            out_dir=None,
            time_limit_s=30,
        )
        envelope = self.slate.requester.sign_job(
            ASSETS.subject(kind.value), write_asset_job(body), job_id=body.job_id
        )
        fields = msgspec.structs.asdict(body)
        await self.person.asset_jobs.create(user_id=self.user.id, envelope=envelope, **fields)
        await publish_job(self.bus, ASSETS, kind.value, body.job_id, envelope)
        return body.job_id

    async def until_delivered(self, job: AssetJob) -> AssetJob:
        async with asyncio.timeout(30):
            while True:
                job = await self.slate.get_asset_job(job.id)
                if job.delivered_at is not None:
                    return job
                await asyncio.sleep(0.02)


def products_of(job: AssetJob) -> tuple[Product, ...]:
    assert job.result is not None
    return result_from_json(job.result).products


def digests(job: AssetJob) -> list[str]:
    return [product.sha256 for product in products_of(job)]


async def until(condition: Callable[[], bool], timeout_s: float = 30) -> None:
    async with asyncio.timeout(timeout_s):
        while not condition():  # noqa: ASYNC110
            await asyncio.sleep(0.02)


@pytest.fixture(name="world")
async def asset_world(
    nats: RealNats, postgres_dsn: PostgresDsn, tmp_path: Path
) -> AsyncIterator[AssetWorld]:
    """An agent that takes two assets at once."""
    made = AssetWorld(nats, postgres_dsn, tmp_path)
    await made.open()
    await made.start_agent(asset_slots=2)
    yield made
    await made.close()
