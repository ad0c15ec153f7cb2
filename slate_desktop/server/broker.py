"""Who is admitted at the server's broker, and for what: people, agents and guests."""

from __future__ import annotations

from collections.abc import Iterable

from slate_desktop.bus import permissions
from slate_desktop.bus.permissions import Permissions
from slate_desktop.domain.joining import join_subject
from slate_desktop.domain.project import AgentRow, Member, User
from slate_desktop.server.config import ServerConfig, ServerFiles
from slate_desktop.server.invitations import Invitation
from slate_desktop.stack.nats_server import Listen, NatsServer, NatsUser

JOIN_ANY = "slate.join.*"
_MAX_CONNECTIONS = 4096


def make_broker(
    server_files: ServerFiles, config: ServerConfig, users: list[NatsUser]
) -> NatsServer:
    """Return the broker of a server directory, not started."""
    return NatsServer(
        server_files.nats,
        users,
        log_file=server_files.logs / "nats-server.log",
        listen=Listen(
            server_name=config.name,
            host=config.listen,
            port=config.nats_port,
            max_connections=_MAX_CONNECTIONS,
            certificate=server_files.certificate,
            key=server_files.key,
        ),
    )


def broker_users(
    registrar: str,
    people: Iterable[User],
    members: Iterable[Member],
    agents: Iterable[AgentRow],
    invitations: Iterable[Invitation],
) -> list[NatsUser]:
    """Return everybody who is admitted, each with what they may publish and hear."""
    users = [NatsUser(public_key=registrar, permissions=_registrar(registrar))]
    projects: dict[str, list[str]] = {}
    for member in members:
        projects.setdefault(member.user_id, []).append(member.project_id)
    users += [
        NatsUser(
            public_key=person.pubkey,
            permissions=permissions.user(person.pubkey, projects.get(person.id, ())),
        )
        for person in people
    ]
    users += [
        NatsUser(public_key=agent.pubkey, permissions=permissions.agent(agent.id, agent.pubkey))
        for agent in agents
        if agent.pubkey
    ]
    users += [
        NatsUser(public_key=guest.public_key, permissions=_guest(guest.public_key))
        for guest in invitations
    ]
    return users


def _registrar(public_key: str) -> Permissions:
    return Permissions(
        subscribe=(JOIN_ANY, f"{permissions.inbox_prefix(public_key)}.>"), responses=1
    )


def _guest(public_key: str) -> Permissions:
    return Permissions(
        publish=(join_subject(public_key),),
        subscribe=(f"{permissions.inbox_prefix(public_key)}.>",),
    )
