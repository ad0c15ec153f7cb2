"""How a server's broker becomes one of a cluster, and what keeps the cluster whole.

::

    two further brokers have joined, and the server is started anew:
        new certificate → streams to files, by the broker as it was → broker of the cluster
        → (the others start, and a leader is there) → streams from the files, replicated
    from then on: what is not replicated is made so; brokers that were removed leave the cluster

A nats-server that begins a cluster does not take over the streams that it had alone: it removes
them. That is why they go by way of files, and why nobody is admitted until they are back.
"""

from __future__ import annotations

import asyncio
import json
import logging
import shutil
import ssl
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from slate_desktop.bus.nats_bus import NatsBus
from slate_desktop.bus.nats_objects import NatsObjects
from slate_desktop.bus.nats_queue import NatsQueue
from slate_desktop.bus.permissions import Permissions, inbox_prefix
from slate_desktop.bus.port import Bus
from slate_desktop.bus.queue import ASSETS, BUILDS
from slate_desktop.errors import AgentOfflineError, SlateError, StackError
from slate_desktop.server import streams
from slate_desktop.server.broker import make_broker
from slate_desktop.server.cluster_members import (
    CLUSTER_SIZE,
    Broker,
    forget_broker,
    present,
    read_brokers,
)
from slate_desktop.server.config import ServerConfig, ServerFiles
from slate_desktop.server.setup import renew_certificate
from slate_desktop.settings import files
from slate_desktop.stack.nats_server import NatsUser
from slate_desktop.wire.keys import SigningKey

logger = logging.getLogger(__name__)

_BLOCK_BYTES = 256 * 1024
_ASK_TIMEOUT_S = 5.0
_POLL_S = 0.5
_CONNECT_ATTEMPTS = 20
# https://github.com/nats-io/nats-server/blob/main/server/errors.json
_NOT_A_PEER = 10044
_PEER_REMOVE = "$JS.API.SERVER.REMOVE"


def wants_to_begin(server_files: ServerFiles) -> bool:
    """Tell whether there are brokers enough, and the cluster is not there yet."""
    count = 1 + len(present(read_brokers(server_files.brokers)))
    return count >= CLUSTER_SIZE and not server_files.clustered.exists()


def is_moving(server_files: ServerFiles) -> bool:
    """Tell whether streams lie in files that the cluster has not got yet."""
    return _moving(server_files).exists()


async def begin(server_files: ServerFiles, config: ServerConfig) -> None:
    """Put the streams into files, and have the broker be one of the cluster when it starts.

    Raises:
        StackError: the broker as it was does not start, or does not hand out a stream; nothing
            was changed.
    """
    await asyncio.to_thread(renew_certificate, server_files, config)
    moving = _moving(server_files)
    half = moving.with_name("moving.part")
    await asyncio.to_thread(shutil.rmtree, half, ignore_errors=True)
    files.ensure_private_dir(half)
    store = server_files.nats / "store"
    if store.exists():
        key = SigningKey.generate()
        user = NatsUser(public_key=key.public, permissions=streams.operator_permissions(key.public))
        broker = make_broker(server_files, config, [user])
        await broker.start()
        try:
            bus = await connect(server_files, config, key, "slate-cluster")
            try:
                for name in await streams.stream_names(bus):
                    await _write(half / f"{name}.stream", bus, name)
            finally:
                await bus.aclose()
        finally:
            await broker.stop()
        kept = store.with_name("store-before-cluster")
        await asyncio.to_thread(shutil.rmtree, kept, ignore_errors=True)
        half.rename(moving)
        store.rename(kept)
    else:
        half.rename(moving)
    files.write_private(server_files.clustered, b"")
    logger.info("the cluster begins", extra={"streams": len(list(moving.iterdir()))})


async def finish_moving(server_files: ServerFiles, bus: Bus) -> None:
    """Wait until the cluster has a leader, and give it the streams.

    Raises:
        StackError: the cluster does not take a stream; the files stay.
    """
    moving = _moving(server_files)
    is_told = False
    while not await _has_leader(bus):
        if not is_told:
            logger.warning("waiting for the cluster's other brokers")
            is_told = True
        await asyncio.sleep(_POLL_S)
    known = await streams.stream_names(bus)
    for path in sorted(moving.glob("*.stream")):
        if path.stem in known:
            # It broke off in the middle the last time.
            await _ask(bus, f"$JS.API.STREAM.DELETE.{path.stem}", {})
        await streams.restore(bus, path.stem, _blocks(path), replicas=CLUSTER_SIZE)
        logger.info("stream is in the cluster", extra={"stream": path.stem})
    await make_streams(bus)
    await asyncio.to_thread(shutil.rmtree, moving)
    kept = server_files.nats / "store-before-cluster"
    await asyncio.to_thread(shutil.rmtree, kept, ignore_errors=True)


