"""The signed envelope of requests: eight headers, and the checks an agent makes before it acts.

The signature covers ``slate-req-v1`` and then, each with its length as four big-endian bytes:
subject, version, key, audience, issue time, expiry, nonce, idempotency key and the body's SHA-256.
The reply subject is not covered, because brokers may rewrite it; it is checked by pattern.

This module knows keys, times and nonces. Who owns a key, and what that person may do, is the
agent's business.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import re
import secrets
from collections.abc import Mapping
from typing import NoReturn

import msgspec

from slate_desktop.errors import CommandError, ErrorCode, Retry
from slate_desktop.wire.guards import NonceCache, RateLimiter
from slate_desktop.wire.keys import (
    PUBLIC_PATTERN,
    SIGNATURE_BYTES,
    SigningKey,
    decode_public,
    verify,
)

VERSION = "1"
AUDIENCE_ANY = "any"
AUDIENCE_JOBS = "jobs"
REQUEST_DOMAIN = b"slate-req-v1"
JOB_DOMAIN = b"slate-job-v1"
DEFAULT_TTL_MS = 10_000
MAX_TTL_MS = 60_000
MAX_JOB_TTL_MS = 7 * 24 * 3_600_000
MAX_AHEAD_MS = 5_000

H_VERSION = "Slate-V"
H_KEY = "Slate-Key"
H_AUDIENCE = "Slate-Aud"
H_ISSUED = "Slate-Iat"
H_EXPIRES = "Slate-Exp"
H_NONCE = "Slate-Nonce"
H_IDEM = "Slate-Idem"
H_SIGNATURE = "Slate-Sig"
# Not signed: an agent says with it that the answer is a stored one.
H_REPLAYED = "Slate-Replayed"
_SIGNED_HEADERS = (H_VERSION, H_KEY, H_AUDIENCE, H_ISSUED, H_EXPIRES, H_NONCE, H_IDEM)
ALL_HEADERS = (*_SIGNED_HEADERS, H_SIGNATURE)

_TIME = re.compile(r"[0-9]{13}")
_NONCE = re.compile(r"[A-Za-z0-9_-]{22}")
_IDEM = re.compile(r"[A-Za-z0-9_.:-]{1,64}")
_SIGNATURE = re.compile(r"[A-Za-z0-9_-]{86}")
_REPLY_TOKENS = r"(\.[A-Za-z0-9]{1,32}){1,3}"
_INBOX_OF_ANYONE = re.compile(rf"_INBOX(_U[A-Z2-7]{{55}})?{_REPLY_TOKENS}")
_IMPORTED_REPLY = re.compile(rf"_R_{_REPLY_TOKENS}")


class SignedBy(msgspec.Struct, frozen=True, kw_only=True):
    """What a good envelope says: whose key, for whom, under which idempotency key, and when."""

    key: str
    audience: str
    idem: str
    iat_ms: int
    nonce: str


def sign_request(
    key: SigningKey,
    subject: str,
    body: bytes,
    *,
    audience: str,
    idem: str,
    now_ms: int,
    ttl_ms: int = DEFAULT_TTL_MS,
) -> dict[str, str]:
    """Return the headers of a request.

    Args:
        key: the user's key.
        subject: the subject that it will be sent on.
        body: the bytes that will be sent.
        audience: the id of the agent that shall act, or ``any`` for a queue group.
        idem: the idempotency key, 1 to 64 of ``A-Za-z0-9_.:-``; the same for every repetition.
        now_ms: the time, UTC milliseconds since the epoch.
        ttl_ms: how long the request may act, up to a minute.

    Raises:
        CommandError: ``bad_request`` for an idempotency key or time that agents refuse.
    """
    if _IDEM.fullmatch(idem) is None:
        _bad_field("idem", "An idempotency key is 1 to 64 letters, digits or '_.:-'")
    if not 0 < ttl_ms <= MAX_TTL_MS:
        _bad_field("ttl", "A request may live for one minute at most")
    headers = _stamped(key, audience, idem, now_ms, ttl_ms)
    headers[H_SIGNATURE] = _to_base64url(key.sign(signed_bytes(subject, headers, body)))
    return headers


def sign_job(
    key: SigningKey,
    subject: str,
    body: bytes,
    *,
    job_id: str,
    now_ms: int,
    ttl_ms: int = MAX_JOB_TTL_MS,
) -> dict[str, str]:
    """Return the headers of a job, which any worker may take while it is valid.

    Args:
        key: the user's key.
        subject: of the queue.
        body: the bytes of the job.
        job_id: stands as the idempotency key.
        now_ms: the time, UTC milliseconds since the epoch.
        ttl_ms: how long the job may wait, up to seven days.

    Raises:
        CommandError: ``bad_request`` for an id or time that workers refuse.
    """
    if _IDEM.fullmatch(job_id) is None:
        _bad_field("job_id", "A job id is 1 to 64 letters, digits or '_.:-'")
    if not 0 < ttl_ms <= MAX_JOB_TTL_MS:
        _bad_field("ttl", "A job may wait for seven days at most")
    headers = _stamped(key, AUDIENCE_JOBS, job_id, now_ms, ttl_ms)
    signed = signed_bytes(subject, headers, body, domain=JOB_DOMAIN)
    headers[H_SIGNATURE] = _to_base64url(key.sign(signed))
    return headers


def _stamped(key: SigningKey, audience: str, idem: str, now_ms: int, ttl_ms: int) -> dict[str, str]:
    """Return the headers that are signed: whose, for whom, from when to when, and only once."""
    return {
        H_VERSION: VERSION,
        H_KEY: key.public,
        H_AUDIENCE: audience,
        H_ISSUED: str(now_ms),
        H_EXPIRES: str(now_ms + ttl_ms),
        H_NONCE: _to_base64url(secrets.token_bytes(16)),
        H_IDEM: idem,
    }


def verify_job(subject: str, headers: Mapping[str, str], body: bytes, now_ms: int) -> SignedBy:
    """Return who signed a job, or refuse it. Whether it may run, and once, its row decides.

    Raises:
        CommandError: ``unsigned``, ``bad_key``, ``bad_signature``, ``wrong_audience``,
            ``expired``, ``future`` or ``bad_request``.
    """
    _check_presence(headers)
    signature = _check_formats(headers)
    if headers[H_AUDIENCE] != AUDIENCE_JOBS:
        raise CommandError(ErrorCode.WRONG_AUDIENCE, "This message is not a job", field=H_AUDIENCE)
    issued_ms, expires_ms = int(headers[H_ISSUED]), int(headers[H_EXPIRES])
    if not 0 < expires_ms - issued_ms <= MAX_JOB_TTL_MS:
        _bad_field("ttl", "A job may wait for seven days at most")
    decode_public(headers[H_KEY])
    signed = signed_bytes(subject, headers, body, domain=JOB_DOMAIN)
    if not verify(headers[H_KEY], signed, signature):
        raise CommandError(
            ErrorCode.BAD_SIGNATURE, "The signature does not fit this job", field=H_SIGNATURE
        )
    if now_ms > expires_ms:
        raise CommandError(ErrorCode.EXPIRED, "This job waited longer than it may; submit it again")
    if issued_ms > now_ms + MAX_AHEAD_MS:
        raise CommandError(
            ErrorCode.FUTURE, "This job was made in the future: one of the clocks is wrong"
        )
    return SignedBy(
        key=headers[H_KEY],
        audience=headers[H_AUDIENCE],
        idem=headers[H_IDEM],
        iat_ms=issued_ms,
        nonce=headers[H_NONCE],
    )


def signed_bytes(
    subject: str, headers: Mapping[str, str], body: bytes, *, domain: bytes = REQUEST_DOMAIN
) -> bytes:
    """Return the bytes that a signature covers; ``domain`` keeps kinds of messages apart."""
    texts = (subject, *(headers[name] for name in _SIGNED_HEADERS))
    parts = [
        *(text.encode("utf-8", errors="surrogatepass") for text in texts),
        hashlib.sha256(body).digest(),
    ]
    return domain + b"".join(len(part).to_bytes(4, "big") + part for part in parts)


def is_unsigned(headers: Mapping[str, str]) -> bool:
    """Tell whether a request carries none of the eight headers, as the original system's do."""
    return not any(name in headers for name in ALL_HEADERS)


