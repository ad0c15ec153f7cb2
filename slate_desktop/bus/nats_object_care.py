"""What the object store holds, and the removal of what nobody names; for administrators.

An object goes in two steps: its description is replaced by one that says so, if it is still the one
that was looked at, and then its chunks go. A crash in between leaves chunks that belong to nothing,
which ``purge_orphans`` finds.
"""

from __future__ import annotations

import asyncio
import base64
import binascii
import json
from typing import Any

import msgspec

from slate_desktop.bus.jetstream_api import code_of
from slate_desktop.bus.nats_objects import NatsObjects
from slate_desktop.bus.object_calls import STREAM_NOT_FOUND, refusal
from slate_desktop.bus.object_times import StoreChangedError, age_s, rollup_after, sequence
from slate_desktop.bus.objects import check_digest
from slate_desktop.bus.port import Message
from slate_desktop.errors import CommandError

ORPHAN_S = 3600.0
_AT_ONCE = 16


class StoredObject(msgspec.Struct, frozen=True, kw_only=True):
    """An object as the store has it.

    Attributes:
        age_s: seconds since it was put, or wanted again.
        description: the message that describes it, as it was looked at.
    """

    sha256: str
    size: int
    age_s: float
    nuid: str
    description: Message


class ObjectCare(NatsObjects):
    """The store's objects, one by one."""

    async def objects(self) -> list[StoredObject]:
        """Return all objects; none where there is no store.

        Raises:
            EnvironmentFaultError: the broker refuses. NotConnectedError: it is away.
        """
        metas = [name for name in await self._subjects() if name.startswith(self._metas)]
        found: list[StoredObject] = []
        for at in range(0, len(metas), _AT_ONCE):
            part = await asyncio.gather(
                *(self._calls.last(name) for name in metas[at : at + _AT_ONCE])
            )
            for name, message in zip(metas[at : at + _AT_ONCE], part, strict=True):
                if message is not None and (one := _stored(name, message)) is not None:
                    found.append(one)
        return found

    async def remove(self, one: StoredObject) -> bool:
        """Remove an object; False, and nothing is done, where it was wanted meanwhile.

        Raises:
            NotConnectedError: the broker is away. EnvironmentFaultError: it refuses.
        """
        gone = {"name": f"sha256/{one.sha256}", "bucket": self._bucket, "deleted": True}
        subject = self._meta_subject(one.sha256)
        try:
            await self._calls.store(
                subject, json.dumps(gone).encode(), headers=rollup_after(one.description)
            )
        except StoreChangedError:
            return False
        await self._purge(one.nuid)
        return True

    async def purge_orphans(self, *, older_than_s: float = ORPHAN_S) -> int:
        """Remove chunks whose object was never finished, or is gone; returns how many uploads."""
        chunks = f"$O.{self._bucket}.C."
        # In this order: an upload that ends meanwhile has its description already, or is young.
        subjects = await self._subjects()
        used = {one.nuid for one in await self.objects()}
        count = 0
        for name in subjects:
            nuid = name.removeprefix(chunks)
            if not name.startswith(chunks) or nuid in used:
                continue
            message = await self._calls.last(name)
            if message is not None and age_s(message) > older_than_s:
                await self._purge(nuid)
                count += 1
        return count

    @property
    def _metas(self) -> str:
        return f"$O.{self._bucket}.M."

    async def _subjects(self) -> list[str]:
        names: list[str] = []
        while True:
            answer = await self._calls.api(
                f"STREAM.INFO.{self._calls.stream}",
                {"subjects_filter": f"$O.{self._bucket}.>", "offset": len(names)},
            )
            code = code_of(answer)
            if code == STREAM_NOT_FOUND:
                return []
            if code is not None:
                raise refusal(answer)
            page = list((answer.get("state") or {}).get("subjects") or {})
            names += page
            if not page or len(names) >= int(answer.get("total", 0)):
                return names


def _stored(subject: str, message: Message) -> StoredObject | None:
    """Read a description; None for one that says that it is gone, and for what is no object."""
    try:
        name = base64.urlsafe_b64decode(subject.rpartition(".")[2]).decode()
        meta: Any = json.loads(message.data)
        sha256 = check_digest(name.removeprefix("sha256/"))
        nuid = str(meta["nuid"])
        size = int(meta["size"])
    except (binascii.Error, ValueError, KeyError, TypeError, CommandError):
        return None
    if meta.get("deleted") or not sequence(message) or not nuid.isalnum():
        return None
    return StoredObject(
        sha256=sha256, size=size, age_s=age_s(message), nuid=nuid, description=message
    )
