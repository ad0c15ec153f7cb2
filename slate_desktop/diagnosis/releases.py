"""The feed of releases: whether it answers, and whether it names a newer version."""

from __future__ import annotations

from slate_desktop import __version__
from slate_desktop.diagnosis.check import Check, State
from slate_desktop.errors import SlateError

_NAME = "New versions"


async def check_feed() -> list[Check]:
    """Ask the configured feed; nothing to say where none is configured."""
    from slate_desktop.control.releases import ask_feed, newer_than_this
    from slate_desktop.settings.model import load_settings

    try:
        feed = load_settings().update_feed
    except SlateError:
        return []  # check_machine tells of it
    if not feed:
        return []
    try:
        release = await ask_feed(feed)
    except SlateError as exc:
        return [Check(name=_NAME, state=State.WARNING, detail=str(exc), fix=exc.hint)]
    if release is not None and newer_than_this(release):
        detail = f"{release.version} is there, this one is {__version__}"
        return [Check(name=_NAME, state=State.NOTE, detail=detail, fix=release.url)]
    return [Check(name=_NAME, state=State.OK, detail=f"{__version__} is the newest")]
