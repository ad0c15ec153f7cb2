"""A worker process for tests that kill, pause and cut it off: its addresses as JSON.

The work is cheap and honest: it writes its product in two halves, so that a half file would show.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import logging
import sys
from pathlib import Path

import msgspec

from slate_desktop.agent.audit import AuditTrail
from slate_desktop.agent.jobs import asset_files, attempt
from slate_desktop.agent.jobs.admission import Admission
from slate_desktop.agent.jobs.port import Progress
from slate_desktop.agent.jobs.worker import Worker
from slate_desktop.agent.retry import until_database_answers
from slate_desktop.agent.tasks import TaskOwner
from slate_desktop.bus.nats_bus import NatsBus
from slate_desktop.bus.nats_queue import NatsQueue
from slate_desktop.bus.queue import ASSETS
from slate_desktop.domain.assets.product import Product
from slate_desktop.domain.jobs import Lease, Outcome
from slate_desktop.errors import NotConnectedError
from slate_desktop.store import Database
from slate_desktop.store.asset_jobs import AssetOutcome
from tests.integration.job_world import ScriptedKind

LEASE_S = 2.0
# Something dies every second here, so that one job of hundreds may meet it more often than a
# healthy one ever would; what kills its workers by itself is given up in test_jobs.py.
MOST_ATTEMPTS = 12
SPEC = msgspec.structs.replace(ASSETS, ack_wait_s=LEASE_S)


class WritingKind(ScriptedKind):
    """Makes one product and publishes it after the commit."""

    def __init__(self, db: Database, root: Path) -> None:
        super().__init__(db, self._write)
        self._root = root
        self._made: dict[str, tuple[Product, Path]] = {}

    async def _write(
        self, lease: Lease, directory: Path, progress: Progress, cancel: asyncio.Event
    ) -> Outcome:
        data = f"{lease.job.id} {lease.attempt}\n".encode() * 2000
        path = directory / "product"
        with path.open("wb") as file:
            file.write(data[: len(data) // 2])
            file.flush()
            progress(0.5, "half")
            await asyncio.sleep(0.06)
            file.write(data[len(data) // 2 :])
        product = Product(
            path=f"{lease.job.id}.bin",
            role="primary",
            format="bin",
            size=len(data),
            sha256=hashlib.sha256(data).hexdigest(),
        )
        self._made[lease.job.id] = (product, path)
        result = AssetOutcome(result={"sha256": product.sha256}, products=(product,))
        return Outcome.completed(result)

    async def after_finish(self, lease: Lease, outcome: Outcome, directory: Path) -> None:
        product, path = self._made.pop(lease.job.id)
        await asyncio.to_thread(asset_files.deliver, {product: path}, self._root, "out")
        await self.store.note_delivery(lease.job.id)


async def connected(options: dict[str, str]) -> NatsBus:
    """Return a connection to the broker, which may be cut off or dead just now."""
    while True:
        try:
            return await NatsBus.connect(
                options["nats"], seed=options["seed"], name=options["owner"]
            )
        except NotConnectedError:
            await asyncio.sleep(0.2)


async def run(options: dict[str, str]) -> None:
    bus = await connected(options)
    db = await until_database_answers(
        lambda: Database.connect(options["database"], application_name=options["owner"])
    )
    attempt.MAX_ATTEMPTS = MOST_ATTEMPTS
    worker = Worker(
        WritingKind(db, Path(options["root"])),
        NatsQueue(bus, SPEC),
        ("audio",),
        bus=bus,
        admission=Admission(db),
        audit=AuditTrail(db, options["owner"], TaskOwner("audit")),
        owner=options["owner"],
        directory=Path(options["work"]),
        slots=2,
        lease_s=LEASE_S,
    )
    await worker.run()


if __name__ == "__main__":
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(name)s %(message)s")
    asyncio.run(run(json.loads(sys.argv[1])))
