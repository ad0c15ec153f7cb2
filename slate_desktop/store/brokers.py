"""Where the brokers are."""

from __future__ import annotations

from collections.abc import Sequence

from slate_desktop.store.port import Runner


class Brokers:
    """Rows of ``slate_brokers``."""

    def __init__(self, runner: Runner) -> None:
        self._run = runner

    async def urls(self) -> list[str]:
        """Return the addresses of all brokers, the server's own first; none with a local stack."""
        return [row["url"] for row in await self._run.many("list_brokers")]

    async def replace(self, found: Sequence[tuple[str, str]]) -> None:
        """Note names and addresses, and forget all others; needs the administrator's rights."""
        names, urls = [name for name, _ in found], [url for _, url in found]
        await self._run.many("replace_brokers", names=names, urls=urls)
