"""Feeds of releases: what they name, what counts as newer, and what is refused."""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from slate_desktop import __version__
from slate_desktop.cli.app import main
from slate_desktop.cli.exits import EXIT_ENVIRONMENT
from slate_desktop.control.releases import ask_feed, newer_than_this
from slate_desktop.diagnosis.addresses import can_test, check_address
from slate_desktop.diagnosis.check import State
from slate_desktop.diagnosis.releases import check_feed
from slate_desktop.domain.releases import Release, is_newer, newest_release
from slate_desktop.errors import EnvironmentFaultError, SettingsError
from slate_desktop.settings import catalog
from slate_desktop.settings.model import save_settings
from tests.services.feeds import AUTHORITY, FeedServer, serve_feed

ATOM = """<?xml version="1.0" encoding="utf-8"?>
<feed xmlns="http://www.w3.org/2005/Atom" xml:lang="en">
 <title>Releases of 3.5.1 and others</title>
 <entry><title>SLATE 0.9.0</title><link href="https://example.org/0.9.0"/></entry>
 <entry><title>v0.10.2: what was missing</title>
   <link rel="edit" href="https://example.org/edit"/>
   <link rel="alternate" href="https://example.org/notes"/></entry>
 <entry><title>0.11.0rc1</title><link href="https://example.org/0.11.0rc1"/></entry>
 <entry><title>Our office moves</title><link href="https://example.org/office"/></entry>
</feed>"""


@pytest.fixture(autouse=True)
def own_settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SLATE_CONFIG_DIR", str(tmp_path / "config"))
    monkeypatch.setenv("SLATE_ENV_FILE", str(tmp_path / "absent.env"))
    monkeypatch.delenv("SLATE_UPDATE_FEED", raising=False)
    monkeypatch.setenv("SSL_CERT_FILE", str(AUTHORITY))
    monkeypatch.setenv("no_proxy", "localhost")


@pytest.fixture
def feed() -> Iterator[FeedServer]:
    with serve_feed() as server:
        yield server


def test_the_newest_release_of_an_atom_feed() -> None:
    found = newest_release(ATOM.encode())
    assert found == Release(version="0.10.2", url="https://example.org/notes")


def test_the_newest_release_of_a_json_feed() -> None:
    told = {
        "version": "https://jsonfeed.org/version/1.1",
        "items": [
            {"id": "1", "title": "1.2", "url": "http://example.org/plain"},
            {"id": "https://example.org/tag/v1.10.0", "content_text": "no title"},
            {"title": 3},
            "nonsense",
        ],
    }
    found = newest_release(json.dumps(told).encode())
    assert found == Release(version="1.10.0", url="https://example.org/tag/v1.10.0")
    told["items"] = told["items"][:1]
    plain = newest_release(json.dumps(told).encode())
    assert plain == Release(version="1.2", url="")


@pytest.mark.parametrize(
    ("version", "than", "newer"),
    [
        ("0.2.0", "0.1.0", True),
        ("0.10.0", "0.9.9", True),
        ("0.1", "0.1.0", False),
        ("0.1.0", "0.1.0", False),
        ("0.1.0", "0.1.0.dev3+g12ab", True),
        ("0.1.0", "0.1.0rc1", True),
        ("0.1.0rc1", "0.1.0", False),
        ("1.0.0", "0.99.99", True),
        ("nothing", "0.1.0", False),
    ],
)
def test_what_counts_as_newer(version: str, than: str, newer: bool) -> None:
    assert is_newer(version, than) is newer


@pytest.mark.parametrize(
    "text",
    [
        b"",
        b"<html><body>Log in</body></html>",
        b"<feed>0.2.0</feed>",
        b"<feed",
        b'<!DOCTYPE x [<!ENTITY a "aaaa">]><feed xmlns="http://www.w3.org/2005/Atom">&a;</feed>',
        '<?xml version="1.0" encoding="utf-16"?><feed/>'.encode("utf-16"),
        b"[1]",
        b'{"version": "https://jsonfeed.org/version/1.1"}',
        b'{"tag_name": "v0.2.0"}',
        b"{" * 100_000,
        b"\xff\xfe\x00",
    ],
)
def test_what_is_no_feed_is_refused(text: bytes) -> None:
    with pytest.raises(ValueError, match=r"it (is|has)"):
        newest_release(text)


