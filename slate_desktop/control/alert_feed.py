"""Makes notices of alerts, a few for many.

Each rule cools down by itself, in each session. What many rules tell of many sessions at once is
gathered here for a moment, and becomes one notice for a project.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from slate_desktop.control.notices import NoticeLevel, Notices
from slate_desktop.domain.alerts import Alert, AlertKind, alert_words
from slate_desktop.translation import message

GATHER_S = 1.0
# So many alerts of a project within a moment are told one by one.
MAX_SINGLE = 2
_SHOWN = 5


class AlertFeed:
    """Gathers alerts and adds notices.

    Args:
        notices: where they are added.
        name_of: a session's name for people.
        on_told: called after notices were added, to draw the eye to the window.
        gather_s: seconds that alerts are gathered.
    """

    def __init__(
        self,
        notices: Notices,
        name_of: Callable[[str], str],
        on_told: Callable[[], None] = lambda: None,
        *,
        gather_s: float = GATHER_S,
    ) -> None:
        self._notices, self._name_of, self._on_told = notices, name_of, on_told
        self._gather_s = gather_s
        self._waiting: list[Alert] = []
        self._timer: asyncio.TimerHandle | None = None

    def take(self, alert: Alert) -> None:
        """Take an alert; its notice comes in a moment."""
        self._waiting.append(alert)
        if self._timer is None:
            loop = asyncio.get_running_loop()
            self._timer = loop.call_later(self._gather_s, self._tell)

    def close(self) -> None:
        """Tell nothing more."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        self._waiting.clear()

    def _tell(self) -> None:
        self._timer = None
        waiting, self._waiting = self._waiting, []
        projects: dict[str, list[Alert]] = {}
        for alert in waiting:
            projects.setdefault(alert.project_id, []).append(alert)
        for alerts in projects.values():
            if len(alerts) <= MAX_SINGLE:
                for alert in alerts:
                    self._tell_one(alert)
            else:
                self._tell_many(alerts)
        self._on_told()

    def _tell_one(self, alert: Alert) -> None:
        is_end = alert.kind in (AlertKind.EXIT, AlertKind.OOM)
        self._notices.add(
            NoticeLevel.ERROR if is_end else NoticeLevel.WARNING,
            f"{alert.rule_name} – {self._name_of(alert.session_id)}",
            alert.words,
            session_id=alert.session_id,
        )

    def _tell_many(self, alerts: list[Alert]) -> None:
        sessions = {alert.session_id for alert in alerts}
        lines = [f"{self._name_of(a.session_id)}: {alert_words(a)}" for a in alerts[:_SHOWN]]
        if len(alerts) > _SHOWN:
            lines.append(f"… and {len(alerts) - _SHOWN} more")
        where = message("1 session") if len(sessions) == 1 else message(f"{len(sessions)} sessions")
        self._notices.add(
            NoticeLevel.WARNING,
            f"{len(alerts)} alerts of {where}",
            "\n".join(lines),
            session_id=alerts[0].session_id,
        )
