"""On which host a session is started, and why there, in words."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from slate_desktop.domain.hosts import Host
from slate_desktop.domain.sizes import format_bytes
from slate_desktop.errors import CommandError, ErrorCode, Retry
from slate_desktop.translation import message

# A busier processor counts like so much less free memory.
_BYTES_PER_PERCENT = 64 * 1024 * 1024


class HostNeeds(msgspec.Struct, frozen=True, kw_only=True):
    """What a session asks of a host.

    Attributes:
        driver: that it must have; None for any.
        memory_bytes: its limit; 0 for none.
        cpus: its limit; 0 for none.
        gpu: whether it needs one.
    """

    driver: str | None = None
    memory_bytes: int = 0
    cpus: float = 0.0
    gpu: bool = False


class Placement(msgspec.Struct, frozen=True, kw_only=True):
    """The host that was chosen, and a sentence that says why; empty where there was no choice."""

    host_id: str
    words: str = ""


def choose_host(needs: HostNeeds, hosts: Sequence[Host], wanted: str | None = None) -> Placement:
    """Return the best host that is there.

    Where only one host is in service it is taken as it is: it says itself what it lacks.

    Args:
        needs: of the session.
        hosts: all of them.
        wanted: the id or name of a host that a person named.

    Raises:
        CommandError: ``not_found`` for a host that nobody knows, ``host_cordoned`` where those that
            are there take no new work, ``no_agent`` where none fits or is there; each host's reason
            is said.
    """
    if wanted is not None:
        hosts = [host for host in hosts if wanted in (host.id, host.name)]
        if not hosts:
            raise CommandError(ErrorCode.NOT_FOUND, f"There is no host {wanted!r}.", field="host")
    online = [host for host in hosts if host.is_online]
    if not online:
        raise CommandError(
            ErrorCode.NO_AGENT, _said("No host is online", hosts, needs), retry=Retry.LATER
        )
    in_service = [host for host in online if not host.is_cordoned]
    if not in_service:
        raise CommandError(
            ErrorCode.HOST_CORDONED,
            _said("No host takes new work", online, needs),
            retry=Retry.LATER,
            hint="An administrator puts it back into service: slate hosts uncordon HOST",
        )
    if len(in_service) == 1 and (wanted is not None or len(online) == 1):
        return Placement(host_id=in_service[0].id)
    fitting = [host for host in in_service if not _lacks(needs, host)]
    if not fitting:
        raise CommandError(
            ErrorCode.NO_AGENT, _said("No host fits", online, needs), retry=Retry.LATER
        )
    best = max(fitting, key=lambda host: (_worth(host), host.id))
    others = [
        _lacks(needs, host) or message(f"{host.name} has {_free_words(host)}")
        for host in online
        if host.id != best.id
    ]
    return Placement(
        host_id=best.id, words=f"Runs on {best.name}, {_free_words(best)}; {'; '.join(others)}."
    )


def free_bytes(host: Host) -> int:
    """Return the memory of a host that is neither promised nor in use."""
    total = host.memory_bytes or (host.load.memory_total if host.load is not None else 0)
    used = host.load.memory_used if host.load is not None else 0
    return max(0, total - max(used, host.memory_held))


def _lacks(needs: HostNeeds, host: Host) -> str:
    """Say what keeps a host from running it; empty for nothing."""
    name = host.name
    if not host.is_online:
        return message(f"{name} is offline")
    if host.is_cordoned:
        reason = f" ({host.cordon_reason})" if host.cordon_reason else ""
        if host.is_draining:
            return message(f"{name} is draining{reason}")
        return message(f"{name} is cordoned{reason}")
    if not host.drivers:
        return message(f"{name} can run nothing")
    if needs.driver is not None and needs.driver not in host.drivers:
        return message(f"{name} has no {needs.driver}")
    if needs.gpu and not host.has_gpu:
        return message(f"{name} has no GPU")
    if needs.cpus and host.cpus and needs.cpus > host.cpus:
        return message(f"{name} has {host.cpus:g} of {needs.cpus:g} processors")
    if needs.memory_bytes and host.memory_bytes and needs.memory_bytes > free_bytes(host):
        wanted = format_bytes(needs.memory_bytes)
        return message(f"{name} has {_free_words(host)} of {wanted}")
    return ""


def _worth(host: Host) -> float:
    busy = host.load.cpu_percent if host.load is not None else 0.0
    return free_bytes(host) - busy * _BYTES_PER_PERCENT


def _free_words(host: Host) -> str:
    words = message(f"{format_bytes(free_bytes(host))} free")
    return words if host.load is None else f"{words} and {host.load.cpu_percent:.0f} % busy"


def _said(what: str, hosts: Sequence[Host], needs: HostNeeds) -> str:
    reasons = "; ".join(_lacks(needs, host) for host in hosts)
    return f"{what}: {reasons}." if reasons else f"{what}."
