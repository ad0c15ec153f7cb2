"""Where a profile's broker and database are, and whose key signs.

``local`` attaches to this user's embedded stack or starts it; ``remote`` takes addresses from the
settings, and the key from ``SLATE_USER_SEED`` or the keyring; any other is a server that was joined
(``control.joining``).
"""

from __future__ import annotations

import asyncio
import os
import ssl
from collections.abc import Callable
from pathlib import Path

import msgspec

from slate_desktop.errors import SettingsError
from slate_desktop.settings import joined
from slate_desktop.settings.model import Settings, load_settings

SEED_VARIABLE = "SLATE_USER_SEED"
SEED_SECRET = "user_seed"  # noqa: S105 - the name of a secret


class Endpoint(msgspec.Struct, frozen=True, kw_only=True):
    """All that a client needs to connect; ``repr`` shows no secret.

    Attributes:
        is_tls_first: the broker waits for the handshake and says nothing in plaintext.
        is_shared: each person hears of their own projects only.
    """

    profile: str
    nats_url: str
    seed: str
    database_url: str
    redis_url: str | None = None
    ca_file: Path | None = None
    allow_plaintext: bool = False
    is_tls_first: bool = False
    is_shared: bool = False

    def __repr__(self) -> str:
        return f"Endpoint(profile={self.profile!r}, nats_url={self.nats_url!r})"

    def tls(self) -> ssl.SSLContext | None:
        """Return how a ``tls://`` broker is checked; None for one that is not encrypted.

        Raises:
            SettingsError: the CA's file cannot be read.
        """
        if self.ca_file is None and not self.nats_url.startswith("tls://"):
            return None
        try:
            return ssl.create_default_context(cafile=self.ca_file)
        except (OSError, ssl.SSLError) as exc:
            raise SettingsError(f"The CA certificate {self.ca_file} cannot be used: {exc}") from exc


async def resolve(
    profile: str | None, *, on_step: Callable[[str, str], None] | None = None
) -> Endpoint:
    """Return the endpoint of a profile; the local one is started if it does not run.

    Raises:
        SettingsError: there is no such profile, or it lacks an address or a key.
        StackError: the embedded stack does not start.
    """
    settings = load_settings()
    chosen = profile or settings.profile
    if chosen == "local" or (chosen == "auto" and settings.is_local):
        return await _local(settings, on_step)
    if chosen in ("auto", "remote"):
        return await asyncio.to_thread(_remote, settings)
    return await asyncio.to_thread(_joined, chosen, settings)


def names() -> list[str]:
    """Return the profiles that can be chosen: this machine's own, the settings', joined servers."""
    settings = load_settings()
    has_remote = bool(settings.nats_url and settings.database_url)
    return ["local", *(["remote"] if has_remote else []), *joined.names()]


async def _local(settings: Settings, on_step: Callable[[str, str], None] | None) -> Endpoint:
    from slate_desktop.stack import client

    info = await client.ensure_up(on_step=on_step)
    return Endpoint(
        profile="local",
        nats_url=info.nats_url,
        seed=info.user_seed,
        database_url=info.database_url,
        redis_url=settings.redis_url,
    )


def _joined(name: str, settings: Settings) -> Endpoint:
    from slate_desktop.settings.secrets import get_secret

    known = names()
    if name not in known:
        raise SettingsError(
            f"There is no profile {name!r}.", hint=f"Profiles are: {', '.join(known)}."
        )
    found = joined.read(joined.directory_of(name))
    seed = get_secret(found.seed_secret)
    if not seed:
        raise SettingsError(
            f"Your key for the server {name} is missing.",
            hint="Unlock the keyring, or join the server again: slate connect FILE",
        )
    return Endpoint(
        profile=name,
        nats_url=found.server.nats_url,
        seed=seed,
        database_url=found.database_url,
        redis_url=settings.redis_url,
        ca_file=found.ca_file,
        is_tls_first=True,
        is_shared=True,
    )


def _remote(settings: Settings) -> Endpoint:
    from slate_desktop.settings.secrets import get_secret

    for name, value in (
        ("SLATE_NATS_URL", settings.nats_url),
        ("SLATE_DATABASE_URL", settings.database_url),
    ):
        if not value:
            raise SettingsError(
                f"The remote profile lacks {name}.",
                hint="Set it in the environment, in .env or in the settings file.",
            )
    seed = os.environ.get(SEED_VARIABLE, "").strip() or get_secret(SEED_SECRET)
    if not seed:
        raise SettingsError(
            "The remote profile lacks your key.",
            hint=f"Put its seed (SU…) into {SEED_VARIABLE} or the keyring (slate, {SEED_SECRET}).",
        )
    return Endpoint(
        profile="remote",
        nats_url=settings.nats_url or "",
        seed=seed,
        database_url=settings.database_url or "",
        redis_url=settings.redis_url,
        ca_file=settings.nats_ca_file,
        allow_plaintext=settings.nats_allow_plaintext,
    )
