"""The cache of assets when several begin with it."""

from __future__ import annotations

import sqlite3
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from slate_desktop.control.asset_cache import AssetCache
from slate_desktop.errors import EnvironmentFaultError

_AT_ONCE = 8


def begin(folder: Path) -> None:
    with AssetCache(folder) as cache:
        cache.keep_links("ab", ("rock.png",))
        assert cache.links_of("ab") == ("rock.png",)


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
