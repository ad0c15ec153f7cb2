"""The panes of builds and jobs: they come when they are first seen or asked for.

Otherwise they are made once the window is connected, in steps between which it answers: a build
that ends is told, and a project's jobs mark its files, whether or not somebody looks at the panes.
"""

from __future__ import annotations

import asyncio
import importlib
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import QTimer
from PySide6.QtGui import QPaintEvent
from PySide6.QtWidgets import QVBoxLayout, QWidget

from slate_desktop.ui.empty import EmptyState
from slate_desktop.ui.painted import painted

if TYPE_CHECKING:
    from slate_desktop.ui.builds.binding import BuildBinding
    from slate_desktop.ui.builds.pane import BuildsPane
    from slate_desktop.ui.builds.panel import BuildPanel
    from slate_desktop.ui.jobs.pane import JobsPane
    from slate_desktop.ui.window import MainWindow

# Slow to read, and plain code: a thread reads them while the window answers.
_PLAIN = (
    "slate_desktop.control.asset_states",
    "slate_desktop.control.build_console",
    "slate_desktop.control.models_assets",
    "slate_desktop.control.models_build_list",
)


# Of a pane, in pixels, whatever it holds: the docks stay as they are while that changes.
LEAST_HEIGHT = 136


class Place(QWidget):
    """Holds a pane that may not be made yet.

    Qt counts a tab behind others as shown, too, so that only painting tells that it is seen.

    Args:
        seen: called when somebody looks at it and it is empty.
    """

    def __init__(self, seen: Callable[[], object]) -> None:
        super().__init__()
        self._seen = seen
        # Below it a pane is squeezed, which is better than one that pushes others when it comes.
        self.setMinimumHeight(LEAST_HEIGHT)
        self._layout = QVBoxLayout(self)
        self._layout.setContentsMargins(0, 0, 0, 0)

    def fill(self, pane: QWidget) -> None:
        """Show a pane from now on."""
        self._layout.addWidget(pane)

    def paintEvent(self, event: QPaintEvent) -> None:
        """Have the pane made, once this painting is over."""
        super().paintEvent(event)
        if self._layout.isEmpty():
            QTimer.singleShot(0, self, self._seen)


class LatePanes:
    """Makes what a window's ``jobs``, ``builds``, ``build_panel`` and ``build_binding`` are."""

    def __init__(self, window: MainWindow) -> None:
        self._window = window
        self._jobs: JobsPane | None = None
        self._builds: tuple[BuildPanel, BuildsPane] | None = None
        self._binding: BuildBinding | None = None
        self.places = {
            "jobs": Place(lambda: self.jobs),
            "build": Place(lambda: self.build_panel),
            "builds": Place(lambda: self.builds),
        }
        why = window.tr("SLATE is not connected yet.")
        for spec, _action in window.registry.all():
            if spec.id.startswith(("build.", "jobs.")):
                window.registry.set_enabled(spec.id, False, why)
        window.workspace.connected.connect(
            lambda: window.tasks.spawn(self._make_all(), "late panes", window)
        )

    @property
    def jobs(self) -> JobsPane:
        """The Jobs pane."""
        if self._jobs is None:
            from slate_desktop.ui.jobs.pane import JobsPane

            window = self._window
            text = window.tr("Drop textures, models and sounds here to have them processed.")
            empty = EmptyState(window.theme, "boxes", text, window.registry["jobs.add"])
            self._jobs = JobsPane(
                window.theme, window.registry, empty, kept=window.state.tables.get("jobs")
            )
            window.docks.docks["jobs"].set_tools(self._jobs.bar)
            self.places["jobs"].fill(self._jobs)
            window.job_commands.connect()
        return self._jobs

    @property
    def build_panel(self) -> BuildPanel:
        """The form of the next build."""
        return self._made_builds()[0]

    @property
    def builds(self) -> BuildsPane:
        """The queue and history of builds."""
        return self._made_builds()[1]

    @property
    def build_binding(self) -> BuildBinding:
        """What connects both panes with the workspace."""
        self._made_builds()
        assert self._binding is not None  # noqa: S101 - made with the panes
        return self._binding

    @property
    def has_jobs(self) -> bool:
        """Whether the Jobs pane is made."""
        return self._jobs is not None

    @property
    def binding(self) -> BuildBinding | None:
        """The binding of builds, None where it is not made yet."""
        return self._binding

    def remember(self, tables: dict[str, Any]) -> None:
        """Write how the tables are arranged; those that nobody saw stay as they were kept."""
        if self._jobs is not None:
            tables["jobs"] = self._jobs.arrangement.to_json()
        if self._builds is not None:
            tables["builds"] = self._builds[1].arrangement.to_json()

    async def aclose(self) -> None:
        """Stop following builds and jobs, where that had begun."""
        if self._binding is not None:
            await self._binding.aclose()
        if self._jobs is not None:
            await self._window.job_commands.aclose()

    def _made_builds(self) -> tuple[BuildPanel, BuildsPane]:
        if self._builds is None:
            from slate_desktop.ui.builds.binding import BuildBinding
            from slate_desktop.ui.builds.pane import BuildsPane
            from slate_desktop.ui.builds.panel import BuildPanel

            window = self._window
            start = window.registry["build.start"]
            text = window.tr("Nothing has been built yet.")
            empty = EmptyState(window.theme, "package", text, start)
            panel = BuildPanel(window.theme, window.registry)
            pane = BuildsPane(
                window.theme, window.registry, empty, kept=window.state.tables.get("builds")
            )
            self._builds = (panel, pane)
            docks = window.docks.docks
            docks["build"].set_tools(panel.bar)
            docks["builds"].set_tools(pane.bar)
            self.places["build"].fill(panel)
            self.places["builds"].fill(pane)
            self._binding = BuildBinding(window)
        return self._builds

    async def _make_all(self) -> None:
        await painted(self._window.documents)
        for name in _PLAIN:
            await asyncio.to_thread(importlib.import_module, name)
        for make in (lambda: self.build_binding, lambda: self.jobs):
            make()
            await asyncio.sleep(0)