async def make_streams(bus: Bus) -> None:
    """Make what agents make where there is no cluster, on three brokers; raises ``SlateError``.

    One that is made alone and replicated later has its consumers replicated half a minute later.
    """
    for spec in (ASSETS, BUILDS):
        await NatsQueue(bus, spec, replicas=CLUSTER_SIZE).ensure()
    await NatsObjects(bus, replicas=CLUSTER_SIZE).ensure()


async def replicate(bus: Bus) -> list[str]:
    """Have every stream on three brokers; returns those that were not, by name.

    Raises:
        SlateError: the cluster has no leader now, or refuses.
    """
    changed = []
    for name in await streams.stream_names(bus):
        config = (await _ask(bus, f"$JS.API.STREAM.INFO.{name}", {}))["config"]
        if int(config.get("num_replicas", 1)) < CLUSTER_SIZE:
            config["num_replicas"] = CLUSTER_SIZE
            await _ask(bus, f"$JS.API.STREAM.UPDATE.{name}", config)
            changed.append(name)
    return changed


async def lagging(bus: Bus) -> dict[str, list[str]]:
    """Return the brokers that lack something of a stream, by the stream's name.

    One that the cluster has not chosen yet is called ``?``.
    """
    found: dict[str, list[str]] = {}
    for name in await streams.stream_names(bus):
        info = await _ask(bus, f"$JS.API.STREAM.INFO.{name}", {})
        replicas = (info.get("cluster") or {}).get("replicas") or []
        late = [r["name"] for r in replicas if not r.get("current") or r.get("offline")]
        late += ["?"] * (CLUSTER_SIZE - 1 - len(replicas))
        if late:
            found[name] = sorted(late)
    return found


async def let_go(bus: Bus, server_files: ServerFiles, broker: Broker) -> None:
    """Take a removed broker out of the cluster; needs the system account.

    Raises:
        SlateError: the cluster has no leader now, or refuses; it is tried again.
    """
    try:
        await _ask(bus, _PEER_REMOVE, {"peer": broker.place.name})
    except streams.RefusedError as exc:
        if exc.number != _NOT_A_PEER:
            raise
    await asyncio.to_thread(forget_broker, server_files.brokers, broker.place.name)
    logger.info("broker has left the cluster", extra={"broker": broker.place.name})


def system_user(key: SigningKey) -> NatsUser:
    """Return the server's own login in the system account: it removes peers."""
    permissions = Permissions(publish=(_PEER_REMOVE,), subscribe=(f"{inbox_prefix(key.public)}.>",))
    return NatsUser(public_key=key.public, permissions=permissions)


async def connect(
    server_files: ServerFiles, config: ServerConfig, key: SigningKey, name: str
) -> NatsBus:
    """Connect to the server's own broker.

    Raises:
        SlateError: it does not answer.
    """
    ca = files.read_private(server_files.authority_certificate).decode("ascii")
    context = ssl.create_default_context(cadata=ca)
    for attempt in range(_CONNECT_ATTEMPTS):
        try:
            return await NatsBus.connect(
                config.nats_url, seed=key.seed, name=name, tls=context, is_tls_first=True
            )
        except SlateError:
            # The name may not lead here yet, as it does just after a host has started.
            if attempt == _CONNECT_ATTEMPTS - 1:
                raise
            await asyncio.sleep(_POLL_S)
    raise AssertionError("unreachable")


def _moving(server_files: ServerFiles) -> Path:
    return server_files.nats / "moving"


async def _has_leader(bus: Bus) -> bool:
    try:
        await _ask(bus, "$JS.API.STREAM.NAMES", {})
    except SlateError:
        return False
    return True


async def _write(path: Path, bus: Bus, stream: str) -> None:
    file = await asyncio.to_thread(path.open, "xb")
    try:
        async for block in streams.snapshot(bus, stream):
            await asyncio.to_thread(file.write, block)
    finally:
        await asyncio.to_thread(file.close)


def _blocks(path: Path) -> Iterator[bytes]:
    with path.open("rb") as file:
        while block := file.read(_BLOCK_BYTES):
            yield block


async def _ask(bus: Bus, subject: str, body: dict[str, Any]) -> dict[str, Any]:
    data = json.dumps(body).encode() if body else b""
    try:
        reply = await bus.request(subject, data, timeout_s=_ASK_TIMEOUT_S)
    except (TimeoutError, AgentOfflineError) as exc:
        raise StackError("The cluster has no leader now.") from exc
    answer = json.loads(reply.data or b"{}")
    streams.raise_for(answer, subject)
    return answer
