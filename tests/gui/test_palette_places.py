"""The palette leads to builds and assets, also where there are many."""

from __future__ import annotations

import time
from pathlib import Path

from PySide6.QtTest import QTest

from slate_desktop.ui.window import MainWindow
from tests.gui.conftest import until
from tests.gui.fakes import FakeSlate


def shown(window: MainWindow) -> list[tuple[str, str]]:
    return [(command.group, command.title) for command in window.palette_.model.commands]


async def test_an_asset_is_found_by_its_path_and_opens(
    window: MainWindow, project_root: Path
) -> None:
    (project_root / "art" / "rocks").mkdir(parents=True)
    (project_root / "art" / "rocks" / "Boulder_albedo.png").write_bytes(b"no picture")
    window.registry["palette.places"].trigger()
    QTest.keyClicks(window.palette_.field, "rocks boul")
    await until(lambda: ("Asset", "art/rocks/Boulder_albedo.png") in shown(window))
    row = shown(window).index(("Asset", "art/rocks/Boulder_albedo.png"))
    window.palette_.view.setCurrentIndex(window.palette_.model.index(row))
    window.palette_.run_current()
    assert window.documents.current is not None
    assert window.documents.current.path == project_root / "art" / "rocks" / "Boulder_albedo.png"


async def test_a_build_is_found_by_its_project_and_chosen(
    window: MainWindow, slate: FakeSlate
) -> None:
    await until(lambda: window.registry["build.start"].isEnabled())
    window.registry["build.start"].trigger()
    await until(lambda: window.build_binding.builds)
    build = window.build_binding.builds[0]
    window.builds.view.clearSelection()
    window.registry["palette.commands"].trigger()
    QTest.keyClicks(window.palette_.field, build.id[:8])
    await until(lambda: shown(window) and shown(window)[0][0] == "Build")
    window.palette_.run_current()
    await until(lambda: [b.id for b in window.builds.selected] == [build.id])


async def test_fifty_thousand_assets_are_looked_through_at_once(window: MainWindow) -> None:
    window.registry["palette.places"].trigger()
    places = window.palette_._places.__self__  # type: ignore[attr-defined]
    await until(lambda: not places._is_reading)
    places._assets = [
        (f"art/{n}/stone.png", f"art/{n}/Stone.png", "texture") for n in range(50_000)
    ]
    began = time.process_time()
    found = list(places.search("49999 stone"))
    assert [command.title for command in found] == ["art/49999/Stone.png"]
    assert time.process_time() - began < 1.0
    assert len(list(places.search("stone"))) == 40
    assert list(places.search("s")) == []
