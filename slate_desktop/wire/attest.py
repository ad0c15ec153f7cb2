"""Signatures of agents: on answers, which name the request's nonce, and on events, which count.

An answer's signature covers ``slate-rep-v1`` and then, each with its length as four big-endian
bytes: the request's subject, version, key, issue time, the request's nonce, whether it is a stored
answer, and the body's SHA-256. The reply subject is not covered, because brokers may rewrite it.
An event's covers ``slate-evt-v1``, its subject, version, key, issue time, epoch and sequence of the
agent, and the body's SHA-256. Events that leave together may share a signature: it then covers
``slate-set-v1`` and the SHA-256 of what would have been signed of each, all of which each carries.
Whose key counts as an agent's is not known here.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import re
from collections.abc import Mapping, Sequence
from functools import lru_cache

import msgspec

from slate_desktop.errors import CommandError, ErrorCode
from slate_desktop.wire.envelope import (
    H_ISSUED,
    H_KEY,
    H_NONCE,
    H_REPLAYED,
    H_SIGNATURE,
    H_VERSION,
    VERSION,
)
from slate_desktop.wire.keys import SIGNATURE_BYTES, SigningKey, verify

REPLY_DOMAIN = b"slate-rep-v1"
EVENT_DOMAIN = b"slate-evt-v1"
SET_DOMAIN = b"slate-set-v1"
H_EPOCH = "Slate-Epoch"
H_SEQUENCE = "Slate-Seq"
H_SET = "Slate-Set"
# Events that share a signature: each carries the digests of all.
MAX_SET = 16
_DIGEST_BYTES = 32
# An event that is older or newer was kept by somebody, or a clock is far off.
MAX_EVENT_AGE_MS = 600_000
_NUMBER = re.compile(r"[0-9]{1,19}")
_WINDOW = 1024
_MASK = (1 << _WINDOW) - 1
_MAX_SUBJECTS = 8192


class EventStamp(msgspec.Struct, frozen=True):
    """Who signed an event, and its place among that agent's."""

    key: str
    epoch: int
    sequence: int
    issued_ms: int


def sign_reply(
    key: SigningKey, subject: str, nonce: str, body: bytes, *, now_ms: int, replayed: bool = False
) -> dict[str, str]:
    """Return the headers of an answer.

    Args:
        key: the agent's.
        subject: the request's.
        nonce: the request's.
        body: the bytes of the answer.
        now_ms: the time, UTC milliseconds since the epoch.
        replayed: whether the answer is a stored one.
    """
    headers = {H_VERSION: VERSION, H_KEY: key.public, H_ISSUED: str(now_ms)}
    if replayed:
        headers[H_REPLAYED] = "1"
    signed = _reply_bytes(subject, nonce, headers, body)
    return headers | {H_SIGNATURE: _to_text(key.sign(signed))}


def check_reply(subject: str, nonce: str, headers: Mapping[str, str], body: bytes) -> str:
    """Return the key that signed an answer to a request.

    Raises:
        CommandError: ``unsigned``, ``bad_key`` or ``bad_signature``.
    """
    signature = _signature(headers, (H_VERSION, H_KEY, H_ISSUED))
    if not verify(headers[H_KEY], _reply_bytes(subject, nonce, headers, body), signature):
        raise _bad("The signature does not fit this answer")
    return headers[H_KEY]


def sign_event(
    key: SigningKey, subject: str, body: bytes, *, epoch: int, sequence: int, now_ms: int
) -> dict[str, str]:
    """Return the headers of an event; ``sequence`` rises with each event of the agent process."""
    headers = {
        H_VERSION: VERSION,
        H_KEY: key.public,
        H_ISSUED: str(now_ms),
        H_EPOCH: str(epoch),
        H_SEQUENCE: str(sequence),
    }
    return headers | {H_SIGNATURE: _to_text(key.sign(_event_bytes(subject, headers, body)))}


def sign_events(
    key: SigningKey,
    events: Sequence[tuple[str, bytes]],
    *,
    epoch: int,
    first_sequence: int,
    now_ms: int,
) -> list[dict[str, str]]:
    """Return the headers of up to ``MAX_SET`` events (subject and body) that share a signature."""
    if not 0 < len(events) <= MAX_SET:
        raise ValueError(f"a set has 1 to {MAX_SET} events, not {len(events)}")
    made: list[dict[str, str]] = []
    digests = b""
    for number, (subject, body) in enumerate(events):
        headers = {
            H_VERSION: VERSION,
            H_KEY: key.public,
            H_ISSUED: str(now_ms),
            H_EPOCH: str(epoch),
            H_SEQUENCE: str(first_sequence + number),
        }
        digests += hashlib.sha256(_event_bytes(subject, headers, body)).digest()
        made.append(headers)
    shared = {H_SET: _to_text(digests), H_SIGNATURE: _to_text(key.sign(SET_DOMAIN + digests))}
    return [headers | shared for headers in made]


