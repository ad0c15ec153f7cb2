"""What a report consists of, whoever shows it: sections of facts, tables and notes; and as text."""

from __future__ import annotations

import msgspec


class Fact(msgspec.Struct, frozen=True):
    """A name and its value, in the user's language."""

    name: str
    value: str


class Table(msgspec.Struct, frozen=True):
    """Figures in columns.

    Attributes:
        name: for people who hear it.
        columns: titles; the first column holds names, the others figures.
        rows: one text for each column.
        paths: for each row the file that it stands for; nothing where rows are no files.
        is_missing: the files are not products, but what the asset refers to and does not find.
    """

    name: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    paths: tuple[str, ...] = ()
    is_missing: bool = False


class Section(msgspec.Struct, frozen=True, kw_only=True):
    """One part of a report; ``notes`` are sentences, a folded one shows its title at first."""

    title: str
    facts: tuple[Fact, ...] = ()
    table: Table | None = None
    notes: tuple[str, ...] = ()
    is_folded: bool = False

    @property
    def is_empty(self) -> bool:
        """Whether there is nothing to show."""
        return not (self.facts or self.notes or (self.table and self.table.rows))


class Report(msgspec.Struct, frozen=True, kw_only=True):
    """All that is told about one job.

    Attributes:
        path: the asset, as the job names it.
        state: in words.
        reason: why it failed, or what it waits for or does; empty where it is done.
        advice: what to do about it.
        has_failed: whether ``reason`` is that of a failure.
        sections: in the order that they are read in.
    """

    path: str
    state: str
    reason: str = ""
    advice: str = ""
    has_failed: bool = False
    sections: tuple[Section, ...] = ()


def as_text(report: Report) -> str:
    """Return a report as plain text, with its columns one below the other."""
    lines = [f"{report.path}  —  {report.state}"]
    lines += [text for text in (report.reason, report.advice) if text]
    for section in report.sections:
        lines += ["", section.title]
        width = max((len(fact.name) for fact in section.facts), default=0)
        lines += [f"  {fact.name:<{width}}  {fact.value}" for fact in section.facts]
        if section.table is not None:
            lines += _rows(section.table)
        lines += [f"  {note}" for note in section.notes]
    return "\n".join(lines) + "\n"


def _rows(table: Table) -> list[str]:
    rows = [table.columns, *table.rows]
    widths = [max(len(row[column]) for row in rows) for column in range(len(table.columns))]
    return [
        "  "
        + "  ".join(
            f"{text:>{width}}" if column else f"{text:<{width}}"
            for column, (text, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in rows
    ]
