"""Live models: a session, its stats, the list of sessions, a project's builds and assets.

Plain objects with psygnal signals, emitted on the loop's thread. The window binds widgets to them;
scripts use them as they are.
"""

from __future__ import annotations

from slate_desktop.control.models_assets import AssetJobsModel
from slate_desktop.control.models_builds import BuildJobsModel
from slate_desktop.control.models_list import SessionListModel
from slate_desktop.control.models_session import RuntimeSessionModel
from slate_desktop.control.models_stats import ContainerStatsModel

__all__ = [
    "AssetJobsModel",
    "BuildJobsModel",
    "ContainerStatsModel",
    "RuntimeSessionModel",
    "SessionListModel",
]
