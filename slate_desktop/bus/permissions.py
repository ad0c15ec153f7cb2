"""What each role may publish and subscribe: the allow-lists that the broker enforces.

They stand in front of signatures and project roles, and replace neither.
Source: docs/architecture.md, "The ways of the data";
https://docs.nats.io/running-a-nats-service/configuration/securing_nats/authorization
"""

from __future__ import annotations

from collections.abc import Collection

import msgspec

# Putting and getting objects of the one bucket; see nats_objects.
OBJECTS = (
    "$O.slate.C.*",
    "$O.slate.M.*",
    "$JS.API.STREAM.INFO.OBJ_slate",
    "$JS.API.DIRECT.GET.OBJ_slate.>",
    "$JS.API.STREAM.MSG.GET.OBJ_slate",
    "$JS.API.CONSUMER.CREATE.OBJ_slate.>",
    "$JS.API.CONSUMER.DELETE.OBJ_slate.*",
    "$JS.API.CONSUMER.MSG.NEXT.OBJ_slate.*",
)


class Permissions(msgspec.Struct, frozen=True, kw_only=True):
    """Allow-lists of one broker user; everything else is denied.

    ``responses`` and ``responses_expire_s`` let it answer messages that carry a reply subject.
    """

    publish: tuple[str, ...] = ()
    subscribe: tuple[str, ...] = ()
    responses: int = 0
    responses_expire_s: int = 60

    def can_publish(self, subject: str) -> bool:
        """Tell whether ``subject`` may be published (answers apart)."""
        return any(matches(pattern, subject) for pattern in self.publish)

    def can_subscribe(self, subject: str) -> bool:
        """Tell whether ``subject``, which may hold wildcards, lies within the allow-list."""
        return any(contains(pattern, subject) for pattern in self.subscribe)


def inbox_prefix(public_key: str) -> str:
    """The prefix of a user's reply subjects."""
    return f"_INBOX_{public_key}"


def user(public_key: str, projects: Collection[str] = ("*",)) -> Permissions:
    """A person's window, command line or script.

    Args:
        public_key: names the inbox.
        projects: whose events may be heard; all by default.
    """
    heard = tuple(
        f"slate.{room}.{project}.*.*"
        for project in sorted(projects)
        for room in ("runtime", "build", "job")
    )
    return Permissions(
        publish=(
            "slate.container.*.*",
            "slate.asset.process.*",
            "slate.build.submit.*",
            "slate.job.cancel.*",
            "slate.agent.*.request",
            "$JS.API.INFO",
            *OBJECTS,
        ),
        subscribe=(
            f"{inbox_prefix(public_key)}.>",
            "slate.agent.*.heartbeat",
            *heard,
        ),
    )


def agent(agent_id: str, public_key: str) -> Permissions:
    """The agent ``agent_id``. It may not delete, purge or update a stream."""
    return Permissions(
        publish=(
            "slate.runtime.>",
            "slate.build.>",
            "slate.job.>",
            "slate.asset.process.*",
            f"slate.agent.{agent_id}.heartbeat",
            "$JS.API.INFO",
            "$JS.API.STREAM.INFO.*",
            "$JS.API.STREAM.CREATE.*",
            "$JS.API.CONSUMER.>",
            "$JS.ACK.>",
            # Chunks of uploads that never ended are removed by agents; nothing else is purged.
            "$JS.API.STREAM.PURGE.OBJ_slate",
            *OBJECTS,
        ),
        subscribe=(
            "slate.container.*.*",
            "slate.job.cancel.*",
            f"slate.agent.{agent_id}.request",
            f"{inbox_prefix(public_key)}.>",
        ),
        # A start comes twice, by the queue group and for the host that it names, and the broker
        # takes the second delivery for an answer that was sent.
        responses=2,
    )


def matches(pattern: str, subject: str) -> bool:
    """Tell whether the literal ``subject`` matches ``pattern`` (``*`` a token, ``>`` the rest)."""
    return contains(pattern, subject)


def contains(pattern: str, subject: str) -> bool:
    """Tell whether every subject that ``subject`` matches is matched by ``pattern`` too."""
    want, have = pattern.split("."), subject.split(".")
    for index, part in enumerate(want):
        if part == ">":
            return len(have) > index
        if index >= len(have) or have[index] == ">":
            return False
        if part not in ("*", have[index]):
            return False
    return len(want) == len(have)
