"""On which host a session starts, and the sentence that says why."""

from __future__ import annotations

from typing import Any

import pytest

from slate_desktop.domain.hosts import Host, HostLoad
from slate_desktop.domain.placement import HostNeeds, choose_host
from slate_desktop.errors import CommandError, ErrorCode

GIB = 1024**3


def host(name: str, free_gib: float = 8, busy: float = 10, **more: Any) -> Host:
    load = HostLoad(
        cpu_percent=busy, cpus=8, memory_used=int((16 - free_gib) * GIB), memory_total=16 * GIB,
        disk_free=GIB, disk_total=GIB,
    )  # fmt: skip
    fields: dict[str, Any] = {
        "id": name, "name": name, "is_online": True, "seen_ago_s": 1.0, "cpus": 8.0,
        "drivers": ("docker", "process"), "memory_bytes": 16 * GIB, "has_gpu": False,
        "sessions": 0, "memory_held": 0, "load": load,
    }  # fmt: skip
    return Host(**(fields | more))


def test_the_host_with_the_most_free_is_chosen_and_the_others_are_explained() -> None:
    hosts = [host("a", 4), host("b", 12), host("c", 14, drivers=("process",))]
    found = choose_host(HostNeeds(driver="docker"), hosts)
    assert found.host_id == "b"
    assert "Runs on b" in found.words
    assert "c has no docker" in found.words
    assert "a has 4" in found.words


def test_a_busy_processor_counts_and_promised_memory_is_not_free() -> None:
    assert choose_host(HostNeeds(), [host("a", 9, busy=100), host("b", 8, busy=0)]).host_id == "b"
    promised = host("a", 15, memory_held=14 * GIB)
    assert choose_host(HostNeeds(), [promised, host("b", 4)]).host_id == "b"


@pytest.mark.parametrize(
    ("needs", "words"),
    [
        (HostNeeds(gpu=True), "has no GPU"),
        (HostNeeds(cpus=64), "8 of 64 processors"),
        (HostNeeds(memory_bytes=64 * GIB), "free"),
        (HostNeeds(driver="scripted"), "has no scripted"),
    ],
)
def test_where_none_fits_each_says_why(needs: HostNeeds, words: str) -> None:
    with pytest.raises(CommandError) as caught:
        choose_host(needs, [host("a"), host("b")])
    assert caught.value.code is ErrorCode.NO_AGENT
    assert str(caught.value).count(words) == 2


def test_cordoned_and_offline_hosts_take_nothing() -> None:
    out = host("a", 15, is_cordoned=True, cordon_reason="new disk")
    gone = host("b", 15, is_online=False)
    found = choose_host(HostNeeds(), [out, gone, host("c", 2), host("d", 1)])
    assert found.host_id == "c"
    assert "a is cordoned (new disk)" in found.words
    with pytest.raises(CommandError) as caught:
        choose_host(HostNeeds(), [out, gone])
    assert caught.value.code is ErrorCode.HOST_CORDONED
    assert "new disk" in str(caught.value)
    with pytest.raises(CommandError, match="No host is online: b is offline"):
        choose_host(HostNeeds(), [gone])


def test_a_named_host_is_taken_or_refused_by_its_own_reason() -> None:
    hosts = [host("a", 1), host("b", 12)]
    assert choose_host(HostNeeds(memory_bytes=64 * GIB), hosts, "a").host_id == "a"
    with pytest.raises(CommandError) as caught:
        choose_host(HostNeeds(), hosts, "z")
    assert caught.value.code is ErrorCode.NOT_FOUND
