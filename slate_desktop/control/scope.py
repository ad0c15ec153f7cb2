"""Which projects a client hears of on a server that several people share.

The broker admits a person to the events of their own projects only, so one subscription for all
would be refused. Membership changes at the server; it is looked at again every few seconds.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging

from slate_desktop.control.events import Events
from slate_desktop.errors import SlateError
from slate_desktop.store import Database

logger = logging.getLogger(__name__)

LOOK_S = 5.0
# Just after a project was added, or a person was let in.
LOOK_SOON_S = 0.5
# The broker learns of a new project within about a second.
_HEARD_WITHIN_S = 5.0
_ASK_S = 0.1


class ProjectScope:
    """Keeps ``events`` at the projects that ``user_id`` is a member of."""

    def __init__(self, db: Database, events: Events, user_id: str) -> None:
        self._db = db
        self._events = events
        self._user_id = user_id
        self._task: asyncio.Task[None] | None = None
        self._soon = asyncio.Event()
        self._looking = asyncio.Lock()

    async def start(self) -> None:
        """Follow what is there now, and what changes from here on."""
        await self._look()
        self._task = asyncio.create_task(self._keep_looking(), name="project-scope")

    def look_soon(self) -> None:
        """Look again at once: a project was added here."""
        self._soon.set()

    async def until_heard(self, project_id: str) -> None:
        """Return once the broker admits to a project's events; after 5 s it goes on without."""
        loop = asyncio.get_running_loop()
        end = loop.time() + _HEARD_WITHIN_S
        while not self._events.hears(project_id) and loop.time() < end:
            await self._look()
            if not self._events.hears(project_id):
                await asyncio.sleep(_ASK_S)

    async def aclose(self) -> None:
        """Stop looking."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait({self._task})
            self._task = None

    async def _keep_looking(self) -> None:
        is_whole = True
        while True:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(LOOK_S if is_whole else LOOK_SOON_S):
                    await self._soon.wait()
            self._soon.clear()
            is_whole = await self._look()

    async def _look(self) -> bool:
        async with self._looking:
            try:
                projects = await self._db.projects.list(member=self._user_id)
                return await self._events.follow([project.id for project in projects])
            except SlateError as exc:
                # Away for a moment: the next look finds it.
                logger.info("projects cannot be looked at", extra={"reason": str(exc)})
                return True
