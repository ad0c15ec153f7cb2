"""Keeps containers from what is not theirs: the host's services, each other, and the way out.

A container reaches its host by the address of its bridge, whatever Docker isolates, so rules of the
host's packet filter stand in front::

    INPUT       -i sl-…  → SLATE-HOST      answers only, the rest is refused
    DOCKER-USER -i sl-…  → SLATE-FORWARD   answers; refused: other sessions, link-local addresses
                         → SLATE-SERVERS   refused: broker and database, of every agent here
                         → SLATE-WAY-OUT   one line for each bridge that has a way out; the rest
                                           is refused

Who may not change the filter, or does not share the engine's network namespace, gets the reason,
and keeps what the engine does alone: networks without an address of the host, and no way out.
"""

from __future__ import annotations

import asyncio
import ipaddress
import logging
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterable

_log = logging.getLogger(__name__)

BRIDGE_PREFIX = "sl-"
_BRIDGES = f"{BRIDGE_PREFIX}+"
_HOST, _FORWARD = "SLATE-HOST", "SLATE-FORWARD"
_SERVERS, _WAY_OUT = "SLATE-SERVERS", "SLATE-WAY-OUT"
_DOCKERS = "DOCKER-USER"
_ANSWERS = ("-m", "conntrack", "--ctstate", "ESTABLISHED,RELATED", "-j", "RETURN")
# Addresses of a link, where clouds keep their machines' credentials.
_LINK_LOCAL = "169.254.0.0/16"
_TIMEOUT_S = 15.0
_WAIT_S = "5"
_ASK_EVERY_S = 30.0


class FilterError(Exception):
    """The packet filter refused a rule; the text is its own."""


class Guard:
    """The rules on this host. Its methods are safe to call again.

    Args:
        servers: hosts that containers must not reach even with a way out, such as the broker's.
        is_local: whether the engine is on this machine.
    """

    def __init__(self, servers: Iterable[str] = (), *, is_local: bool = True) -> None:
        self._servers = tuple(sorted(set(servers)))
        self._is_local = is_local
        self._lock = asyncio.Lock()
        # When it was asked, and the answer.
        self._known: tuple[float, str] | None = None
        # The servers' addresses, and what the filter said when all rules were last put in place.
        self._stood: tuple[list[str], list[str]] | None = None

    async def why_not(self) -> str:
        """Return why this process cannot guard containers here; empty where it can."""
        if not self._is_local:
            return "the engine is on another machine"
        if sys.platform != "linux":
            return "only Linux has the packet filter that is needed"
        now_s = time.monotonic()
        if self._known is None or now_s - self._known[0] >= _ASK_EVERY_S:
            self._known = now_s, await asyncio.to_thread(_why_not)
        return self._known[1]

    async def stand(self) -> None:
        """Have the rules in place again, where a firewall that was loaded anew dropped them."""
        if await self.why_not():
            return
        async with self._lock:
            try:
                await asyncio.to_thread(self._stand)
            except FilterError as error:
                _log.warning("containers are not guarded: %s", error)

    async def open(self, bridge: str, *, has_way_out: bool) -> None:
        """Have the rules in place, and let one bridge out, or not.

        Raises:
            FilterError: the packet filter refuses them.
        """
        async with self._lock:
            await asyncio.to_thread(self._open, bridge, has_way_out)

    async def close(self, bridge: str) -> None:
        """Forget a bridge that is gone; harmless for one that was not let out."""
        async with self._lock:
            try:
                await asyncio.to_thread(_let_out, bridge, False)
            except FilterError as error:
                _log.warning("a rule of a network that is gone stays: %s", error)

    def _open(self, bridge: str, has_way_out: bool) -> None:
        rules = self._stand()
        if has_way_out or _way_out_of(bridge) in rules:
            _let_out(bridge, has_way_out)

    def _stand(self) -> list[str]:
        """Put every rule in its place, and return all there are.

        Where all is as it was that is one question: a start waits for each process that is run.
        """
        rules, addresses = _rules(), _addresses(self._servers)
        if self._stood == (addresses, _ours(rules)):
            return rules
        for chain in (_SERVERS, _WAY_OUT):
            if not _has(chain):
                _make(chain)
        for address in addresses:
            _append(_SERVERS, "-d", address, "-j", "REJECT")
        _append(_WAY_OUT, "-j", "REJECT")
        _fill(_HOST, [_ANSWERS, ("-j", "REJECT")])
        refused = [(*match, "-j", "REJECT") for match in (("-o", _BRIDGES), ("-d", _LINK_LOCAL))]
        _fill(_FORWARD, [_ANSWERS, *refused, ("-j", _SERVERS), ("-g", _WAY_OUT)])
        _jump_first("INPUT", _HOST)
        _jump_first(_DOCKERS, _FORWARD)
        rules = _rules()
        self._stood = addresses, _ours(rules)
        return rules


