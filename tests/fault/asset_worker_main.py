"""A worker process with the real work on assets, for tests that kill, pause and cut it off."""

from __future__ import annotations

import asyncio
import json
import logging
import sys
from pathlib import Path

from slate_desktop.agent.audit import AuditTrail
from slate_desktop.agent.jobs import attempt
from slate_desktop.agent.jobs.admission import Admission
from slate_desktop.agent.jobs.assets import AssetWork
from slate_desktop.agent.jobs.worker import Worker
from slate_desktop.agent.retry import until_database_answers
from slate_desktop.agent.tasks import TaskOwner
from slate_desktop.bus.nats_objects import NatsObjects
from slate_desktop.bus.nats_queue import NatsQueue
from slate_desktop.pipeline.sandbox.parent import Sandbox
from slate_desktop.store import Database
from tests.fault.job_worker_main import LEASE_S, MOST_ATTEMPTS, SPEC, connected


async def run(options: dict[str, str]) -> None:
    bus = await connected(options)
    db = await until_database_answers(
        lambda: Database.connect(options["database"], application_name=options["owner"])
    )
    attempt.MAX_ATTEMPTS = MOST_ATTEMPTS
    folder = Path(options["work"])
    async with Sandbox() as sandbox:
        worker = Worker(
            AssetWork(db, NatsObjects(bus), sandbox, folder / "deliveries"),
            NatsQueue(bus, SPEC),
            SPEC.types,
            bus=bus,
            admission=Admission(db),
            audit=AuditTrail(db, options["owner"], TaskOwner("audit")),
            owner=options["owner"],
            directory=folder / "jobs",
            slots=2,
            lease_s=LEASE_S,
        )
        await worker.run()


if __name__ == "__main__":
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(name)s %(message)s")
    asyncio.run(run(json.loads(sys.argv[1])))