def test_a_feed_without_releases_names_none() -> None:
    assert newest_release(b'<feed xmlns="http://www.w3.org/2005/Atom"/>') is None


async def test_a_server_is_asked_once_and_answers(feed: FeedServer) -> None:
    feed.release("0.0.1", "99.0.0")
    release = await ask_feed(feed.url)
    assert release == Release(version="99.0.0", url="https://example.org/99.0.0")
    assert newer_than_this(release)
    assert not newer_than_this(Release(version=__version__))
    feed.release_json("98.0.0")
    assert await ask_feed(feed.url) == Release(version="98.0.0", url="https://example.org/98.0.0")
    assert feed.asked == ["/releases", "/releases"]


async def test_what_goes_wrong_is_told_in_a_sentence(
    feed: FeedServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    feed.body = b"<html/>"
    with pytest.raises(EnvironmentFaultError, match="localhost sends is no feed of releases"):
        await ask_feed(feed.url)
    feed.status = 404
    with pytest.raises(EnvironmentFaultError, match="404"):
        await ask_feed(feed.url)
    feed.status, feed.location = 302, "http://localhost:1/"
    with pytest.raises(EnvironmentFaultError, match="without encryption"):
        await ask_feed(feed.url)
    feed.status, feed.location, feed.body = 200, "", b"<" + b" " * 1_200_000
    with pytest.raises(EnvironmentFaultError, match="larger than"):
        await ask_feed(feed.url)
    with pytest.raises(EnvironmentFaultError, match="not an https"):
        await ask_feed("http://localhost/releases")
    with pytest.raises(EnvironmentFaultError, match="cannot be read"):
        await ask_feed("https://localhost:1/releases")
    monkeypatch.setenv("SSL_CERT_FILE", str(AUTHORITY.with_name("other.pem")))
    with pytest.raises(EnvironmentFaultError, match="certificate"):
        await ask_feed(feed.url)


async def test_who_stops_waiting_is_not_held_up(feed: FeedServer) -> None:
    feed.release("0.2.0")
    task = asyncio.create_task(ask_feed(feed.url))
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    # Its thread asks on. The next test, which closes what this one's server left, must not meet it.
    for thread in threading.enumerate():
        if thread.name == "slate-feed":
            thread.join(20)


async def test_doctor_says_what_the_feed_says(feed: FeedServer) -> None:
    assert await check_feed() == []
    save_settings({"update_feed": feed.url})
    feed.release(__version__)
    (check,) = await check_feed()
    assert (check.state, check.detail) == (State.OK, f"{__version__} is the newest")
    feed.release("99.1.0")
    (check,) = await check_feed()
    assert check.state is State.NOTE
    assert check.detail.startswith("99.1.0 is there")
    assert check.fix == "https://example.org/99.1.0"
    feed.status = 500
    (check,) = await check_feed()
    assert check.state is State.WARNING
    assert "500" in check.detail
    assert "update_feed" in check.fix


async def test_the_address_can_be_tested_from_the_settings(feed: FeedServer) -> None:
    assert can_test("update_feed")
    for versions, words in (
        (("99.0.0",), "99.0.0 is newer"),
        (("0.0.1",), "newest release is 0.0.1"),
        ((), "names no release"),
    ):
        feed.release(*versions)
        assert words in await check_address("update_feed", {"update_feed": feed.url})


@pytest.mark.parametrize("text", ["http://host/feed", "ftp://host", "host", "https://me:pw@host/"])
def test_an_address_that_is_not_private_is_refused(text: str) -> None:
    with pytest.raises(SettingsError, match="New versions cannot be"):
        catalog.parse(catalog.find("update_feed"), text)


def test_the_command_line_says_it_too(feed: FeedServer, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["version", "--newest", "--json"]) == EXIT_ENVIRONMENT
    assert "update_feed" in json.loads(capsys.readouterr().out)["error"]["hint"]
    save_settings({"update_feed": feed.url})
    feed.release("99.0.0")
    assert main(["version", "--newest", "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert (told["newest"], told["is_newer"]) == ("99.0.0", True)
    assert told["url"] == "https://example.org/99.0.0"
