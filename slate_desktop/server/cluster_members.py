"""A cluster's further brokers: who they are, and what the server tells them.

::

    slate server add-broker → join file → slate connect --broker DIR FILE, on the other host
        → brokers/<name>.json here → state, asked for every second → slate server broker there

A further broker keeps no database and decides nothing: whom it admits, and which peers it lets in,
is the server's state, which it writes down, so that it starts without the server too.
"""

from __future__ import annotations

import base64
import binascii
import contextlib
import hashlib
import zlib
from pathlib import Path
from typing import Any

import msgspec

from slate_desktop.bus.permissions import Permissions, inbox_prefix
from slate_desktop.domain.joining import BrokerPlace, check_host
from slate_desktop.errors import CommandError, ErrorCode, SettingsError
from slate_desktop.server.certificates import key_pin
from slate_desktop.server.config import ServerConfig, ServerFiles
from slate_desktop.settings import files
from slate_desktop.stack.nats_server import ClusterListen, NatsUser
from slate_desktop.wire import codec
from slate_desktop.wire.keys import decode_public

STATE_SUBJECT = "slate.broker.state"
# Three is the least of which one may fail.
CLUSTER_SIZE = 3
# Base64 in JSON, well below what a message may hold.
_PAGE_BYTES = 384 * 1024


class Broker(msgspec.Struct, frozen=True, kw_only=True):
    """A further broker, as ``brokers/<name>.json`` keeps it.

    Attributes:
        place: its name, and where it is reached.
        public_key: with which it signs in to ask for the state.
        pin: SHA-256 of its certificate's key, hex.
        is_removed: it belongs to the cluster no more, and the cluster does not know it yet.
    """

    place: BrokerPlace
    public_key: str
    pin: str
    is_removed: bool = False


class Peer(msgspec.Struct, frozen=True, kw_only=True):
    """A member of the cluster, as the others see it."""

    place: BrokerPlace
    pin: str


class ClusterState(msgspec.Struct, frozen=True, kw_only=True):
    """What each further broker needs to know.

    Attributes:
        cluster: its name.
        is_begun: whether the server's own broker is one of the cluster.
        peers: all brokers, the server's own first.
        users: everybody who is admitted.
    """

    cluster: str
    is_begun: bool
    peers: tuple[Peer, ...]
    users: tuple[NatsUser, ...]


def read_brokers(directory: Path) -> list[Broker]:
    """Return the further brokers that have joined, by name, removed ones too."""
    found: list[Broker] = []
    for path in sorted(directory.glob("*.json")):
        with contextlib.suppress(Exception):
            one = msgspec.json.decode(files.read_private(path), type=Broker)
            decode_public(one.public_key)
            if path.stem == one.place.name:
                found.append(one)
    return found


def write_broker(directory: Path, broker: Broker) -> None:
    """Note a further broker; raises ``SettingsError``."""
    files.ensure_private_dir(directory)
    files.write_private(_file(directory, broker.place.name), msgspec.json.encode(broker))


def forget_broker(directory: Path, name: str) -> None:
    """Take a further broker's file away; harmless when it is gone."""
    files.remove(_file(directory, name))


def present(brokers: list[Broker]) -> list[Broker]:
    """Return those that belong to the cluster."""
    return [one for one in brokers if not one.is_removed]


def is_begun(server_files: ServerFiles) -> bool:
    """Tell whether the server's broker is one of a cluster."""
    return server_files.clustered.exists()


def make_peers(
    server_files: ServerFiles, config: ServerConfig, brokers: list[Broker]
) -> tuple[Peer, ...]:
    """Return all members; raises ``SettingsError`` where the server's certificate is damaged."""
    own = Peer(place=config.own_place, pin=key_pin(files.read_private(server_files.certificate)))
    return (own, *(Peer(place=one.place, pin=one.pin) for one in present(brokers)))


def cluster_listen(
    name: str,
    own: BrokerPlace,
    peers: tuple[Peer, ...],
    *,
    host: str,
    port: int,
    certificate: Path,
    key: Path,
    authority: Path,
) -> ClusterListen:
    """Return how the broker ``own`` belongs to the cluster ``name``.

    It binds ``host`` and ``port``, which mostly are where its place says that it is.
    """
    others = [peer for peer in peers if peer.place.name != own.name]
    return ClusterListen(
        name=name,
        host=host,
        port=port,
        advertise=own.route,
        client_advertise=own.address,
        routes=tuple(f"tls://{peer.place.route}" for peer in others),
        certificate=certificate,
        key=key,
        authority=authority,
        pins=tuple(peer.pin for peer in peers),
    )


