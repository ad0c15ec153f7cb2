"""Icons that were drawn once are read at the next start, and look the same."""

from __future__ import annotations

from pathlib import Path

import pytest
from PySide6.QtGui import QImage

from slate_desktop.settings.paths import cache_dir
from slate_desktop.ui import icon_cache, icons
from slate_desktop.ui.theme import Theme


@pytest.fixture(autouse=True)
def _nothing_is_kept() -> None:
    _forget()


def _forget() -> None:
    icon_cache.shapes.cache_clear()
    icons._shape.cache_clear()
    icons._render.cache_clear()


def _picture(theme: Theme, size: int = 16) -> QImage:
    return icons.pixmap("folder", theme.tokens, size=size).toImage()


async def test_the_next_start_draws_nothing_and_looks_the_same(
    theme: Theme, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = [_picture(theme), _picture(theme, 24)]
    assert any(first[0].pixelColor(x, 8).alpha() > 0 for x in range(first[0].width()))
    await icon_cache.shapes().save()
    _forget()
    monkeypatch.setattr(icons, "_draw", lambda *_: pytest.fail("it is drawn again"))
    assert [_picture(theme), _picture(theme, 24)] == first


@pytest.mark.parametrize("content", [b"", b"\x81", b"\x82\xa5stamp\xa1x\xa6shapes\x80", None])
async def test_what_cannot_be_used_is_drawn_anew(theme: Theme, content: bytes | None) -> None:
    first = _picture(theme)
    await icon_cache.shapes().save()
    kept = cache_dir() / "icons" / "shapes.msgpack"
    if content is None:
        # As it comes from a program that draws other shapes under the same names.
        icon_cache.Shapes(kept, "another").add("folder", 16, bytes(256))
        other = icon_cache.Shapes(kept, "another")
        other.add("folder", first.width(), bytes(first.width() ** 2))
        await other.save()
    else:
        kept.write_bytes(content)
    _forget()
    assert _picture(theme) == first


def test_a_shape_of_another_size_counts_as_none(tmp_path: Path) -> None:
    shapes = icon_cache.Shapes(tmp_path / "shapes", "x")
    shapes.add("folder", 16, bytes(255))
    assert shapes.get("folder", 16) is None


async def test_a_disk_that_takes_nothing_costs_nothing_else(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    shapes = icon_cache.Shapes(tmp_path / "file" / "shapes", "x")
    shapes.add("folder", 1, b"\x00")
    await shapes.save()
    assert shapes.get("folder", 1) == b"\x00"
