"""Which objects of the object store rows name."""

from __future__ import annotations

import msgspec

from slate_desktop.store.port import Runner


class NamedTree(msgspec.Struct, frozen=True):
    """The manifest of a project's newest tree."""

    sha256: str
    size: int


class NamedObjects(msgspec.Struct, frozen=True):
    """Digests that rows name, and the manifests that name more."""

    digests: frozenset[str]
    trees: tuple[NamedTree, ...]


class NamedByRows:
    """Reads what jobs, results, builds and trees name; for the server's administrator."""

    def __init__(self, runner: Runner) -> None:
        self._run = runner

    async def named(self) -> NamedObjects:
        """Return all digests that stand in rows, as one moment has them."""
        rows = await self._run.many("list_named_objects")
        trees = [NamedTree(row["sha256"], row["size"]) for row in rows if row["size"] is not None]
        return NamedObjects(frozenset(row["sha256"] for row in rows), tuple(trees))

    async def forget_results(self, grace_s: float) -> None:
        """Forget results of assets that no job has, some seconds after they were written."""
        await self._run.run("forget_asset_results", grace_s=grace_s)