def urls_of(peers: tuple[Peer, ...]) -> str:
    """Return the addresses of all brokers as clients take them."""
    return ",".join(f"tls://{peer.place.address}" for peer in peers)


def broker_permissions(public_key: str) -> Permissions:
    """What a further broker's own login may do: ask for the state."""
    return Permissions(publish=(STATE_SUBJECT,), subscribe=(f"{inbox_prefix(public_key)}.>",))


class StatePages:
    """The state in pages that fit into messages; the digest names which state it is."""

    def __init__(self, state: ClusterState) -> None:
        raw = zlib.compress(msgspec.json.encode(state), level=6)
        self.digest = hashlib.sha256(raw).hexdigest()
        self._pages = [raw[at : at + _PAGE_BYTES] for at in range(0, len(raw), _PAGE_BYTES)]

    def answer(self, body: bytes) -> bytes:
        """Answer ``{"digest", "page"}``: nothing new, or a page of what is new.

        Raises:
            CommandError: ``bad_request``.
        """
        request = codec.decode_object(body)
        known, page = request.get("digest", ""), request.get("page", 0)
        if not isinstance(page, int) or not 0 <= page < len(self._pages):
            raise CommandError(ErrorCode.BAD_REQUEST, "There is no such page.", field="page")
        if known == self.digest and page == 0:
            return codec.encode({"digest": self.digest, "pages": 0, "data": ""})
        data = base64.b64encode(self._pages[page]).decode()
        return codec.encode({"digest": self.digest, "pages": len(self._pages), "data": data})


class StatePage(msgspec.Struct, frozen=True):
    """One answer of ``StatePages``."""

    digest: str
    pages: int
    data: str


def join_pages(pages: list[StatePage]) -> ClusterState:
    """Return the state that was fetched in pages.

    Raises:
        CommandError: ``bad_request``: it is damaged.
    """
    try:
        raw = b"".join(base64.b64decode(page.data, validate=True) for page in pages)
        is_whole = hashlib.sha256(raw).hexdigest() == pages[0].digest
        state = msgspec.json.decode(zlib.decompress(raw), type=ClusterState)
    except (ValueError, binascii.Error, zlib.error, msgspec.MsgspecError) as exc:
        raise CommandError(ErrorCode.BAD_REQUEST, f"The state is damaged: {exc}.") from exc
    if not is_whole:
        raise CommandError(ErrorCode.BAD_REQUEST, "The state has another digest than it says.")
    return state


def check_place(place: BrokerPlace, config: ServerConfig, others: list[BrokerPlace]) -> None:
    """Refuse a place where no further broker can be.

    Raises:
        SettingsError: a value that cannot work, or what another broker has.
    """
    for host in place.hosts:
        check_host(host)
    for port in (place.nats_port, place.cluster_port):
        if not 1 <= port <= 65535:
            raise SettingsError(f"{port} is not a port.")
    if place.name == config.name:
        raise SettingsError(f"{place.name} is the server itself.", hint="Choose another name.")
    # One that joins again may come to the same address.
    for other in (config.own_place, *(one for one in others if one.name != place.name)):
        if {place.address, place.route} & {other.address, other.route}:
            raise SettingsError(f"{other.name} is reached at that address already.")


def mark_removed(server_files: ServerFiles, name: str) -> None:
    """Take a further broker out; a cluster's server tells the cluster of it.

    Raises:
        CommandError: ``not_found``.
        SettingsError: the cluster would be too small without it.
    """
    known = present(read_brokers(server_files.brokers))
    found = [one for one in known if one.place.name == name]
    if not found:
        raise CommandError(ErrorCode.NOT_FOUND, f"There is no broker {name!r}.")
    if not is_begun(server_files):
        forget_broker(server_files.brokers, name)
        return
    if len(known) < CLUSTER_SIZE:
        raise SettingsError(
            f"Without {name} the cluster would have {len(known)} brokers; it needs three.",
            hint="Add another one first: slate server add-broker",
        )
    write_broker(server_files.brokers, msgspec.structs.replace(found[0], is_removed=True))


def to_json(place: BrokerPlace) -> dict[str, Any]:
    """Return a place as commands print it."""
    return {"name": place.name, "address": place.address, "route": place.route}


def _file(directory: Path, name: str) -> Path:
    return directory / f"{name}.json"
