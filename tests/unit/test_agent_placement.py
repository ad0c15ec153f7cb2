"""Which driver runs a session."""

from __future__ import annotations

import pytest

from slate_desktop.agent.drivers.base import DriverInfo
from slate_desktop.agent.placement import capabilities, choose_driver
from slate_desktop.domain.container import DriverName
from slate_desktop.domain.engine import Engine
from slate_desktop.errors import CommandError, ErrorCode

D = DriverName


def infos(
    *available: DriverName, gone: tuple[DriverName, ...] = ()
) -> dict[DriverName, DriverInfo]:
    result = {d: DriverInfo(driver=d, is_available=True, cpus=2, memory_bytes=8) for d in available}
    result |= {d: DriverInfo(driver=d, is_available=False, reason="no socket") for d in gone}
    return result


@pytest.mark.parametrize(
    ("engine", "available", "gone", "expected"),
    [
        (Engine.GODOT, (D.DOCKER, D.PROCESS), (), D.DOCKER),
        (Engine.GODOT, (D.PROCESS,), (D.DOCKER,), D.PROCESS),
        (Engine.CUSTOM, (D.DOCKER, D.PROCESS), (), D.PROCESS),
        (Engine.CUSTOM, (D.DOCKER,), (D.PROCESS,), D.DOCKER),
        (Engine.UNITY, (D.SCRIPTED,), (), D.SCRIPTED),
    ],
)
def test_choose_driver_prefers_by_engine_when_nothing_was_asked(
    engine: Engine,
    available: tuple[DriverName, ...],
    gone: tuple[DriverName, ...],
    expected: DriverName,
) -> None:
    assert choose_driver(None, engine, infos(*available, gone=gone)) is expected


def test_choose_driver_takes_the_asked_one_when_it_works() -> None:
    assert choose_driver(D.PROCESS, Engine.GODOT, infos(D.DOCKER, D.PROCESS)) is D.PROCESS


def test_choose_driver_says_why_when_docker_is_away() -> None:
    with pytest.raises(CommandError) as caught:
        choose_driver(D.DOCKER, Engine.GODOT, infos(D.PROCESS, gone=(D.DOCKER,)))
    assert caught.value.code is ErrorCode.DOCKER_UNAVAILABLE
    assert "no socket" in caught.value.message


def test_choose_driver_refuses_when_the_driver_is_not_offered() -> None:
    with pytest.raises(CommandError) as caught:
        choose_driver(D.SCRIPTED, Engine.GODOT, infos(D.PROCESS))
    assert (caught.value.code, caught.value.field) == (ErrorCode.BAD_REQUEST, "driver")


def test_choose_driver_names_every_reason_when_nothing_works() -> None:
    with pytest.raises(CommandError) as caught:
        choose_driver(None, Engine.GODOT, infos(gone=(D.DOCKER, D.PROCESS)))
    assert caught.value.hint
    assert "docker: no socket" in caught.value.message


def test_capabilities_count_usable_drivers_only() -> None:
    caps = capabilities(infos(D.PROCESS, gone=(D.DOCKER,)))
    assert caps == {"drivers": ["process"], "cpus": 2, "memory_bytes": 8, "gpu": False}