def check_event(subject: str, headers: Mapping[str, str], body: bytes) -> EventStamp:
    """Return who signed an event.

    Raises:
        CommandError: ``unsigned``, ``bad_key`` or ``bad_signature``.
    """
    names = (H_VERSION, H_KEY, H_ISSUED, H_EPOCH, H_SEQUENCE)
    signature = _signature(headers, names)
    if any(_NUMBER.fullmatch(headers[name]) is None for name in names[2:]):
        raise _bad("The event's numbers are none")
    signed = _event_bytes(subject, headers, body)
    if H_SET in headers:
        is_signed = _is_in_set(headers[H_SET], headers[H_KEY], signed, signature)
    else:
        is_signed = verify(headers[H_KEY], signed, signature)
    if not is_signed:
        raise _bad("The signature does not fit this event")
    return EventStamp(
        headers[H_KEY], int(headers[H_EPOCH]), int(headers[H_SEQUENCE]), int(headers[H_ISSUED])
    )


class EventOrder:
    """Tells events that come for the first time from those that somebody sends again.

    Events of one subject may overtake one another a little, since tasks of an agent send at once;
    none comes twice, and none comes of a process that a newer one has followed.
    """

    def __init__(self) -> None:
        # By key and subject: epoch, the highest sequence, and which below it were there.
        self._seen: dict[tuple[str, str], tuple[int, int, int]] = {}

    def is_new(self, subject: str, stamp: EventStamp) -> bool:
        """Note an event; False for one that is not believed."""
        place = (stamp.key, subject)
        epoch, top, seen = self._seen.pop(place, (stamp.epoch, stamp.sequence - 1, 0))
        if stamp.epoch > epoch:
            epoch, top, seen = stamp.epoch, stamp.sequence - 1, 0
        ahead = stamp.sequence - top
        is_new = stamp.epoch == epoch
        if not is_new:
            pass
        elif ahead > 0:
            top, seen = stamp.sequence, ((seen << min(ahead, _WINDOW)) | 1) & _MASK
        elif -ahead >= _WINDOW or seen >> -ahead & 1:
            is_new = False
        else:
            seen |= 1 << -ahead
        # The subjects that were heard last are the ones that are kept.
        self._seen[place] = (epoch, top, seen)
        while len(self._seen) > _MAX_SUBJECTS:
            del self._seen[next(iter(self._seen))]
        return is_new


def _reply_bytes(subject: str, nonce: str, headers: Mapping[str, str], body: bytes) -> bytes:
    texts = (
        subject,
        *(headers[name] for name in (H_VERSION, H_KEY, H_ISSUED)),
        nonce,
        headers.get(H_REPLAYED, ""),
    )
    return _joined(REPLY_DOMAIN, texts, body)


def _event_bytes(subject: str, headers: Mapping[str, str], body: bytes) -> bytes:
    names = (H_VERSION, H_KEY, H_ISSUED, H_EPOCH, H_SEQUENCE)
    return _joined(EVENT_DOMAIN, (subject, *(headers[name] for name in names)), body)


def _joined(domain: bytes, texts: tuple[str, ...], body: bytes) -> bytes:
    parts = [
        *(text.encode("utf-8", errors="surrogatepass") for text in texts),
        hashlib.sha256(body).digest(),
    ]
    return domain + b"".join(len(part).to_bytes(4, "big") + part for part in parts)


def _is_in_set(text: str, key: str, signed: bytes, signature: bytes) -> bool:
    if len(text) > 2 * MAX_SET * _DIGEST_BYTES:
        return False
    try:
        digests = base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
    except (binascii.Error, ValueError):
        return False
    if len(digests) % _DIGEST_BYTES or len(digests) > MAX_SET * _DIGEST_BYTES:
        return False
    own = hashlib.sha256(signed).digest()
    places = range(0, len(digests), _DIGEST_BYTES)
    is_named = any(digests[at : at + _DIGEST_BYTES] == own for at in places)
    return is_named and _is_set_signed(key, digests, signature)


@lru_cache(maxsize=64)
def _is_set_signed(key: str, digests: bytes, signature: bytes) -> bool:
    """Verify a set once: its events come one after the other."""
    return verify(key, SET_DOMAIN + digests, signature)


def _signature(headers: Mapping[str, str], names: tuple[str, ...]) -> bytes:
    if any(name not in headers for name in (*names, H_SIGNATURE)):
        raise CommandError(ErrorCode.UNSIGNED, "The message carries no signature of an agent")
    if headers[H_VERSION] != VERSION:
        raise _bad("The signature is of another version")
    text = headers[H_SIGNATURE]
    try:
        signature = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
    except (binascii.Error, ValueError):
        raise _bad("The signature is not base64url") from None
    if len(signature) != SIGNATURE_BYTES or _to_text(signature) != text:
        raise _bad("The signature is not 64 bytes in base64url")
    return signature


def nonce_of(headers: Mapping[str, str] | None) -> str:
    """Return a request's nonce; empty for one that is not signed."""
    return "" if headers is None or H_SIGNATURE not in headers else headers.get(H_NONCE, "")


def _to_text(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode("ascii")


def _bad(message: str) -> CommandError:
    return CommandError(ErrorCode.BAD_SIGNATURE, message, field=H_SIGNATURE)
