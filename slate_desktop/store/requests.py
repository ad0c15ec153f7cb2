"""Requests that must have one effect: a row per signer and idempotency key."""

from __future__ import annotations

import msgspec

from slate_desktop.store.port import Runner


class RequestRow(msgspec.Struct, frozen=True, kw_only=True):
    """One row of ``slate_requests``.

    ``body_sha`` is SHA-256 in hexadecimal; ``attempt`` that of the session when the request was let
    in; ``age_s`` is by the database's clock.
    """

    signer: str
    idem: str
    subject: str
    body_sha: str
    state: str
    response: bytes | None
    epoch: int
    agent_id: str = ""
    attempt: int = 0
    age_s: float = 0.0


class Requests:
    """Rows of ``slate_requests``."""

    def __init__(self, runner: Runner) -> None:
        self._run = runner

    async def begin(
        self,
        signer: str,
        idem: str,
        *,
        subject: str,
        body_sha: str,
        epoch: int,
        agent_id: str = "",
        attempt: int = 0,
    ) -> RequestRow | None:
        """Note an intent; returns None when it is new, else what is known of it."""
        new = await self._run.value(
            "begin_request",
            signer=signer,
            idem=idem,
            subject=subject,
            body_sha=body_sha,
            epoch=epoch,
            agent_id=agent_id,
            attempt=attempt,
        )
        return None if new is not None else await self.get(signer, idem)

    async def get(self, signer: str, idem: str) -> RequestRow | None:
        """Return what became of an intent, None for one that never arrived."""
        row = await self._run.one("get_request", signer=signer, idem=idem)
        if row is None:
            return None
        fields = {name: row[name] for name in RequestRow.__struct_fields__}
        return RequestRow(**fields)

    async def take_over(self, row: RequestRow, *, agent_id: str, epoch: int) -> bool:
        """Go on with an intent that an older process left; False when somebody else does."""
        taken = await self._run.value(
            "take_over_request",
            signer=row.signer,
            idem=row.idem,
            old_agent_id=row.agent_id,
            old_epoch=row.epoch,
            agent_id=agent_id,
            epoch=epoch,
        )
        return taken is not None

    async def finish(self, signer: str, idem: str, response: bytes) -> None:
        """Keep the answer."""
        await self._run.run("finish_request", signer=signer, idem=idem, response=response)

    async def abandon(self, signer: str, idem: str) -> None:
        """Forget an intent that had no effect."""
        await self._run.run("abandon_request", signer=signer, idem=idem)

    async def prune(self, older_than_s: float = 86_400) -> None:
        """Forget old intents."""
        await self._run.run("prune_requests", older_than_s=older_than_s)
