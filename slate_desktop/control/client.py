"""``Slate``: one connection to a profile's broker and database, and every operation on it.

::

    async with await Slate.connect() as slate:
        project = await slate.add_project("~/games/pong")
        session = await slate.create_runtime_session(project.id)
        await slate.start_container(session.id, wait=True)

No Qt is imported here: scripts, the command line and the window use the same object.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
from collections.abc import Callable, Coroutine
from types import TracebackType
from typing import Any, Self

from slate_desktop.bus.attested import VerifiedBus
from slate_desktop.bus.nats_bus import NatsBus
from slate_desktop.bus.port import Bus, ConnectionState
from slate_desktop.control.agent_keys import DatabaseAgentKeys
from slate_desktop.control.alerts import AlertOperations
from slate_desktop.control.assets import AssetOperations
from slate_desktop.control.audit import AuditOperations
from slate_desktop.control.build_presets import BuildPresetOperations
from slate_desktop.control.build_results import BuildOperations
from slate_desktop.control.events import BuildEvent, Events
from slate_desktop.control.hosts import HostOperations
from slate_desktop.control.limits import LimitOperations
from slate_desktop.control.log_policies import LogPolicyOperations
from slate_desktop.control.members import MemberOperations
from slate_desktop.control.profiles import Endpoint, resolve
from slate_desktop.control.projects import ProjectOperations
from slate_desktop.control.quotas import QuotaOperations
from slate_desktop.control.requests import Requester
from slate_desktop.control.scope import ProjectScope
from slate_desktop.domain.project import User
from slate_desktop.errors import SettingsError
from slate_desktop.settings import joined
from slate_desktop.store import CachedReads, Database
from slate_desktop.store.cache import Cache, make_cache
from slate_desktop.wire.events import StatusEvent
from slate_desktop.wire.keys import SigningKey

logger = logging.getLogger(__name__)

_CLOSE_TIMEOUT_S = 6.0


class Slate(
    AlertOperations,
    ProjectOperations,
    LimitOperations,
    LogPolicyOperations,
    BuildOperations,
    BuildPresetOperations,
    AssetOperations,
    AuditOperations,
    MemberOperations,
    HostOperations,
    QuotaOperations,
):
    """A connected client; make one with ``Slate.connect``.

    Attributes:
        bus: the connection to the broker.
        db: the database.
        cache: what keeps reads for 30 s.
        reads: sessions and builds through the cache.
        events: what agents tell.
        user: who this client is.
        profile: the profile's name, ``local`` for the embedded stack.
        scope: on a server that is shared, which projects are heard of.
    """

    def __init__(
        self,
        *,
        bus: Bus,
        db: Database,
        cache: Cache,
        user: User,
        key: SigningKey,
        profile: str = "local",
    ) -> None:
        self.bus = bus
        self.db = db
        self.cache = cache
        self.reads = CachedReads(db, cache)
        self.user = user
        self.profile = profile
        self.requester = Requester(bus, key)
        self.events = Events(bus, self._on_row_changed, self._on_build_event)
        # Before anybody who reads again when the broker is back.
        bus.on_state(lambda now: self.reads.note_hearing(now is ConnectionState.CONNECTED))
        self.scope: ProjectScope | None = None
        self._copies = {}
        self._is_closed = False

    @classmethod
    async def connect(
        cls, profile: str | None = None, *, on_step: Callable[[str, str], None] | None = None
    ) -> Self:
        """Connect to a profile; ``local`` attaches to the embedded stack or starts it.

        Args:
            profile: ``local``, ``remote``, a joined server, or None for what the settings name.
            on_step: called with a part (``nats``, ``database``, ``agent``) and its state
                (``starting``, ``ready``, ``failed``, ``off``) while the stack starts.

        Raises:
            StackError: the embedded stack does not start.
            SettingsError: the profile lacks an address or a key, or nobody knows the key.
            NotConnectedError: the broker does not answer.
            DatabaseError: the database does not answer, or its schema is of another version.
        """
        return await cls.connect_to(await resolve(profile, on_step=on_step))

    @classmethod
    async def connect_to(cls, endpoint: Endpoint) -> Self:
        """Connect to what ``profiles.resolve`` found; raises like ``connect``."""
        key = SigningKey.from_seed(endpoint.seed)
        find_url: Callable[[], str | None] | None = None
        async with contextlib.AsyncExitStack() as stack:
            if endpoint.profile == "local":
                from slate_desktop.stack import client

                stack.callback(client.release)
                find_url = client.nats_address
            cache = make_cache(endpoint.redis_url)
            stack.push_async_callback(cache.aclose)
            name = f"slate-client-{os.getpid()}"
            nats, db = await _connect_both(
                NatsBus.connect(
                    endpoint.nats_url,
                    seed=endpoint.seed,
                    name=name,
                    tls=endpoint.tls(),
                    is_tls_first=endpoint.is_tls_first,
                    allow_plaintext=endpoint.allow_plaintext,
                    find_url=find_url,
                ),
                Database.connect(endpoint.database_url, application_name=name),
            )
            stack.push_async_callback(db.aclose)
            stack.push_async_callback(nats.aclose)
            bus = VerifiedBus(nats, DatabaseAgentKeys(db))
            await db.check_schema()
            user = await _who_am_i(db, key)
            if endpoint.is_shared:
                await _note_brokers(db, endpoint.profile)
            slate = cls(bus=bus, db=db, cache=cache, user=user, key=key, profile=endpoint.profile)
            if endpoint.is_shared:
                await slate.events.open(())
                slate.scope = ProjectScope(db, slate.events, user.id)
                slate.on_projects_changed(slate.scope.look_soon)
                await slate.scope.start()
            else:
                await slate.events.open()
            stack.pop_all()
        return slate

    async def aclose(self) -> None:
        """Close everything; bounded in time, and one part that hangs keeps none open."""
        if self._is_closed:
            return
        self._is_closed = True
        try:
            if self.scope is not None:
                await _close_part(self.scope.aclose)
            parts = (self._close_asset_sandbox, self.bus.aclose, self.db.aclose, self.cache.aclose)
            for close in parts:
                await _close_part(close)
        finally:
            if self.profile == "local":
                from slate_desktop.stack import client

                client.release()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self.aclose()

    async def _until_heard(self, project_id: str) -> None:
        if self.scope is not None:
            await self.scope.until_heard(project_id)

    def _is_shared(self) -> bool:
        return self.scope is not None

    async def _on_row_changed(self, event: StatusEvent) -> None:
        await self.reads.invalidate_session(event.session_id)

    async def _on_build_event(self, event: BuildEvent) -> None:
        await self.reads.invalidate_build(event.job_id)
        self._builds_changed.emit(event.project_id)


async def _connect_both(
    connecting_bus: Coroutine[Any, Any, NatsBus], connecting_db: Coroutine[Any, Any, Database]
) -> tuple[NatsBus, Database]:
    """Connect to both at once; when one fails, or this is cancelled, the other is closed."""
    bus = asyncio.create_task(connecting_bus, name="connect-bus")
    db = asyncio.create_task(connecting_db, name="connect-database")
    try:
        await asyncio.wait({bus, db}, return_when=asyncio.FIRST_EXCEPTION)
    finally:
        if not (_is_connected(bus) and _is_connected(db)):
            for task in (bus, db):
                task.cancel()
            await asyncio.wait({bus, db})
            for task in (bus, db):
                if _is_connected(task):
                    await _close_part(task.result().aclose)
    for task in (bus, db):
        if not task.cancelled():
            task.result()
    return bus.result(), db.result()


def _is_connected(task: asyncio.Task[Any]) -> bool:
    return task.done() and not task.cancelled() and task.exception() is None


async def _close_part(close: Callable[[], Coroutine[Any, Any, None]]) -> None:
    """Close one part; one that hangs or fails keeps no other from being closed."""
    try:
        async with asyncio.timeout(_CLOSE_TIMEOUT_S):
            await close()
    except Exception as error:  # noqa: BLE001 - the boundary of a connection that ends
        logger.warning("not closed in order", extra={"reason": str(error) or type(error).__name__})


async def _note_brokers(db: Database, profile: str) -> None:
    """Keep where all of the server's brokers are, for a start while one of them is away."""
    urls = await db.brokers.urls()
    with contextlib.suppress(SettingsError):
        await asyncio.to_thread(joined.note_brokers, joined.directory_of(profile), urls)


async def _who_am_i(db: Database, key: SigningKey) -> User:
    """Return the person whose key this is.

    Raises:
        SettingsError: nobody has registered it, or it was withdrawn.
    """
    user = await db.users.get_by_pubkey(key.public)
    if user is None:
        raise SettingsError(
            f"The database knows nobody with the key {key.public}.",
            hint="Ask the administrator to register it.",
        )
    if user.revoked_at is not None:
        raise SettingsError(
            f"The key {key.public} was withdrawn.", hint="Ask the administrator for a new one."
        )
    return user