def is_answerable(reply: str, headers: Mapping[str, str], *, allow_imports: bool = False) -> bool:
    """Tell whether anything, a refusal included, may be sent to ``reply``.

    A request that names a sound key is answered in that key's own inbox only; any other one in
    any inbox. Nothing else is ever written to: a reply subject could be a stream's or an API's.
    """
    if allow_imports and _IMPORTED_REPLY.fullmatch(reply):
        return True
    if _INBOX_OF_ANYONE.fullmatch(reply) is None:
        return False
    key = headers.get(H_KEY, "")
    return not _is_sound_key(key) or reply.startswith(f"_INBOX_{key}.")


class Verifier:
    """Checks envelopes for one agent; cheap checks come first and each failure has one code.

    A nonce is used up only by a request whose signature was good, so that nobody can spend or
    crowd out the nonces of a key that is not theirs. The rate limit does count by the name on the
    request, before any cryptography: it protects the agent's processor.
    """

    def __init__(
        self,
        agent_id: str,
        boot_ms: int,
        *,
        rate_per_s: float = 20.0,
        burst: int = 40,
        nonces_per_key: int = 10_000,
        allow_imports: bool = False,
    ) -> None:
        """Start with empty caches.

        Args:
            agent_id: the audience that this agent answers to.
            boot_ms: when its nonce cache began; older requests are ``stale_signature``.
            rate_per_s: requests per second and key.
            burst: requests that a quiet key may send at once.
            nonces_per_key: live nonces kept for one key; more are ``busy``.
            allow_imports: whether reply subjects of account imports (``_R_``) are served.
        """
        self._agent_id = agent_id
        self._boot_ms = boot_ms
        self._allow_imports = allow_imports
        self._limiter = RateLimiter(rate_per_s=rate_per_s, burst=burst)
        self._nonces = NonceCache(per_key=nonces_per_key)

    def verify(
        self,
        subject: str,
        headers: Mapping[str, str],
        body: bytes,
        reply: str,
        now_ms: int,
        *,
        allow_any: bool = False,
        allow_no_reply: bool = False,
    ) -> SignedBy:
        """Return who signed a request, or refuse it.

        Args:
            subject: the subject it arrived on.
            headers: its headers.
            body: its bytes.
            reply: its reply subject, empty for none.
            now_ms: the time, UTC milliseconds since the epoch.
            allow_any: whether it came through a queue group, where audience ``any`` is right.
            allow_no_reply: whether this operation may be asked for without an answer.

        Raises:
            CommandError: with ``bad_reply`` nothing may be sent to ``reply``.
        """
        key = headers.get(H_KEY)
        if key is not None and not self._limiter.admit(key, now_ms):
            raise CommandError(
                ErrorCode.RATE_LIMITED, "This key sends too many requests", retry=Retry.LATER
            )
        _check_presence(headers)
        signature = _check_formats(headers)
        self._check_audience(headers[H_AUDIENCE], allow_any=allow_any)
        issued_ms, expires_ms = int(headers[H_ISSUED]), int(headers[H_EXPIRES])
        self._check_times(issued_ms, expires_ms, now_ms)
        self._check_reply(reply, headers, allow_no_reply=allow_no_reply)
        decode_public(headers[H_KEY])
        if not verify(headers[H_KEY], signed_bytes(subject, headers, body), signature):
            raise CommandError(
                ErrorCode.BAD_SIGNATURE,
                "The signature does not fit this request",
                field=H_SIGNATURE,
            )
        self._nonces.use(headers[H_KEY], headers[H_NONCE], expires_ms, now_ms)
        return SignedBy(
            key=headers[H_KEY],
            audience=headers[H_AUDIENCE],
            idem=headers[H_IDEM],
            iat_ms=issued_ms,
            nonce=headers[H_NONCE],
        )

    def _check_audience(self, audience: str, *, allow_any: bool) -> None:
        if audience == self._agent_id or (allow_any and audience == AUDIENCE_ANY):
            return
        raise CommandError(
            ErrorCode.WRONG_AUDIENCE, "This request is meant for another agent", field=H_AUDIENCE
        )

    def _check_times(self, issued_ms: int, expires_ms: int, now_ms: int) -> None:
        if now_ms > expires_ms:
            raise CommandError(
                ErrorCode.EXPIRED, "This request has expired", field=H_EXPIRES, retry=Retry.RESIGN
            )
        if issued_ms > now_ms + MAX_AHEAD_MS:
            raise CommandError(
                ErrorCode.FUTURE,
                "This request was made in the future: one of the clocks is wrong",
                field=H_ISSUED,
                retry=Retry.RESIGN,
            )
        if not 0 < expires_ms - issued_ms <= MAX_TTL_MS:
            _bad_field("ttl", "A request may live for one minute at most")
        if issued_ms < self._boot_ms:
            raise CommandError(
                ErrorCode.STALE_SIGNATURE,
                "The agent has restarted since this request was signed; sign it again",
                field=H_ISSUED,
                retry=Retry.RESIGN,
            )

    def _check_reply(self, reply: str, headers: Mapping[str, str], *, allow_no_reply: bool) -> None:
        if not reply and allow_no_reply:
            return
        if not is_answerable(reply, headers, allow_imports=self._allow_imports):
            raise CommandError(
                ErrorCode.BAD_REPLY, "The reply subject is not the signer's inbox", field="reply"
            )


