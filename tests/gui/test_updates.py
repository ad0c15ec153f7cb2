"""A new version is told of once, where a feed is configured; nothing else ever asks anybody."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from slate_desktop import __version__
from slate_desktop.settings.model import save_settings
from slate_desktop.ui import app as app_module
from slate_desktop.ui.updates import watch_feed
from slate_desktop.ui.window import MainWindow
from tests.gui.conftest import until
from tests.services.feeds import AUTHORITY, FeedServer, serve_feed


@pytest.fixture
def feed(monkeypatch: pytest.MonkeyPatch) -> Iterator[FeedServer]:
    monkeypatch.setenv("SSL_CERT_FILE", str(AUTHORITY))
    monkeypatch.setenv("no_proxy", "localhost")
    with serve_feed() as server:
        yield server


def told(window: MainWindow) -> list[str]:
    notices = window.workspace.notices
    items = [] if notices is None else notices.items
    return [f"{item.title}. {item.text}" for item in items if "is there" in item.title]


async def test_a_newer_version_is_told_once(
    window: MainWindow, feed: FeedServer, own_logging: object
) -> None:
    feed.release("99.0.0")
    save_settings({"update_feed": feed.url})
    await app_module.read_settings(window)
    await until(lambda: told(window))
    (words,) = told(window)
    assert words.startswith("SLATE 99.0.0 is there. This one is")
    assert "https://example.org/99.0.0" in words
    # Asked again and again, also after the next start: it is not told again.
    asked = len(feed.asked)
    window.tasks.spawn(watch_feed(window, feed.url, 0.01), "feed again", window)
    await until(lambda: len(feed.asked) > asked + 2)
    assert len(told(window)) == 1
    feed.release("99.1.0")
    await until(lambda: len(told(window)) == 2)


async def test_neither_this_version_nor_a_broken_feed_is_told(
    window: MainWindow, feed: FeedServer
) -> None:
    feed.release(__version__)
    window.tasks.spawn(watch_feed(window, feed.url, 0.01), "feed", window)
    await until(lambda: len(feed.asked) > 1)
    feed.status = 500
    asked = len(feed.asked)
    await until(lambda: len(feed.asked) > asked + 1)
    assert told(window) == []
    assert "feed" in window.tasks.names


async def test_without_a_feed_nobody_is_asked(window: MainWindow, own_logging: object) -> None:
    await app_module.read_settings(window)
    assert "feed" not in window.tasks.names
