"""``slate://`` links: they name a project, a session or a build of a server, and nothing more.

::

    slate://local/session/0d3f…       of this computer's own stack
    slate://sbx01/project/91ab…       of a server that was joined as sbx01

A link comes from anywhere, a web page included: it can show something, and never change anything.
"""

from __future__ import annotations

import re
from enum import StrEnum

import msgspec

from slate_desktop.domain.ids import check_id
from slate_desktop.errors import CommandError, ErrorCode
from slate_desktop.translation import message

SCHEME = "slate"
# What a profile may be called is the settings'; nothing is unescaped, as no part needs it.
_LINK = re.compile(
    r"slate://(?P<profile>[a-z0-9][a-z0-9-]{0,39})/(?P<kind>[a-z]+)/(?P<id>[^/?#]+)/?",
    re.IGNORECASE,
)


class LinkKind(StrEnum):
    """What a link shows."""

    PROJECT = message("project")
    SESSION = message("session")
    BUILD = message("build")


class Link(msgspec.Struct, frozen=True, kw_only=True):
    """A link that was read; ``str()`` is its text."""

    profile: str
    kind: LinkKind
    id: str

    def __str__(self) -> str:
        return f"{SCHEME}://{self.profile}/{self.kind.value}/{self.id}"


def is_link(text: str) -> bool:
    """Tell whether a text is meant as a link of ours."""
    return text.lower().startswith(f"{SCHEME}:")


def parse_link(text: str) -> Link:
    """Read a link.

    Raises:
        CommandError: ``bad_request``; it is no link of the forms above.
    """
    found = _LINK.fullmatch(text)
    if found is None or found["kind"] not in [kind.value for kind in LinkKind]:
        raise CommandError(
            ErrorCode.BAD_REQUEST,
            "This is no link of SLATE",
            field="link",
            hint="Links look like slate://local/session/ID, with project, session or build.",
        )
    return Link(
        profile=found["profile"].lower(),
        kind=LinkKind(found["kind"]),
        id=check_id(found["id"], "link"),
    )
