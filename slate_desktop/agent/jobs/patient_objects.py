"""The object store for attempts: a broker that is away is waited for while the lease lasts."""

from __future__ import annotations

from pathlib import Path

from slate_desktop.agent.retry import until_store_answers
from slate_desktop.bus.objects import ObjectInfo, ObjectStore


class PatientObjects:
    """``bus.objects.ObjectStore`` over another one; what it raises is no outage."""

    def __init__(self, objects: ObjectStore) -> None:
        self._objects = objects

    async def ensure(self) -> None:
        """Make the store where it is missing."""
        await until_store_answers(self._objects.ensure)

    async def put(self, source: Path | bytes, *, sha256: str | None = None) -> ObjectInfo:
        """Store a file or bytes."""
        return await until_store_answers(lambda: self._objects.put(source, sha256=sha256))

    async def get(self, sha256: str, size: int, target: Path) -> None:
        """Bring an object to a new file."""
        await until_store_answers(lambda: self._objects.get(sha256, size, target))

    async def stat(self, sha256: str) -> ObjectInfo | None:
        """Return what the store says of an object."""
        return await until_store_answers(lambda: self._objects.stat(sha256))
