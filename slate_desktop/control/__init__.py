"""The Python API: everything that the window can do, as coroutines and live models without Qt.

Start with ``Slate.connect()``. See docs/howto/python-api.md.
"""

from __future__ import annotations

from slate_desktop.control.client import Slate
from slate_desktop.control.console import LogBuffer, LogRow, LogView, RowKind
from slate_desktop.control.models import (
    BuildJobsModel,
    ContainerStatsModel,
    RuntimeSessionModel,
    SessionListModel,
)
from slate_desktop.control.notices import Notice, NoticeLevel, Notices
from slate_desktop.control.stats_history import Series, StatsHistory, Window
from slate_desktop.control.values import (
    CommandOutcome,
    ExecResult,
    Lamp,
    LampState,
    StatsReading,
)

__all__ = [
    "BuildJobsModel",
    "CommandOutcome",
    "ContainerStatsModel",
    "ExecResult",
    "Lamp",
    "LampState",
    "LogBuffer",
    "LogRow",
    "LogView",
    "Notice",
    "NoticeLevel",
    "Notices",
    "RowKind",
    "RuntimeSessionModel",
    "Series",
    "SessionListModel",
    "Slate",
    "StatsHistory",
    "StatsReading",
    "Window",
]
