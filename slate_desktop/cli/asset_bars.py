"""What people see of assets on a terminal while they are under way: a bar for each one."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, TypeAlias

from slate_desktop.cli.asset_words import plain, words_of
from slate_desktop.cli.output import Output
from slate_desktop.control.asset_batch import AssetTask
from slate_desktop.domain.assets.outcome import AssetJobResult

if TYPE_CHECKING:
    from rich.progress import Progress, TaskID

_MAX_WORDS = 60
_PER_SECOND = 4

OnProgress: TypeAlias = Callable[[AssetTask, float, str], None]


class Bars:
    """A bar for the whole and one for each asset that is worked on.

    Args:
        display: None where nothing is shown.
        total: how many assets there are.
    """

    def __init__(self, display: Progress | None, total: int) -> None:
        self._display = display
        self._whole = None if display is None else display.add_task(_count(total), total=total)
        self._rows: dict[int, TaskID] = {}
        self._ended: set[int] = set()

    @property
    def on_progress(self) -> OnProgress | None:
        """Takes an asset, the fraction done and a few words; None where nothing is shown."""
        return None if self._display is None else self._move

    def end(self, task: AssetTask, result: AssetJobResult) -> None:
        """Count an asset that has ended, and say at once why it failed."""
        display = self._display
        if display is None or self._whole is None:
            return
        self._ended.add(id(task))
        display.advance(self._whole)
        row = self._rows.pop(id(task), None)
        if row is not None:
            display.remove_task(row)
        if result.error is not None:
            display.console.print(words_of(result), markup=False, highlight=False)

    def _move(self, task: AssetTask, fraction: float, words: str) -> None:
        if self._display is None or id(task) in self._ended:
            return  # what a worker told may come after the end
        name = plain(task.source.name)[:_MAX_WORDS]
        if id(task) not in self._rows:
            self._rows[id(task)] = self._display.add_task(name, total=1.0)
        row = self._rows[id(task)]
        self._display.update(row, completed=fraction, description=f"{name} {plain(words)}")


def _count(total: int) -> str:
    return "1 asset" if total == 1 else f"{total} assets"


@contextlib.contextmanager
def progress_bars(output: Output, total: int) -> Iterator[Bars]:
    """Show progress on a terminal, four times a second at most; elsewhere nothing."""
    if output.as_json or not sys.stderr.isatty():
        yield Bars(None, total)
        return
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

    with Progress(
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        TextColumn("{task.percentage:>3.0f} %"),
        TimeElapsedColumn(),
        console=Console(stderr=True),
        refresh_per_second=_PER_SECOND,
        transient=True,
    ) as display:
        yield Bars(display, total)
