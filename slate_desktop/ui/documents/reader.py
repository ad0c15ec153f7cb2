"""The way to what is in a file: a task in a sandboxed child, its results in a folder of its own.

The window never parses a file of a project itself. One reader serves the window; its children are
forked from a server that has the codecs loaded, where the system can do that.
"""

from __future__ import annotations

import asyncio
import importlib
import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from slate_desktop.domain.assets.kinds import AssetKind
from slate_desktop.errors import AssetError

if TYPE_CHECKING:
    from slate_desktop.pipeline.preview.planes import Array
    from slate_desktop.pipeline.sandbox.parent import Sandbox

_PACKAGE = "slate_desktop.pipeline.preview"
_MODULES = (
    "slate_desktop.pipeline.sandbox.parent",
    "slate_desktop.pipeline.sandbox.request",
    "slate_desktop.pipeline.preview.planes",
)


class Reading(msgspec.Struct):
    """What a child answered, and the folder with what it wrote.

    Attributes:
        result: JSON values by name.
        folder: gone after :meth:`close`.
    """

    result: dict[str, Any]
    folder: Path

    def plane(self, described: dict[str, Any]) -> Array:
        """Map an array that the child wrote.

        Raises:
            AssetError: the child answered nonsense.
        """
        from slate_desktop.pipeline.preview.planes import map_plane

        try:
            return map_plane(self.folder, described)
        except (KeyError, TypeError, ValueError, OSError) as exc:
            raise AssetError.crash("The reader answered nonsense.") from exc

    def close(self) -> None:
        """Remove the folder; what is mapped stays readable until it is let go."""
        shutil.rmtree(self.folder, ignore_errors=True)


class Reader:
    """Runs the tasks of ``pipeline.preview``. One per window."""

    def __init__(self) -> None:
        self._sandbox: Sandbox | None = None
        self._lock = asyncio.Lock()

    async def read(
        self,
        task: str,
        source: Path,
        *,
        kind: AssetKind | None = None,
        on_first: Callable[[Path, str], None] | None = None,
        **arguments: object,
    ) -> Reading:
        """Run a task on a file.

        Args:
            task: ``module:function`` below ``pipeline.preview``.
            source: the file.
            kind: whose codecs and limits a child gets.
            on_first: called with the folder and the words of the first message of progress.
            arguments: further JSON values for the task.

        Raises:
            AssetError: the file is not sound, needs too much, or crashed its reader.
            EnvironmentFaultError: no child can be started.
        """
        sandbox = await self._get()
        from slate_desktop.pipeline.sandbox.request import ChildRequest, codec_of

        folder = Path(tempfile.mkdtemp(prefix="slate-preview-"))
        source = Path.cwd() / source
        request = ChildRequest(
            target=f"{_PACKAGE}.{task}",
            arguments={"source": str(source), **arguments},
            work_dir=str(folder),
            readable=(str(source.parent if kind is AssetKind.MODEL else source),),
            kind=kind,
            codec=codec_of(source) if kind is not None else "",
        )

        def on_progress(_fraction: float, words: str) -> None:
            if on_first is not None and words.startswith("first"):
                on_first(folder, words)

        try:
            result = _checked(await sandbox.run(request, on_progress=on_progress))
        except BaseException:
            shutil.rmtree(folder, ignore_errors=True)
            raise
        return Reading(result, folder)

    async def files_of(self, kind: AssetKind, source: Path) -> dict[str, Path]:
        """Return a file and those that it refers to, by their names relative to its folder.

        Raises:
            AssetError: the file is not sound, or refers to what lies elsewhere.
        """
        sandbox = await self._get()
        names = await sandbox.references(kind, source)
        return {source.name: source, **{name: source.parent / name for name in names}}

    async def aclose(self) -> None:
        """End the server of children."""
        sandbox, self._sandbox = self._sandbox, None
        if sandbox is not None:
            await sandbox.aclose()

    async def _get(self) -> Sandbox:
        async with self._lock:
            if self._sandbox is None:
                # Plain code and numpy: a thread reads it while the window answers.
                await asyncio.to_thread(lambda: [importlib.import_module(m) for m in _MODULES])
                from slate_desktop.pipeline.sandbox.parent import Sandbox

                self._sandbox = Sandbox()
            return self._sandbox


def _checked(result: object) -> dict[str, Any]:
    if not isinstance(result, dict):
        raise AssetError.crash("The reader answered nonsense.")
    return {str(name): value for name, value in result.items()}
