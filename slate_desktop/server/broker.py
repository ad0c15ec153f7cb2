"""Who is admitted at the server's broker, and for what: people, agents and guests."""

from __future__ import annotations

from collections.abc import Iterable

from slate_desktop.bus import permissions
from slate_desktop.bus.permissions import Permissions
from slate_desktop.domain.joining import join_subject
from slate_desktop.domain.project import AgentRow, Member, User
from slate_desktop.server import cluster_members
from slate_desktop.server.config import ServerConfig, ServerFiles
from slate_desktop.server.invitations import Invitation
from slate_desktop.server.streams import operator_permissions
from slate_desktop.stack.nats_server import ClusterListen, Listen, NatsServer, NatsUser

JOIN_ANY = "slate.join.*"
_MAX_CONNECTIONS = 4096


def make_broker(
    server_files: ServerFiles, config: ServerConfig, users: list[NatsUser]
) -> NatsServer:
    """Return the broker of a server directory, not started."""
    broker = NatsServer(
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
    if cluster_members.is_begun(server_files):
        known = cluster_members.read_brokers(server_files.brokers)
        broker.cluster = own_listen(server_files, config, known)
    return broker


def own_listen(
    server_files: ServerFiles, config: ServerConfig, brokers: list[cluster_members.Broker]
) -> ClusterListen:
    """Return how the server's own broker belongs to its cluster."""
    return cluster_members.cluster_listen(
        config.name,
        config.own_place,
        cluster_members.make_peers(server_files, config, brokers),
        host=config.listen,
        port=config.cluster_port,
        certificate=server_files.certificate,
        key=server_files.key,
        authority=server_files.authority_certificate,
    )


def broker_users(
    registrar: str,
    people: Iterable[User],
    members: Iterable[Member],
    agents: Iterable[AgentRow],
    invitations: Iterable[Invitation],
    brokers: Iterable[cluster_members.Broker] = (),
) -> list[NatsUser]:
    """Return everybody who is admitted, each with what they may publish and hear."""
    peers = list(brokers)
    users = [NatsUser(public_key=registrar, permissions=_registrar(registrar, peers))]
    users += [
        NatsUser(
            public_key=peer.public_key,
            permissions=cluster_members.broker_permissions(peer.public_key),
        )
        for peer in peers
    ]
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


def _registrar(public_key: str, brokers: list[cluster_members.Broker]) -> Permissions:
    """The server itself: it lets people in, and sees that streams are replicated."""
    streams = operator_permissions(public_key)
    return Permissions(
        publish=(
            *streams.publish,
            "$JS.API.STREAM.CREATE.*",
            "$JS.API.STREAM.UPDATE.*",
            "$JS.API.CONSUMER.CREATE.>",
            "$JS.API.STREAM.DELETE.*",
            # Named, because reading its configuration anew the broker forgets whom one may answer.
            *(f"{permissions.inbox_prefix(one.public_key)}.>" for one in brokers),
        ),
        subscribe=(JOIN_ANY, cluster_members.STATE_SUBJECT, *streams.subscribe),
        responses=1,
    )


def _guest(public_key: str) -> Permissions:
    return Permissions(
        publish=(join_subject(public_key),),
        subscribe=(f"{permissions.inbox_prefix(public_key)}.>",),
    )
