"""``slate://`` links: what they may name, and what is refused; what the desktop is told of them."""

from __future__ import annotations

import configparser
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest

from slate_desktop.domain.links import Link, LinkKind, is_link, parse_link
from slate_desktop.errors import CommandError

LINUX = Path(__file__).resolve().parent.parent.parent / "packaging" / "linux"


@pytest.mark.parametrize("kind", list(LinkKind))
def test_a_link_leads_back_to_itself(kind: LinkKind) -> None:
    link = Link(profile="sbx01", kind=kind, id="0d3f-91ab")
    assert parse_link(str(link)) == link
    assert is_link(str(link))


def test_case_of_scheme_and_server_does_not_count() -> None:
    assert parse_link("SLATE://Local/session/A").profile == "local"
    assert parse_link("slate://local/session/A/").id == "A"


@pytest.mark.parametrize(
    "text",
    [
        "slate:",
        "slate://",
        "slate://local",
        "slate://local/session",
        "slate://local/session/",
        "slate://local/session/a/b",
        "slate://local/session/..",
        "slate://local/session/%2e%2e%2f",
        "slate://local/session/a%00",
        "slate://local/session/a?start=1",
        "slate://local/start/a",
        "slate://user@local/session/a",
        "slate://local:22/session/a",
        "slate://-x/session/a",
        "slate://local/session/" + "a" * 65,
        "slate://local/session/" + "a" * 5000,
        "slate://[::1/session/a",
    ],
)
def test_anything_else_is_refused(text: str) -> None:
    with pytest.raises(CommandError) as caught:
        parse_link(text)
    assert caught.value.code == "bad_request"


def test_the_desktop_hands_links_and_join_files_to_the_window() -> None:
    entry = configparser.ConfigParser(interpolation=None)
    entry.read(LINUX / "slate-desktop.desktop", encoding="utf-8")
    types = entry["Desktop Entry"]["MimeType"].split(";")
    assert entry["Desktop Entry"]["Exec"] == "slate-desktop %u"
    root = ET.parse(LINUX / "slate-desktop.mime.xml").getroot()
    space = {"m": "http://www.freedesktop.org/standards/shared-mime-info"}
    named = {kind.attrib["type"] for kind in root.findall("m:mime-type", space)}
    assert named == {"application/x-slate-join"}
    assert named | {"x-scheme-handler/slate"} <= set(types)
    assert [g.attrib["pattern"] for g in root.iterfind(".//m:glob", space)] == ["*.slate-join"]
