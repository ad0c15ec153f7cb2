"""Ed25519 user keys in NATS's text form (``U…`` and ``SU…``), with every bit checked.

Source: https://github.com/nats-io/nkeys: base32 without padding over prefix, key and CRC-16/XMODEM
(little-endian). The CRC is checked here because the common Python package does not check it, and a
seed with a typing error would silently become another key.
"""

from __future__ import annotations

import base64
import binascii
import re
from functools import lru_cache
from typing import NoReturn

from nacl.exceptions import BadSignatureError
from nacl.signing import SigningKey as _NaclSigningKey
from nacl.signing import VerifyKey

from slate_desktop.errors import CommandError, ErrorCode

PUBLIC_LENGTH = 56
SEED_LENGTH = 58
SIGNATURE_BYTES = 64
PUBLIC_PATTERN = re.compile(r"U[A-Z2-7]{55}")
_SEED_PATTERN = re.compile(r"SU[A-Z2-7]{56}")

_PREFIX_USER = 20 << 3
_PREFIX_SEED = 18 << 3


class SigningKey:
    """A user's key pair. ``repr`` shows the public half only."""

    def __init__(self, raw_seed: bytes) -> None:
        self._raw_seed = raw_seed
        self._key = _NaclSigningKey(raw_seed)
        self.public = _encode(bytes([_PREFIX_USER]) + bytes(self._key.verify_key))

    @classmethod
    def generate(cls) -> SigningKey:
        """Make a new random key."""
        return cls(bytes(_NaclSigningKey.generate()))

    @classmethod
    def from_seed(cls, seed: str) -> SigningKey:
        """Read a seed (``SU…``, 58 characters).

        Raises:
            CommandError: ``bad_key``; the message never holds the seed.
        """
        text = seed.strip() if isinstance(seed, str) else ""
        if _SEED_PATTERN.fullmatch(text) is None:
            _refuse("A seed is 58 characters that start with SU", _hint_for_seed(text))
        raw = _decode(text, "The seed has a typing error: its check sum does not fit")
        if raw[0] & 0xF8 != _PREFIX_SEED or ((raw[0] & 7) << 5 | raw[1] >> 3) != _PREFIX_USER:
            _refuse("The seed is not one of a user", "Use the seed that starts with SU.")
        return cls(raw[2:])

    @property
    def seed(self) -> str:
        """The secret half as text; keep it in the keyring."""
        head = bytes([_PREFIX_SEED | _PREFIX_USER >> 5, (_PREFIX_USER & 0x1F) << 3])
        return _encode(head + self._raw_seed)

    def sign(self, data: bytes) -> bytes:
        """Return the 64-byte signature of ``data``."""
        return self._key.sign(data).signature

    def __repr__(self) -> str:
        return f"SigningKey({self.public})"


def decode_public(text: str) -> bytes:
    """Return the 32 bytes of a public user key.

    Raises:
        CommandError: ``bad_key`` for another kind of key, a wrong length or a wrong check sum.
    """
    if not isinstance(text, str) or PUBLIC_PATTERN.fullmatch(text) is None:
        _refuse("A user key is 56 capital letters and digits that start with U")
    raw = _decode(text, "The key has a typing error: its check sum does not fit")
    if raw[0] != _PREFIX_USER:
        _refuse("The key is not one of a user")
    return raw[1:]


def verify(public: str, data: bytes, signature: bytes) -> bool:
    """Tell whether ``signature`` over ``data`` was made with the key of ``public``.

    Raises:
        CommandError: ``bad_key`` when ``public`` is not a user key.
    """
    key = _verify_key(public)
    if len(signature) != SIGNATURE_BYTES:
        return False
    try:
        key.verify(data, signature)
    except BadSignatureError:
        return False
    return True


@lru_cache(maxsize=1024)
def _verify_key(public: str) -> VerifyKey:
    return VerifyKey(decode_public(public))


def _encode(payload: bytes) -> str:
    checksum = binascii.crc_hqx(payload, 0).to_bytes(2, "little")
    return base64.b32encode(payload + checksum).rstrip(b"=").decode("ascii")


def _decode(text: str, message: str) -> bytes:
    """Return prefix and key of ``text``, whose alphabet is already checked."""
    try:
        raw = base64.b32decode(text + "=" * (-len(text) % 8))
    except binascii.Error:
        _refuse(message)
    payload, checksum = raw[:-2], raw[-2:]
    if binascii.crc_hqx(payload, 0).to_bytes(2, "little") != checksum or _encode(payload) != text:
        # The second test catches the unused last bits, which base32 ignores.
        _refuse(message)
    return payload


def _hint_for_seed(text: str) -> str:
    if text.startswith("U") and len(text) == PUBLIC_LENGTH:
        return "This is the public key; the seed is the other half and starts with SU."
    if text.startswith("SA"):
        return "This is the seed of an account; the seed of a user starts with SU."
    return "Copy the whole seed, without spaces inside."


def _refuse(message: str, hint: str = "") -> NoReturn:
    raise CommandError(ErrorCode.BAD_KEY, message, field="key", hint=hint)
