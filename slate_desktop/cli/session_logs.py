"""``slate session logs``: the lines of one session, or of several by time or side by side."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated, Any

import typer

from slate_desktop.cli.log_filters import Grep, Level, Regex, Since, Until, read_filter
from slate_desktop.cli.options import Json
from slate_desktop.cli.output import Output
from slate_desktop.cli.rows import log_row
from slate_desktop.cli.run import with_slate

if TYPE_CHECKING:
    from slate_desktop.control.client import Slate
    from slate_desktop.control.log_merge import LogFilter, Placed
    from slate_desktop.domain.logs import LogLine
    from slate_desktop.domain.session import RuntimeSession

_SHORT_ID = 8


def register(app: typer.Typer) -> None:
    """Add the command to ``slate session``."""
    app.command("logs")(logs)


def logs(
    sessions: Annotated[
        list[str],
        typer.Argument(
            metavar="SESSION…", help="Id, beginning of an id, or 'last'; several are merged."
        ),
    ],
    limit: Annotated[
        int,
        typer.Option(min=0, metavar="N", help="The newest so many lines together; 0 for all."),
    ] = 1000,
    before: Annotated[
        int | None, typer.Option(min=1, metavar="SEQ", help="Only lines before this number.")
    ] = None,
    since: Since = None,
    until: Until = None,
    level: Level = None,
    grep: Grep = None,
    regex: Regex = False,
    side_by_side: Annotated[
        bool, typer.Option("--side-by-side", help="A column for each session, on one time axis.")
    ] = False,
    follow: Annotated[
        bool, typer.Option("--follow", "-f", help="Go on until the sessions have ended.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Print the log of a session, one line each. Of several by time, with whose line it is."""
    for name, value in (("--before", before), ("--until", until)):
        if follow and value is not None:
            raise typer.BadParameter("not together with --follow", param_hint=name)
    if before is not None and len(sessions) > 1:
        raise typer.BadParameter("numbers are of one session", param_hint="--before")
    if side_by_side and len(sessions) < 2:
        raise typer.BadParameter("name two sessions or more", param_hint="--side-by-side")
    wanted = read_filter(level, grep, since, until, is_regex=regex)

    async def action(slate: Slate, output: Output) -> None:
        rows = [await slate.find_session(text) for text in sessions]
        printer = _printer(output, rows, side_by_side=side_by_side)
        newest = [await _newest(slate, row.id, before) for row in rows]
        await _print_stored(slate, printer, [row.id for row in rows], wanted, newest, limit)
        if follow:
            await _follow(slate, printer, rows, wanted, newest)

    with_slate(as_json, action)


async def _newest(slate: Slate, session_id: str, before: int | None) -> int:
    page = await slate.get_runtime_logs(session_id, limit=1, before=before)
    return page.lines[-1].seq if page.lines else 0


async def _print_stored(
    slate: Slate,
    printer: Printer,
    ids: Sequence[str],
    wanted: LogFilter,
    newest: Sequence[int],
    limit: int,
) -> None:
    from slate_desktop.control.log_merge import merge_all, newest_lines, newest_merged

    if limit == 0:
        async for placed in merge_all(slate, ids, wanted, newest):
            printer.show(placed)
    elif len(ids) == 1:
        lines = await newest_lines(slate, ids[0], wanted, limit, before=newest[0] + 1)
        printer.show([(0, line) for line in lines])
    else:
        printer.show(await newest_merged(slate, ids, wanted, limit))


async def _follow(
    slate: Slate,
    printer: Printer,
    rows: Sequence[RuntimeSession],
    wanted: LogFilter,
    newest: Sequence[int],
) -> None:
    """Print what comes, each session's lines in their order, the sessions' as they come."""

    async def one(number: int, session_id: str, after: int) -> None:
        async for lines in slate.follow_runtime_logs(
            session_id,
            after=after,
            min_level=wanted.min_level,
            text=wanted.text,
            is_regex=wanted.is_regex,
        ):
            printer.show([(number, line) for line in lines])

    async with asyncio.TaskGroup() as group:
        for number, (row, after) in enumerate(zip(rows, newest, strict=True)):
            group.create_task(one(number, row.id, after), name=f"follow {row.id}")


class Printer:
    """Prints lines of one session, or of several behind the beginnings of their ids."""

    def __init__(self, output: Output, ids: Sequence[str]) -> None:
        self._output, self._ids = output, ids

    def show(self, placed: Sequence[Placed]) -> None:
        """Print lines in their order."""
        for number, line in placed:
            if self._output.as_json:
                self._output.line(self._row(number, line), "")
            else:
                self._output.say(self._words(number, line))
        self._output.flush()

    def _row(self, number: int, line: LogLine) -> dict[str, Any]:
        whose = {"session": self._ids[number]} if len(self._ids) > 1 else {}
        return whose | log_row(line)

    def _words(self, number: int, line: LogLine) -> str:
        from slate_desktop.control.console_text import format_time, plain

        whose = f"{self._ids[number][:_SHORT_ID]}  " if len(self._ids) > 1 else ""
        level, text = line.level.value, plain(line.message)
        return f"{format_time(line.timestamp_ns)} {whose}{level:5} {text}"


class ColumnPrinter(Printer):
    """Prints a column for each session; see ``cli.log_columns``."""

    def __init__(self, output: Output, ids: Sequence[str]) -> None:
        from slate_desktop.cli.log_columns import LogColumns, terminal_width

        super().__init__(output, ids)
        self._columns = LogColumns([name[:_SHORT_ID] for name in ids], terminal_width())
        for text in self._columns.head():
            output.say(text)

    def show(self, placed: Sequence[Placed]) -> None:
        """Print lines in their columns."""
        for text in self._columns.rows(placed):
            self._output.say(text)
        self._output.flush()


def _printer(output: Output, rows: Sequence[RuntimeSession], *, side_by_side: bool) -> Printer:
    ids = [row.id for row in rows]
    if side_by_side and not output.as_json:
        return ColumnPrinter(output, ids)
    return Printer(output, ids)
