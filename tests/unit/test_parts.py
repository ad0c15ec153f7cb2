"""Every part of this installation is named with its licence."""

from __future__ import annotations

from slate_desktop import __version__
from slate_desktop.settings.parts import installed_parts, licence_text


def test_parts_have_versions_and_licences() -> None:
    parts = {part.name.lower(): part for part in installed_parts()}
    assert parts["slate-desktop"].version == __version__
    assert {"msgspec", "asyncpg", "nats-py", "typer"} <= parts.keys()
    assert "pytest" not in parts
    unnamed = [part.name for part in parts.values() if not part.licence]
    assert not [name for name in unnamed if not licence_text(name)]
    assert not [part.name for part in parts.values() if "\n" in part.licence]


def test_the_text_of_a_licence_is_read_from_its_distribution() -> None:
    assert "Permission" in licence_text("typer")
    assert licence_text("no-such-distribution") == ""
