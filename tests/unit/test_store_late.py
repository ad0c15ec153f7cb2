"""A database makes its repositories when they are asked for."""

from __future__ import annotations

from typing import Any

import pytest

from slate_desktop.store import database
from slate_desktop.store.database import Database


def test_every_repository_is_made_once_and_is_what_the_class_says() -> None:
    db = Database(None)  # type: ignore[arg-type]
    assert set(Database.__annotations__) == set(database._REPOSITORIES)
    for name in database._REPOSITORIES:
        made: Any = getattr(db, name)
        assert type(made).__name__ == Database.__annotations__[name]
        assert getattr(db, name) is made


def test_what_is_no_repository_is_an_error() -> None:
    with pytest.raises(AttributeError, match="'Database' object has no attribute 'sesions'"):
        Database(None).sesions  # type: ignore[arg-type]  # noqa: B018