def _check_presence(headers: Mapping[str, str]) -> None:
    for name in ALL_HEADERS:
        if name not in headers:
            raise CommandError(
                ErrorCode.UNSIGNED,
                "Commands must be signed",
                field=name,
                hint="Use the SLATE client, or start the agent with --allow-unsigned.",
            )


def _check_formats(headers: Mapping[str, str]) -> bytes:
    """Return the signature's bytes when every header has its form."""
    if headers[H_VERSION] != VERSION:
        _bad_field("version", "Only version 1 of the envelope is understood")
    if PUBLIC_PATTERN.fullmatch(headers[H_KEY]) is None:
        decode_public(headers[H_KEY])
    for name in (H_ISSUED, H_EXPIRES):
        if _TIME.fullmatch(headers[name]) is None:
            _bad_field("time", f"{name} must be milliseconds with 13 digits")
    if _NONCE.fullmatch(headers[H_NONCE]) is None:
        _bad_field("nonce", "The nonce must be 16 bytes in base64url")
    if _IDEM.fullmatch(headers[H_IDEM]) is None:
        _bad_field("idem", "An idempotency key is 1 to 64 letters, digits or '_.:-'")
    signature = _from_base64url(headers[H_SIGNATURE])
    if signature is None:
        raise CommandError(
            ErrorCode.BAD_SIGNATURE, "The signature is not 64 bytes in base64url", field=H_SIGNATURE
        )
    return signature


def _is_sound_key(key: str) -> bool:
    try:
        decode_public(key)
    except CommandError:
        return False
    return True


def _to_base64url(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode("ascii")


def _from_base64url(text: str) -> bytes | None:
    if _SIGNATURE.fullmatch(text) is None:
        return None
    try:
        data = base64.urlsafe_b64decode(text + "==")
    except binascii.Error:
        return None
    return data if len(data) == SIGNATURE_BYTES and _to_base64url(data) == text else None


def _bad_field(field: str, message: str) -> NoReturn:
    raise CommandError(ErrorCode.BAD_REQUEST, message, field=field)