def _why_not() -> str:
    if shutil.which("iptables") is None:
        return "iptables is not installed"
    try:
        # The engine's own chain is in its network namespace only.
        _run("-L", _DOCKERS, "-n")
    except FilterError as error:
        text = str(error)
        if "Permission denied" in text or "must be root" in text or "not permitted" in text:
            return "it takes the rights of root, or CAP_NET_ADMIN, which the agent has not"
        return f"the engine's rules are not in this network namespace ({text})"
    return ""


def _rules() -> list[str]:
    return [line for line in _run("-S").splitlines() if line.startswith("-A ")]


def _ours(rules: list[str]) -> list[str]:
    """Return our rules but those of single bridges, with what stands first on the ways to them."""
    firsts = [
        next((rule for rule in rules if rule.startswith(f"-A {chain} ")), "")
        for chain in ("INPUT", _DOCKERS)
    ]
    of_one = f"-A {_WAY_OUT} -i "
    return [*firsts, *(r for r in rules if r.startswith("-A SLATE-") and not r.startswith(of_one))]


def _way_out_of(bridge: str) -> str:
    return f"-A {_WAY_OUT} -i {bridge} -j RETURN"


def _let_out(bridge: str, has_way_out: bool) -> None:
    rule = ("-i", bridge, "-j", "RETURN")
    if not _has(_WAY_OUT) or _has_rule(_WAY_OUT, *rule) == has_way_out:
        return
    _run("-I" if has_way_out else "-D", _WAY_OUT, *rule)


def _fill(chain: str, rules: list[tuple[str, ...]]) -> None:
    """Give a chain exactly these rules, at once; one that has them is left alone."""
    is_long_enough = _has(chain) and len(_list(chain)) == len(rules)
    if is_long_enough and all(_has_rule(chain, *rule) for rule in rules):
        return
    lines = [" ".join(("-A", chain, *rule)) for rule in rules]
    text = "\n".join(["*filter", f":{chain} - [0:0]", *lines, "COMMIT", ""])
    _call(["iptables-restore", "-w", _WAIT_S, "--noflush"], text)


def _make(chain: str) -> None:
    try:
        _run("-N", chain)
    except FilterError:
        # Another agent on this host may have been faster.
        if not _has(chain):
            raise


def _append(chain: str, *rule: str) -> None:
    if not _has_rule(chain, *rule):
        _run("-A", chain, *rule)


def _jump_first(chain: str, target: str) -> None:
    rule = ("-i", _BRIDGES, "-j", target)
    first = _list(chain)[:1]
    if first and _has_rule(chain, *rule) and target in first[0].split():
        return
    while _has_rule(chain, *rule):
        _run("-D", chain, *rule)
    _run("-I", chain, "1", *rule)


def _addresses(hosts: Iterable[str]) -> list[str]:
    """Return the addresses of hosts as the filter takes them; this machine's own need no rule."""
    found: set[str] = set()
    for host in hosts:
        try:
            rows = socket.getaddrinfo(host, None, socket.AF_INET, socket.SOCK_STREAM)
        except OSError as error:
            _log.warning("containers may reach a server whose address is not known: %s", error)
            continue
        found.update(str(row[4][0]) for row in rows)
    return sorted(f"{a}/32" for a in found if not ipaddress.ip_address(a).is_loopback)


def _has(chain: str) -> bool:
    try:
        _run("-S", chain)
    except FilterError:
        return False
    return True


def _has_rule(chain: str, *rule: str) -> bool:
    try:
        _run("-C", chain, *rule)
    except FilterError:
        return False
    return True


def _list(chain: str) -> list[str]:
    return [line for line in _run("-S", chain).splitlines() if line.startswith("-A ")]


def _run(*arguments: str) -> str:
    return _call(["iptables", "-w", _WAIT_S, *arguments])


def _call(command: list[str], text: str = "") -> str:
    try:
        done = subprocess.run(  # noqa: S603 - our own words, and names that we made
            command, input=text, capture_output=True, text=True, timeout=_TIMEOUT_S, check=False
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise FilterError(f"{command[0]} does not answer: {error}") from error
    if done.returncode != 0:
        raise FilterError((done.stderr.strip().splitlines() or [f"{command[0]} failed"])[-1])
    return done.stdout
