"""Every setting: its type, its default, and what people read about it.

The settings dialog, ``slate settings`` and the user guide say nothing of a setting that is not
declared here. Reading and writing them is ``settings.model``'s.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta

CURRENT_VERSION = 1
GROUPS = ("Window", "Servers", "Images", "Agent", "Diagnosis")


def _said(group: str, title: str, description: str, expects: str = "", *, now: bool = False) -> Any:
    """Return what people read of a setting.

    Args:
        group: one of ``GROUPS``.
        title: two or three words.
        description: one sentence.
        expects: what a value looks like, to be read after "Enter".
        now: whether a change counts at once, and not from the next start on.
    """
    extra = {"group": group, "title": title, "expects": expects, "is_immediate": now}
    return Meta(description=description, extra=extra)


class Settings(msgspec.Struct, frozen=True, kw_only=True):
    """Everything that can be configured; with nothing set, the embedded stack is used."""

    version: Annotated[int, Meta(ge=1, le=CURRENT_VERSION)] = CURRENT_VERSION
    theme: Annotated[
        Literal["system", "dark", "light", "contrast"] | None,
        _said(
            "Window",
            "Theme",
            "The window's colours; where none is set, what was last chosen in the window.",
            now=True,
        ),
    ] = None
    language: Annotated[
        Literal["system", "en", "de"],
        _said(
            "Window",
            "Language",
            "The window's language; system is the one of this computer. The command line and logs"
            " are English.",
        ),
    ] = "system"
    reduced_motion: Annotated[
        bool,
        _said(
            "Window",
            "Less motion",
            "Let nothing in the window slide, fade or blink.",
            now=True,
        ),
    ] = False
    keep_in_tray: Annotated[
        bool,
        _said(
            "Window",
            "Keep in the tray",
            "Closing the window hides it where the system has a tray; its menu shows what runs, and"
            " ends SLATE.",
            now=True,
        ),
    ] = False
    profile: Annotated[
        Annotated[str, Meta(pattern=r"^[a-z0-9][a-z0-9-]{0,39}$")],
        _said(
            "Servers",
            "Profile",
            "Where projects and sessions live: local is this computer, remote the addresses below,"
            " any other name a server that was joined; auto is remote where addresses are set.",
            "auto, local, remote, or the name of a server that was joined",
        ),
    ] = "auto"
    nats_url: Annotated[
        str | None,
        _said("Servers", "Broker", "Address of the NATS server.", "nats://host:4222 or tls://…"),
    ] = None
    nats_allow_plaintext: Annotated[
        bool,
        _said(
            "Servers",
            "Unencrypted broker",
            "Let nats:// leave this computer, where anybody on the way can read along.",
        ),
    ] = False
    nats_ca_file: Annotated[
        Path | None,
        _said(
            "Servers",
            "Broker's authority",
            "File of the certificate that a tls:// broker is checked with; where none is set, the"
            " system's authorities.",
            "the path of a PEM file",
        ),
    ] = None
    database_url: Annotated[
        str | None,
        _said("Servers", "Database", "Address of PostgreSQL.", "postgresql://user@host:5432/slate"),
    ] = None
    redis_url: Annotated[
        str | None,
        _said(
            "Servers",
            "Shared cache",
            "Address of a Redis; without one, SLATE keeps what it read in its own memory.",
            "redis://host:6379/0",
        ),
    ] = None
    docker_host: Annotated[
        str | None,
        _said(
            "Agent",
            "Docker engine",
            "The engine that this computer's agent runs containers with; where none is set, the"
            " system's own.",
            "unix:///var/run/docker.sock or tcp://host:2376",
        ),
    ] = None
    registry_url: Annotated[
        str | None,
        _said("Images", "Registry", "Where images of engines come from.", "https://host:5000"),
    ] = None
    registry_user: Annotated[
        str | None, _said("Images", "Registry login", "Your login name at the registry.")
    ] = None
    allowed_registries: Annotated[
        tuple[str, ...],
        _said(
            "Images",
            "Allowed registries",
            "Further registries that images may come from.",
            "names such as ghcr.io or host:5000, separated by commas",
        ),
    ] = ()
    agent_id: Annotated[
        Annotated[str, Meta(pattern=r"^[A-Za-z0-9][A-Za-z0-9_-]{0,63}$")] | None,
        _said(
            "Agent",
            "Agent's name",
            "What this computer's agent is called; where none is set, a name is made once.",
            "letters, digits, - and _, at most 64",
        ),
    ] = None
    build_slots: Annotated[
        int,
        Meta(ge=0, le=64),
        _said(
            "Agent",
            "Builds at once",
            "How many builds this computer's agent runs side by side; 0 for none.",
            "a whole number from 0 to 64",
        ),
    ] = 1
    build_capabilities: Annotated[
        tuple[str, ...],
        _said(
            "Agent",
            "Build capabilities",
            "What builds may ask of this computer.",
            "words such as console:ps5, separated by commas",
        ),
    ] = ()
    licences: Annotated[
        tuple[Annotated[str, Meta(pattern=r"^[a-z][a-z0-9_-]{0,31}=[1-9][0-9]{0,3}$")], ...],
        _said(
            "Agent",
            "Licence seats",
            "How many builds may use a licence at once; the same on every agent.",
            "seats such as unity=1, separated by commas",
        ),
    ] = ()
    allow_unsigned: Annotated[
        bool,
        _said(
            "Agent",
            "Unsigned commands",
            "Let the agent serve the original system's commands, which carry no signature.",
        ),
    ] = False
    update_feed: Annotated[
        Annotated[str, Meta(pattern=r"^https://[^\s/@]+(/\S*)?$", max_length=2000)] | None,
        _said(
            "Window",
            "New versions",
            "Address of a feed of releases; the window tells of a version that is newer than this"
            " one, and downloads nothing. Where none is set, nobody is asked.",
            "https://host/releases.atom, or the address of a JSON feed",
        ),
    ] = None
    log_level: Annotated[
        Literal["debug", "info", "warning", "error"],
        _said("Diagnosis", "Own log", "How much SLATE writes into its own log.", now=True),
    ] = "info"
    notes: tuple[str, ...] = ()

    @property
    def is_local(self) -> bool:
        """Whether the embedded stack is to be used."""
        if self.profile == "auto":
            return self.nats_url is None and self.database_url is None
        return self.profile == "local"
