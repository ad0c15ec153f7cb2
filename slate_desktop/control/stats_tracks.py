"""The figures of a session that is drawn beside another, without its log."""

from __future__ import annotations

from slate_desktop.control.client import Slate
from slate_desktop.control.live import Lifetime
from slate_desktop.control.stats_history import StatsHistory
from slate_desktop.domain.session import RuntimeSession


class StatsTrack:
    """Follows the samples of one session.

    Attributes:
        session_id: whose.
        history: the last hour, and more where somebody loads it.
    """

    def __init__(self, slate: Slate, session: RuntimeSession) -> None:
        self.session_id = session.id
        self.history = StatsHistory()
        self._project_id = session.project_id
        self._slate = slate
        self._life = Lifetime(f"track.{session.id}")

    async def open(self) -> None:
        """Go live, and read the last hour.

        Raises:
            SlateError: broker or database do not answer.
        """
        self._life.own(
            await self._slate.events.follow_stats(
                self._project_id, self.session_id, self.history.add
            )
        )
        self.history.load(await self._slate.get_stats_history(self.session_id, points=3601))

    async def aclose(self) -> None:
        """End following."""
        await self._life.aclose()
