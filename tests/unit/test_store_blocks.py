"""Named blocks of SQL."""

from __future__ import annotations

from pathlib import Path

import pytest

from slate_desktop.store.blocks import load_blocks

SQL = """-- Rows of something.

-- name: list_things
-- Everything: by 'name' or :name.
select a::text, ':not' as b from things where x = :x and y = :y_2 and (:x)::int > 1;

-- name: get_thing^
select 1 where id = :id

-- name: count_things$
select 2;
-- name: add_thing!
insert into things values (:id, :id);

-- name: make_stage#
create table t (a text default ':x'); create table u ();
"""


class Connection:
    """Says what was called."""

    def __getattr__(self, name: str) -> object:
        async def call(*arguments: object) -> tuple[object, ...]:
            return (name, *arguments)

        return call


async def test_blocks_run_with_their_parameters_in_order(tmp_path: Path) -> None:
    (tmp_path / "a.sql").write_text(SQL)
    blocks = load_blocks(tmp_path)
    values = {"x": 1, "y_2": 2, "id": 3, "other": 4}
    calls = [await block.run(Connection(), values) for block in blocks.values()]
    assert [call[0] for call in calls] == ["fetch", "fetchrow", "fetchval", "execute", "execute"]
    assert [call[2:] for call in calls] == [(1, 2), (3,), (), (3,), ()]
    assert calls[0][1].endswith("':not' as b from things where x = $1 and y = $2 and ($1)::int > 1")
    assert calls[3][1] == "insert into things values ($1, $1)"
    assert "':x'); create" in calls[4][1]


async def test_missing_parameter_is_our_mistake(tmp_path: Path) -> None:
    (tmp_path / "a.sql").write_text(SQL)
    with pytest.raises(KeyError):
        await load_blocks(tmp_path)["get_thing"].run(Connection(), {})


@pytest.mark.parametrize("more", ["-- name: get_thing\nselect 1", "-- name: Bad Name\nselect 1"])
def test_doubled_and_malformed_names_are_refused(tmp_path: Path, more: str) -> None:
    (tmp_path / "a.sql").write_text(SQL)
    (tmp_path / "b.sql").write_text(more)
    with pytest.raises(ValueError, match="block"):
        load_blocks(tmp_path)
