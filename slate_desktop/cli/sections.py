"""The order of ``slate --help``: what is used daily first, under headings."""

from __future__ import annotations

from typing import Any

from typer.core import TyperGroup

SECTIONS: tuple[tuple[str, tuple[str, ...]], ...] = (
    ("Work", ("project", "session", "build", "asset", "logs", "alerts", "desktop")),
    (
        "Servers and people",
        ("connect", "profile", "sync", "hosts", "quota", "audit", "server", "agent", "migrate"),
    ),
    ("This computer", ("stack", "doctor", "settings", "support", "version")),
)


class Sections(TyperGroup):
    """A group whose commands are listed by section; new ones need a place in ``SECTIONS``."""

    def list_commands(self, ctx: Any) -> list[str]:  # noqa: ARG002 - the library passes it
        """Return the names in the order of the sections."""
        placed = [name for _, names in SECTIONS for name in names if name in self.commands]
        return placed + [name for name in self.commands if name not in placed]

    def format_commands(self, ctx: Any, formatter: Any) -> None:
        """Write one list of names and short texts for each section."""
        names = self.list_commands(ctx)
        limit = formatter.width - 6 - max(len(name) for name in names)
        width = max(len(name) for name in names)
        for title, of_section in SECTIONS:
            rows = [
                (name.ljust(width), self.commands[name].get_short_help_str(limit))
                for name in of_section
                if name in self.commands
            ]
            if rows:
                with formatter.section(title):
                    formatter.write_dl(rows)
