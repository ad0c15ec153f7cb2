"""The cache of assets when several begin with it."""

from __future__ import annotations

import asyncio
import os
import sqlite3
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from slate_desktop.control.asset_cache.cache import AssetCache
from slate_desktop.control.asset_cache.results import Known
from slate_desktop.domain.assets.kinds import AssetKind
from slate_desktop.domain.assets.outcome import AssetFault
from slate_desktop.domain.assets.product import Product
from slate_desktop.domain.assets.report import ProcessResult
from slate_desktop.domain.assets.texture import (
    ColorSpace,
    Compression,
    TextureReport,
    TextureUsage,
)
from slate_desktop.errors import EnvironmentFaultError

_AT_ONCE = 8


def begin(folder: Path) -> None:
    with AssetCache(folder) as cache:
        cache.files.keep_links("ab", ("rock.png",))
        assert cache.files.links_of("ab") == ("rock.png",)


def test_commands_that_begin_at_once_share_a_cache_that_is_new(tmp_path: Path) -> None:
    together = threading.Barrier(_AT_ONCE)

    def begin_together(folder: Path) -> None:
        together.wait(30)
        begin(folder)

    with ThreadPoolExecutor(_AT_ONCE) as threads:
        for number in range(10):
            list(threads.map(begin_together, [tmp_path / str(number)] * _AT_ONCE))


def test_a_new_cache_is_waited_for_while_another_command_writes_to_it(tmp_path: Path) -> None:
    other = sqlite3.connect(tmp_path / "index-1.sqlite3", isolation_level=None)
    other.execute("create table early (a)")
    other.execute("begin immediate")
    with ThreadPoolExecutor(1) as threads:
        beginning = threads.submit(begin, tmp_path)
        with pytest.raises(TimeoutError):
            beginning.result(0.5)
        other.execute("rollback")
        beginning.result(30)
    other.close()


def test_a_cache_that_is_a_file_is_refused_with_what_to_do(tmp_path: Path) -> None:
    folder = tmp_path / "assets"
    folder.write_bytes(b"")
    with pytest.raises(EnvironmentFaultError, match="cannot be used") as refused:
        AssetCache(folder)
    assert "SLATE_CACHE_DIR" in str(refused.value.hint)


async def test_what_another_command_makes_is_waited_for(tmp_path: Path) -> None:
    order: list[str] = []
    with AssetCache(tmp_path) as mine, AssetCache(tmp_path) as others:
        async with others.locks.alone_with("ab"):
            waiting = asyncio.create_task(_note_turn(mine, "ab", order))
            async with mine.locks.alone_with("cd"):
                order.append("other key")
            await asyncio.sleep(0)
            order.append("first")
        await asyncio.wait_for(waiting, 30)
    assert order == ["other key", "first", "second"]
    assert not list((tmp_path / "locks").iterdir())


async def _note_turn(cache: AssetCache, key: str, order: list[str]) -> None:
    async with cache.locks.alone_with(key):
        order.append("second")


def test_damaged_cache_is_told_and_what_only_saves_time_is_let_go(tmp_path: Path) -> None:
    with AssetCache(tmp_path) as cache:
        other = sqlite3.connect(tmp_path / "index-1.sqlite3", isolation_level=None)
        for table in ("results", "links"):
            other.execute(f"drop table {table}")
        other.close()
        cache.files.keep_links("ab", ("rock.png",))
        cache.results.keep_fault("ab", AssetFault(code="asset_invalid", message="It is cut off."))
        with pytest.raises(EnvironmentFaultError, match=str(tmp_path)):
            cache.results.find("ab")
        assert cache.prune() == 0


def test_result_that_cannot_be_noted_leaves_no_products(tmp_path: Path) -> None:
    with AssetCache(tmp_path) as cache:
        other = sqlite3.connect(tmp_path / "index-1.sqlite3", isolation_level=None)
        other.execute("drop table results")
        other.close()
        with cache.work_folder() as folder:
            (folder / "rock.ktx2").write_bytes(b"x")
            with pytest.raises(EnvironmentFaultError):
                cache.results.keep_result("ab", known(), folder)
        assert not list(tmp_path.rglob("*.ktx2"))


def test_a_result_that_is_used_stays_longer_than_one_that_is_not(tmp_path: Path) -> None:
    with AssetCache(tmp_path) as cache:
        for key in ("old", "new"):
            with cache.work_folder() as folder:
                cache.results.keep_result(key, known(), folder)
        other = sqlite3.connect(tmp_path / "index-1.sqlite3", isolation_level=None)
        other.execute("update results set used_at = used_at - 100000")
        other.execute("update results set used_at = used_at - 9 where key = 'old'")
        other.close()
        assert cache.results.find("old") is not None
        assert cache.prune(max_bytes=1) == 1
        assert cache.results.find("old") is not None
        assert cache.results.find("new") is None


def test_what_a_killed_command_worked_in_goes_after_a_day(tmp_path: Path) -> None:
    with AssetCache(tmp_path) as cache:
        for name in ("slate-old", "slate-new"):
            (tmp_path / "work" / name).mkdir(parents=True)
        os.utime(tmp_path / "work" / "slate-old", (1, 1))
        cache.prune()
        assert [path.name for path in (tmp_path / "work").iterdir()] == ["slate-new"]


def known() -> Known:
    report = TextureReport(
        input_size=1,
        duration_ms=1,
        tools={},
        input_format="png",
        input_width=1,
        input_height=1,
        width=1,
        height=1,
        has_alpha=False,
        usage=TextureUsage.COLOUR,
        color_space=ColorSpace.SRGB,
        compression=Compression.BC7,
        measures=(),
    )
    product = Product(path="rock.ktx2", role="primary", format="ktx2", size=1, sha256="0" * 64)
    result = ProcessResult(kind=AssetKind.TEXTURE, products=(product,), report=report)
    return Known(name="rock.png", result=result)
