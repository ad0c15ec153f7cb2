"""What a verifier remembers: how fast each key asks, and which nonces were used.

Both are bounded, and both work on the time they are given.
"""

from __future__ import annotations

import heapq
from collections import OrderedDict

from slate_desktop.errors import CommandError, ErrorCode, Retry

MAX_KEYS = 4096
# Kept beyond the expiry, so that a clock set back a little opens no gap.
_NONCE_GRACE_MS = 60_000


class RateLimiter:
    """One token bucket per key; the keys used longest ago are forgotten first."""

    def __init__(self, *, rate_per_s: float, burst: int, max_keys: int = MAX_KEYS) -> None:
        self._rate_per_ms = rate_per_s / 1000
        self._burst = burst
        self._max_keys = max_keys
        self._buckets: OrderedDict[str, tuple[float, int]] = OrderedDict()

    def admit(self, key: str, now_ms: int) -> bool:
        """Take a token of ``key`` and tell whether there was one."""
        name = key[:64]
        tokens, last_ms = self._buckets.pop(name, (float(self._burst), now_ms))
        elapsed_ms = max(0, now_ms - last_ms)
        tokens = min(float(self._burst), tokens + elapsed_ms * self._rate_per_ms)
        is_admitted = tokens >= 1
        self._buckets[name] = (tokens - 1 if is_admitted else tokens, now_ms)
        if len(self._buckets) > self._max_keys:
            self._buckets.popitem(last=False)
        return is_admitted


class NonceCache:
    """Nonces of requests that were good, until they would have expired anyway."""

    def __init__(self, *, per_key: int, max_keys: int = MAX_KEYS) -> None:
        self._per_key = per_key
        self._max_keys = max_keys
        self._seen: dict[str, set[str]] = {}
        self._by_expiry: list[tuple[int, str, str]] = []

    def use(self, key: str, nonce: str, expires_ms: int, now_ms: int) -> None:
        """Use up a nonce.

        Raises:
            CommandError: ``replay`` for one that was used; ``busy`` when no more can be kept.
        """
        self._forget_expired(now_ms)
        seen = self._seen.get(key)
        if seen is None:
            if len(self._seen) >= self._max_keys:
                raise _busy()
            seen = self._seen[key] = set()
        if nonce in seen:
            raise CommandError(ErrorCode.REPLAY, "This request was already received")
        if len(seen) >= self._per_key:
            raise _busy()
        seen.add(nonce)
        heapq.heappush(self._by_expiry, (expires_ms + _NONCE_GRACE_MS, key, nonce))

    def _forget_expired(self, now_ms: int) -> None:
        while self._by_expiry and self._by_expiry[0][0] < now_ms:
            _, key, nonce = heapq.heappop(self._by_expiry)
            seen = self._seen[key]
            seen.discard(nonce)
            if not seen:
                del self._seen[key]


def _busy() -> CommandError:
    return CommandError(
        ErrorCode.BUSY, "The agent has too many requests in memory; try again", retry=Retry.LATER
    )
