"""What a repository needs of the database: to run named blocks."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import AbstractAsyncContextManager
from typing import Any, Protocol


class Runner(Protocol):
    """Runs named blocks of ``queries/*.sql``; errors are the project's."""

    def connection(self) -> AbstractAsyncContextManager[Any]:
        """Lend a connection."""
        ...

    async def one(self, query: str, **params: Any) -> Mapping[str, Any] | None:
        """Run a block that gives one row or none."""
        ...

    async def many(self, query: str, **params: Any) -> list[Mapping[str, Any]]:
        """Run a block that gives rows."""
        ...

    async def value(self, query: str, **params: Any) -> Any:
        """Run a block that gives one value or None."""
        ...

    async def run(self, query: str, **params: Any) -> None:
        """Run a block that gives nothing."""
        ...

    async def on(self, connection: Any, query: str, **params: Any) -> Any:
        """Run a block on a lent connection."""
        ...
