"""Tells of a new version, once, where a feed is configured. Nothing is downloaded or installed."""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING

from slate_desktop import __version__
from slate_desktop.errors import SlateError

if TYPE_CHECKING:
    from slate_desktop.ui.window import MainWindow

log = logging.getLogger(__name__)
_AGAIN_S = 24 * 3600.0


async def watch_feed(window: MainWindow, feed: str, again_s: float = _AGAIN_S) -> None:
    """Ask the feed now and once a day, for as long as the window is open.

    A feed that cannot be read is a line in the log, and ``slate doctor`` says it.
    """
    from slate_desktop.control.releases import ask_feed, newer_than_this

    while True:
        try:
            release = await ask_feed(feed)
        except SlateError as exc:
            log.info("the feed of releases was not read: %s", exc)
        else:
            if release is not None and newer_than_this(release):
                tell(window, release.version, release.url)
        await asyncio.sleep(again_s)


def tell(window: MainWindow, version: str, url: str) -> bool:
    """Say that a version is there, unless that was said before; returns whether it was said."""
    if window.state.told_version == version:
        return False
    window.state.told_version = version
    title = window.tr("SLATE {version} is there").format(version=version)
    text = window.tr("This one is {version}.").format(version=__version__)
    if url:
        text += " " + window.tr("What is new, and how to get it: {url}").format(url=url)
    window.workspace.notify("success", title, text)
    return True
