"""The doctor on versions with known holes."""

from __future__ import annotations

import pytest

from slate_desktop.diagnosis import supply
from slate_desktop.diagnosis.check import State


@pytest.mark.parametrize(
    ("pillow", "is_warned"),
    [("12.2.9", True), ("9.5.0", True), ("12.3", False), ("12.3.0", False), ("13.0.0rc1", False)],
)
def test_an_old_package_is_named_with_the_command_that_mends_it(
    pillow: str, is_warned: bool
) -> None:
    found = supply.check_packages({"pillow": pillow}.get)
    assert [check.name for check in found] == (["pillow"] if is_warned else [])
    if found:
        assert found[0].state is State.WARNING
        assert found[0].fix == "pip install --upgrade 'pillow>=12.3'"


def test_what_is_installed_here_is_sound() -> None:
    assert supply.check_packages() == []


@pytest.mark.parametrize(
    ("runc", "is_told"),
    [("1.1.5+ds1-1+deb12u1", True), ("1.0.0-rc95", True), ("1.1.12", False), ("1.2.0", False)],
)
def test_an_old_runc_is_told_of(runc: str, is_told: bool) -> None:
    answer = {
        "Components": [{"Name": "Engine", "Version": "1.0"}, {"Name": "runc", "Version": runc}]
    }
    assert bool(supply.check_runc(answer)) is is_told


def test_an_engine_that_tells_nothing_is_no_finding() -> None:
    assert supply.check_runc({}) == []
