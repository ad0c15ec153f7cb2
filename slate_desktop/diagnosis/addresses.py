"""Tests one address of the settings: whether something answers there, and what.

Nothing is saved. A shared cache keeps one key for half a minute, the other servers nothing.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from slate_desktop.errors import DeniedError, EnvironmentFaultError, SettingsError

_TIMEOUT_S = 10.0


def can_test(name: str) -> bool:
    """Whether a setting is an address that can be tested."""
    return name in _TESTS


async def check_address(name: str, values: dict[str, Any]) -> str:
    """Connect to the address of the setting ``name``; returns what answers, in a sentence.

    Args:
        name: of a setting for which ``can_test`` holds.
        values: all settings by name, also those that are not saved yet.

    Raises:
        SlateError: nothing answers, or not as it should.
    """
    if not values.get(name):
        raise SettingsError("There is no address to test.")
    try:
        async with asyncio.timeout(_TIMEOUT_S):
            return await _TESTS[name](values)
    except TimeoutError as exc:
        raise EnvironmentFaultError(
            f"Nothing answers within {_TIMEOUT_S:.0f} s.", hint="Is the address right?"
        ) from exc


async def _nats(values: dict[str, Any]) -> str:
    from slate_desktop.bus.nats_bus import NatsBus
    from slate_desktop.control.profiles import SEED_SECRET, SEED_VARIABLE, Endpoint
    from slate_desktop.settings.secrets import get_secret
    from slate_desktop.wire.keys import SigningKey

    seed = os.environ.get(SEED_VARIABLE, "").strip() or await asyncio.to_thread(
        get_secret, SEED_SECRET
    )
    endpoint = Endpoint(
        profile="remote",
        nats_url=values["nats_url"],
        seed=seed or SigningKey.generate().seed,
        database_url="",
        ca_file=values.get("nats_ca_file"),
        allow_plaintext=bool(values.get("nats_allow_plaintext")),
    )
    try:
        bus = await NatsBus.connect(
            endpoint.nats_url,
            seed=endpoint.seed,
            name="slate-test",
            tls=endpoint.tls(),
            allow_plaintext=endpoint.allow_plaintext,
        )
    except DeniedError:
        if seed:
            raise
        return f"The broker answers. To be let in, put your key's seed into {SEED_VARIABLE}."
    await bus.aclose()
    return "The broker answers, and lets you in."


async def _database(values: dict[str, Any]) -> str:
    from slate_desktop.store.database import Database

    database = await Database.connect(
        values["database_url"], application_name="slate-test", max_size=1
    )
    try:
        await database.check_schema()
    finally:
        await database.aclose()
    return "The database answers, and has the schema of this SLATE."


async def _redis(values: dict[str, Any]) -> str:
    from slate_desktop.store.cache import RedisCache

    cache = RedisCache(values["redis_url"])
    try:
        await cache.put("connection-test", b"1")
        is_kept = await cache.get("connection-test") == b"1"
    finally:
        await cache.aclose()
    if not is_kept:
        raise EnvironmentFaultError("No Redis keeps anything there.", hint="Is the address right?")
    return "Redis answers."


async def _docker(values: dict[str, Any]) -> str:
    from slate_desktop.agent.drivers.docker.driver import DockerDriver

    driver = DockerDriver(values["docker_host"])
    try:
        info = await driver.fingerprint()
    finally:
        await driver.aclose()
    if not info.is_available:
        raise EnvironmentFaultError(info.reason)
    return f"Docker {info.version} answers."


async def _registry(values: dict[str, Any]) -> str:
    """Ask whether a registry speaks the protocol.

    Source: https://distribution.github.io/distribution/spec/api/#api-version-check
    """
    return await asyncio.to_thread(_ask_registry, values["registry_url"])


def _ask_registry(url: str) -> str:
    import http.client
    import ssl

    split = urlsplit(url)
    host, port = split.hostname or "", split.port
    connection = (
        http.client.HTTPSConnection(host, port, timeout=_TIMEOUT_S / 2)
        if split.scheme == "https"
        else http.client.HTTPConnection(host, port, timeout=_TIMEOUT_S / 2)
    )
    try:
        connection.request("GET", f"{split.path.rstrip('/')}/v2/")
        status = connection.getresponse().status
    except (OSError, http.client.HTTPException, ssl.SSLError) as exc:
        raise EnvironmentFaultError(
            f"The registry does not answer: {exc}.", hint="Is the address right?"
        ) from exc
    finally:
        connection.close()
    if status == http.client.UNAUTHORIZED:
        return "The registry answers, and asks for a login."
    if status != http.client.OK:
        raise EnvironmentFaultError(f"What answers there is no registry (HTTP {status}).")
    return "The registry answers."


async def _feed(values: dict[str, Any]) -> str:
    from slate_desktop.control.releases import ask_feed, newer_than_this

    release = await ask_feed(values["update_feed"])
    if release is None:
        return "The feed answers, and names no release."
    if newer_than_this(release):
        return f"The feed answers: {release.version} is newer than this SLATE."
    return f"The feed answers: its newest release is {release.version}."


async def _authority(values: dict[str, Any]) -> str:
    import ssl

    path = Path(values["nats_ca_file"])
    try:
        context = await asyncio.to_thread(ssl.create_default_context, cafile=path)
    except (OSError, ssl.SSLError) as exc:
        raise SettingsError(f"{path} cannot be used: {exc}.") from exc
    count = len(context.get_ca_certs())
    return "It holds 1 certificate." if count == 1 else f"It holds {count} certificates."


_TESTS: dict[str, Callable[[dict[str, Any]], Awaitable[str]]] = {
    "nats_url": _nats,
    "nats_ca_file": _authority,
    "database_url": _database,
    "redis_url": _redis,
    "docker_host": _docker,
    "registry_url": _registry,
    "update_feed": _feed,
}
