"""The Python API: everything that the window can do, as coroutines and live models without Qt.

Start with ``Slate.connect()``. See docs/howto/python-api.md. A name is imported when it is first
used: what works without a server (``local_assets``) does not pay for the clients of one.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from slate_desktop.control.asset_submission import SubmitOptions
    from slate_desktop.control.client import Slate
    from slate_desktop.control.console import LogBuffer, LogRow, LogView, RowKind
    from slate_desktop.control.models import (
        AssetJobsModel,
        BuildJobsModel,
        ContainerStatsModel,
        RuntimeSessionModel,
        SessionListModel,
    )
    from slate_desktop.control.notices import Notice, NoticeLevel, Notices
    from slate_desktop.control.stats_history import Series, StatsHistory
    from slate_desktop.control.values import (
        CommandOutcome,
        ExecResult,
        Lamp,
        LampState,
        StatsReading,
    )

_HOMES = {
    "AssetJobsModel": "models",
    "BuildJobsModel": "models",
    "CommandOutcome": "values",
    "ContainerStatsModel": "models",
    "ExecResult": "values",
    "Lamp": "values",
    "LampState": "values",
    "LogBuffer": "console",
    "LogRow": "console",
    "LogView": "console",
    "Notice": "notices",
    "NoticeLevel": "notices",
    "Notices": "notices",
    "RowKind": "console",
    "RuntimeSessionModel": "models",
    "Series": "stats_history",
    "SessionListModel": "models",
    "Slate": "client",
    "StatsHistory": "stats_history",
    "SubmitOptions": "assets",
    "StatsReading": "values",
}

__all__ = [
    "AssetJobsModel",
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
    "SubmitOptions",
]


def __getattr__(name: str) -> object:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value: object = getattr(importlib.import_module(f"{__name__}.{_HOMES[name]}"), name)
    globals()[name] = value
    return value
