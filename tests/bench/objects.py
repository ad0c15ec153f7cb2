"""Download of an object: our checked reader against ``ObjectStore.get`` of nats-py."""

from __future__ import annotations

import asyncio
import hashlib
import os
import time
from pathlib import Path
from tempfile import TemporaryDirectory

import nats

from slate_desktop.bus.nats_bus import NatsBus
from slate_desktop.bus.nats_objects import NatsObjects
from tests.bench.harness import Result, alternate
from tests.services.nats import RealNats

SIZE = 48 * 1024**2


async def run() -> list[Result]:
    result = Result(
        name="object download, 48 MiB, to a file with its digest checked",
        peer="nats-py ObjectStore.get(name)",
        unit="MiB/s",
        goal=30.0,
    )
    with TemporaryDirectory(prefix="slate-bench-") as folder:
        directory = Path(folder)
        server = RealNats(directory / "nats")
        server.start()
        try:
            await _compare(result, server, directory)
        finally:
            server.stop()
    result.show()
    return [result]


async def _compare(result: Result, server: RealNats, directory: Path) -> None:
    data = os.urandom(SIZE)
    sha256 = hashlib.sha256(data).hexdigest()
    bus = await NatsBus.connect(server.url, seed=server.anyone.seed, name="bench")
    client = await nats.connect(server.url, nkeys_seed_str=server.anyone.seed)
    store = NatsObjects(bus)
    await store.ensure()
    await store.put(data)
    peer_store = await client.jetstream().object_store("slate")
    # The peer gets the chunks that its own client would have made.
    await peer_store.put("theirs", data)

    async def peer() -> float:
        begin = time.perf_counter()
        await asyncio.wait_for(peer_store.get("theirs"), 300)
        return SIZE / 1024**2 / (time.perf_counter() - begin)

    async def peer_into_a_file() -> float:
        begin = time.perf_counter()
        with (directory / "peer").open("wb") as file:
            await asyncio.wait_for(peer_store.get("theirs", writeinto=file), 300)
        return SIZE / 1024**2 / (time.perf_counter() - begin)

    async def ours() -> float:
        begin = time.perf_counter()
        await store.get(sha256, SIZE, directory / "ours")
        return SIZE / 1024**2 / (time.perf_counter() - begin)

    try:
        await ours()
        await alternate(result, peer, ours, rounds=3)
        result.note = (
            f"get(writeinto=file), which not everybody knows: {await peer_into_a_file():.0f} MiB/s"
        )
    finally:
        await client.close()
        await bus.aclose()
