"""The embedded stack's generated credentials: made once, kept in ``<data>/keys``, mode 0600."""

from __future__ import annotations

import logging
import secrets
import time
import uuid
from pathlib import Path

import msgspec

from slate_desktop.errors import CommandError
from slate_desktop.settings import files
from slate_desktop.wire.keys import SigningKey

logger = logging.getLogger(__name__)

FILE_NAME = "stack.json"


def _seed() -> str:
    return SigningKey.generate().seed


def _password() -> str:
    return secrets.token_urlsafe(32)


class Credentials(msgspec.Struct, frozen=True, kw_only=True):
    """Keys and passwords of one local stack.

    The local user is this person on this machine; its key signs commands. ``nats_password`` admits
    tools that cannot sign the broker's nonce. The agent's id is random, so that the agents of two
    data directories that share a Docker engine leave each other's containers alone.
    """

    user_id: str = msgspec.field(default_factory=lambda: str(uuid.uuid4()))
    user_seed: str = msgspec.field(default_factory=_seed)
    agent_id: str = msgspec.field(default_factory=lambda: f"local-{secrets.token_hex(4)}")
    agent_seed: str = msgspec.field(default_factory=_seed)
    nats_password: str = msgspec.field(default_factory=_password)
    db_admin_password: str = msgspec.field(default_factory=_password)
    db_agent_password: str = msgspec.field(default_factory=_password)
    db_user_password: str = msgspec.field(default_factory=_password)

    @property
    def user_public(self) -> str:
        """The local user's public key."""
        return SigningKey.from_seed(self.user_seed).public

    @property
    def agent_public(self) -> str:
        """The agent's public key."""
        return SigningKey.from_seed(self.agent_seed).public

    def __repr__(self) -> str:
        return f"Credentials(user_id={self.user_id!r}, agent_id={self.agent_id!r})"


def load_or_create(directory: Path) -> Credentials:
    """Return the stored credentials; make them on first use, and anew if the file is damaged.

    Raises:
        SettingsError: the file belongs to somebody else or cannot be written.
    """
    files.ensure_private_dir(directory)
    path = directory / FILE_NAME
    try:
        data = files.read_private(path)
    except FileNotFoundError:
        pass
    else:
        try:
            found = msgspec.json.decode(data, type=Credentials)
            _ = found.user_public, found.agent_public
        except (msgspec.MsgspecError, UnicodeDecodeError, CommandError):
            aside = path.with_name(f"{FILE_NAME}.damaged-{int(time.time())}")
            path.replace(aside)
            logger.warning("damaged credentials were set aside", extra={"path": str(aside)})
        else:
            if msgspec.json.encode(found) != data:
                files.write_private(path, msgspec.json.encode(found))
            return found
    made = Credentials()
    files.write_private(path, msgspec.json.encode(made))
    return made
