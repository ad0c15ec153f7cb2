"""What can be done with a file that a build made."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from PySide6.QtGui import QGuiApplication

from slate_desktop.domain.build import BuildJob
from slate_desktop.errors import EnvironmentFaultError
from slate_desktop.settings.files import ensure_private_dir
from slate_desktop.settings.paths import cache_dir
from slate_desktop.translation import plural
from slate_desktop.ui import dialogs, outside

if TYPE_CHECKING:
    from slate_desktop.ui.window import MainWindow


class ArtifactCommands:
    """Done for the window; errors are the caller's to show."""

    def __init__(self, window: MainWindow) -> None:
        self._window = window

    async def do(self, build: BuildJob, what: str, path: str) -> None:
        """Copy the hash of, download, reveal or run an artifact.

        Args:
            build: what made it.
            what: ``copy``, ``download``, ``reveal`` or ``run``.
            path: of the artifact, below the build's output.
        """
        window, slate = self._window, self._window.workspace.slate
        if slate is None:
            return
        artifacts = await slate.get_build_artifacts(build.id)
        chosen = next((item for item in artifacts if item.path == path), None)
        if chosen is None:
            return
        if what == "copy":
            QGuiApplication.clipboard().setText(chosen.sha256)
            window.say(window.tr("The hash is on the clipboard."))
            return
        if what == "download":
            folder = await dialogs.choose_directory(window, window.tr("Download into"))
            if folder is not None:
                files = await slate.download_artifacts(build.id, folder)
                window.say(
                    plural("{count} file was brought.", "{count} files were brought.", len(files))
                )
            return
        # A run needs all files of the build beside the program, where nobody else can change them.
        folder = cache_dir() / "artifacts" / build.id
        await asyncio.to_thread(ensure_private_dir, folder.parent)
        await slate.download_artifacts(build.id, folder)
        target = folder / path
        if what == "reveal":
            outside.reveal(target)
            return
        try:
            process = await asyncio.create_subprocess_exec(str(target), cwd=target.parent)
        except OSError as error:
            raise EnvironmentFaultError(
                f"{chosen.name} does not run on this machine: {error.strerror}.",
                hint="Download it to a machine of its platform.",
            ) from error
        window.say(
            window.tr("{name} runs (process {pid}).").format(name=chosen.name, pid=process.pid)
        )
