"""The signed envelope: one code for each way to be wrong, cheapest first."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import pytest

from slate_desktop.errors import CommandError, ErrorCode, Retry
from slate_desktop.wire.envelope import (
    ALL_HEADERS,
    SignedBy,
    Verifier,
    is_answerable,
    is_unsigned,
    sign_request,
)
from slate_desktop.wire.guards import NonceCache, RateLimiter
from slate_desktop.wire.keys import SigningKey

KEY = SigningKey(bytes(range(32)))
OTHER = SigningKey(bytes(range(1, 33)))
NOW = 1_700_000_000_000
BOOT = NOW - 60_000
SUBJECT = "slate.container.start.s1"
BODY = b'{"memory":"4g"}'
INBOX = f"_INBOX_{KEY.public}.abc.1"


def signed(**changes: object) -> dict[str, str]:
    arguments: dict = {"audience": "agent-1", "idem": "i-1", "now_ms": NOW} | changes
    return sign_request(KEY, SUBJECT, BODY, **arguments)


def verifier(**options: object) -> Verifier:
    return Verifier("agent-1", BOOT, **options)  # type: ignore[arg-type]


def check(
    headers: Mapping[str, str],
    *,
    subject: str = SUBJECT,
    body: bytes = BODY,
    reply: str = INBOX,
    now_ms: int = NOW,
    on: Verifier | None = None,
    **options: bool,
) -> SignedBy:
    return (on or verifier()).verify(subject, headers, body, reply, now_ms, **options)


def refused(headers: Mapping[str, str], **arguments) -> CommandError:
    with pytest.raises(CommandError) as caught:
        check(headers, **arguments)
    return caught.value


def test_good_envelope_names_its_signer() -> None:
    headers = signed()
    assert check(headers) == SignedBy(
        key=KEY.public,
        audience="agent-1",
        idem="i-1",
        iat_ms=NOW,
        nonce=headers["Slate-Nonce"],
    )
    assert set(headers) == set(ALL_HEADERS)


@pytest.mark.parametrize("name", ALL_HEADERS)
def test_missing_header_is_unsigned(name: str) -> None:
    headers = signed()
    del headers[name]
    assert refused(headers).code is ErrorCode.UNSIGNED
    assert not is_unsigned(headers)


def test_request_without_headers_is_unsigned() -> None:
    assert refused({}).code is ErrorCode.UNSIGNED
    assert is_unsigned({})


def flipped_bit(text: str) -> str:
    return ("B" if text[0] != "B" else "C") + text[1:]


def cut(text: str) -> str:
    return text[:-1]


def padded(text: str) -> str:
    return text + "=="


GOOD = signed()
# A function changes what a good header holds: a signature is another one each time.
HEADER_CASES = [
    ("Slate-V", "2", "bad_request", "version"),
    ("Slate-V", "", "bad_request", "version"),
    ("Slate-V", " 1", "bad_request", "version"),
    ("Slate-Sig", flipped_bit, "bad_signature", None),
    ("Slate-Sig", cut, "bad_signature", None),
    ("Slate-Sig", padded, "bad_signature", None),
    ("Slate-Sig", "!" * 86, "bad_signature", None),
    ("Slate-Sig", "é" * 86, "bad_signature", None),
    ("Slate-Sig", "", "bad_signature", None),
    ("Slate-Key", flipped_bit(KEY.public[1:]).join(["U", ""]), "bad_key", None),
    ("Slate-Key", "A" + KEY.public[1:], "bad_key", None),
    ("Slate-Key", KEY.public.lower(), "bad_key", None),
    ("Slate-Key", KEY.public[:-1], "bad_key", None),
    ("Slate-Key", KEY.public + "A", "bad_key", None),
    ("Slate-Key", "", "bad_key", None),
    ("Slate-Iat", str(NOW)[:12], "bad_request", "time"),
    ("Slate-Iat", str(NOW) + "0", "bad_request", "time"),
    ("Slate-Exp", "-170000000000", "bad_request", "time"),
    ("Slate-Exp", "-" + str(NOW), "bad_request", "time"),
    ("Slate-Exp", "١٧٠٠٠٠٠٠٠٠٠٠٠", "bad_request", "time"),
    ("Slate-Exp", str(NOW + 3_600_000), "bad_request", "ttl"),
    ("Slate-Exp", str(NOW), "bad_request", "ttl"),
    ("Slate-Exp", str(NOW - 1), "expired", "Slate-Exp"),
    ("Slate-Iat", str(NOW + 60_000), "future", "Slate-Iat"),
    ("Slate-Iat", str(BOOT - 1), "bad_request", "ttl"),
    ("Slate-Nonce", "short", "bad_request", "nonce"),
    ("Slate-Nonce", "a" * 21 + "\n", "bad_request", "nonce"),
    ("Slate-Idem", "", "bad_request", "idem"),
    ("Slate-Idem", "a" * 65, "bad_request", "idem"),
    ("Slate-Idem", "a b", "bad_request", "idem"),
    ("Slate-Aud", "agent-2", "wrong_audience", None),
    ("Slate-Aud", "any", "wrong_audience", None),
    ("Slate-Aud", "", "wrong_audience", None),
    # In their form, but not what was signed.
    ("Slate-Nonce", "A" * 22, "bad_signature", None),
    ("Slate-Idem", "i-2", "bad_signature", None),
    ("Slate-Key", OTHER.public, "bad_reply", None),
]


@pytest.mark.parametrize(("name", "value", "code", "field"), HEADER_CASES)
def test_wrong_header_has_its_code(
    name: str, value: str | Callable[[str], str], code: str, field: str | None
) -> None:
    error = refused(GOOD | {name: value if isinstance(value, str) else value(GOOD[name])})
    assert error.code == code
    if field is not None:
        assert error.field == field


@pytest.mark.parametrize(
    "change",
    [
        {"body": BODY + b" "},
        {"body": b""},
        {"subject": "slate.container.stop.s1"},
        {"subject": "slate.container.start.s2"},
    ],
)
def test_signature_of_something_else_is_bad(change: dict) -> None:
    assert refused(signed(), **change).code is ErrorCode.BAD_SIGNATURE


def test_key_that_is_not_the_signers_is_a_bad_signature() -> None:
    headers = signed() | {"Slate-Key": OTHER.public}
    error = refused(headers, reply=f"_INBOX_{OTHER.public}.abc")
    assert error.code is ErrorCode.BAD_SIGNATURE


def test_request_older_than_the_agent_must_be_signed_again() -> None:
    error = refused(signed(), on=Verifier("agent-1", NOW + 1))
    assert error.code is ErrorCode.STALE_SIGNATURE
    assert error.retry is Retry.RESIGN


@pytest.mark.parametrize(("skew_ms", "code"), [(10_001, "expired"), (-5_001, "future")])
def test_skewed_clock_is_told_apart(skew_ms: int, code: str) -> None:
    error = refused(signed(), now_ms=NOW + skew_ms, on=Verifier("agent-1", 0))
    assert error.code == code
    assert error.retry is Retry.RESIGN


@pytest.mark.parametrize("skew_ms", [10_000, -5_000])
def test_skew_within_the_limits_is_served(skew_ms: int) -> None:
    assert check(signed(), now_ms=NOW + skew_ms, on=Verifier("agent-1", 0))


def test_any_is_served_where_a_queue_group_answers() -> None:
    headers = signed(audience="any")
    assert check(headers, allow_any=True).audience == "any"
    assert refused(headers).code is ErrorCode.WRONG_AUDIENCE


def test_same_envelope_twice_is_a_replay() -> None:
    guard, headers = verifier(), signed()
    check(headers, on=guard)
    assert refused(headers, on=guard).code is ErrorCode.REPLAY


def test_forged_request_does_not_use_up_the_nonce() -> None:
    guard, headers = verifier(), signed()
    assert refused(headers, body=b"{}", on=guard).code is ErrorCode.BAD_SIGNATURE
    assert check(headers, on=guard)


REPLIES = [
    (INBOX, True),
    (f"_INBOX_{KEY.public}.a", True),
    (f"_INBOX_{KEY.public}.a.b.c", True),
    ("", False),
    ("slate.runtime.p1.s1.status", False),
    ("$JS.API.STREAM.DELETE.ASSETS", False),
    (f"_INBOX_{OTHER.public}.x", False),
    (f"_INBOX_{KEY.public}", False),
    (f"_INBOX_{KEY.public}.", False),
    (f"_INBOX_{KEY.public}.a.b.c.d", False),
    (f"_INBOX_{KEY.public}.a.b.c.d.e", False),
    (f"_INBOX_{KEY.public}.*", False),
    (f"_INBOX_{KEY.public}.>", False),
    (f"_INBOX_{KEY.public}.a\n", False),
    (f"_INBOX_{KEY.public}.{'a' * 33}", False),
    ("_INBOX.abc", False),
    ("_R_.abc", False),
]


@pytest.mark.parametrize(("reply", "is_good"), REPLIES)
def test_reply_must_be_the_signers_inbox(reply: str, is_good: bool) -> None:
    headers = signed()
    assert is_answerable(reply, headers) is is_good
    if is_good:
        assert check(headers, reply=reply)
    else:
        assert refused(headers, reply=reply).code is ErrorCode.BAD_REPLY


@pytest.mark.parametrize(
    ("reply", "is_good"),
    [
        ("_INBOX.abc.def", True),
        (INBOX, True),
        ("$JS.API.STREAM.DELETE.ASSETS", False),
        ("slate.runtime.p1.s1.status", False),
        ("", False),
    ],
)
@pytest.mark.parametrize("headers", [{}, {"Slate-Key": "nonsense"}, {"Slate-Key": "U" + "A" * 55}])
def test_request_without_a_sound_key_is_answered_in_inboxes_only(
    headers: dict[str, str], reply: str, is_good: bool
) -> None:
    assert is_answerable(reply, headers) is is_good


def test_imported_reply_is_served_where_imports_are_configured() -> None:
    assert check(signed(), reply="_R_.abc", on=verifier(allow_imports=True))


def test_empty_reply_is_served_where_no_answer_is_wanted() -> None:
    assert check(signed(), reply="", allow_no_reply=True)


def test_rate_of_one_key_is_limited_and_recovers() -> None:
    guard = verifier()
    for _ in range(40):
        check(signed(), on=guard)
    error = refused(signed(), on=guard)
    assert error.code is ErrorCode.RATE_LIMITED
    assert error.retry is Retry.LATER
    assert check(signed(), now_ms=NOW + 50, on=guard)
    assert refused(signed(), now_ms=NOW + 50, on=guard).code is ErrorCode.RATE_LIMITED


def test_rate_of_one_key_does_not_touch_another() -> None:
    limiter = RateLimiter(rate_per_s=1, burst=1)
    assert limiter.admit("a", NOW)
    assert not limiter.admit("a", NOW)
    assert limiter.admit("b", NOW)


def test_rate_limiter_forgets_the_oldest_keys_only() -> None:
    limiter = RateLimiter(rate_per_s=1, burst=1, max_keys=2)
    for key in ("a", "b", "c"):
        limiter.admit(key, NOW)
    assert not limiter.admit("b", NOW)
    assert not limiter.admit("c", NOW)


def test_clock_set_back_gives_no_tokens() -> None:
    limiter = RateLimiter(rate_per_s=1000, burst=1)
    assert limiter.admit("a", NOW)
    assert not limiter.admit("a", NOW - 10_000)


def test_full_nonce_cache_is_busy_until_nonces_expire() -> None:
    cache = NonceCache(per_key=2)
    cache.use("k", "1", NOW + 10, NOW)
    cache.use("k", "2", NOW + 10, NOW)
    with pytest.raises(CommandError) as caught:
        cache.use("k", "3", NOW + 10, NOW)
    assert caught.value.code is ErrorCode.BUSY
    assert caught.value.retry is Retry.LATER
    cache.use("other", "1", NOW + 10, NOW)
    cache.use("k", "3", NOW + 200_000, NOW + 100_000)


def test_nonces_of_too_many_keys_are_busy() -> None:
    cache = NonceCache(per_key=2, max_keys=1)
    cache.use("a", "1", NOW, NOW)
    with pytest.raises(CommandError) as caught:
        cache.use("b", "1", NOW, NOW)
    assert caught.value.code is ErrorCode.BUSY


@pytest.mark.parametrize(
    ("change", "field"),
    [({"idem": "a b"}, "idem"), ({"idem": ""}, "idem"), ({"ttl_ms": 60_001}, "ttl")],
)
def test_client_refuses_to_sign_what_agents_refuse(change: dict, field: str) -> None:
    with pytest.raises(CommandError) as caught:
        signed(**change)
    assert caught.value.field == field


def test_each_request_has_its_own_nonce() -> None:
    assert len({signed()["Slate-Nonce"] for _ in range(100)}) == 100


def test_order_of_checks_is_the_documented_one() -> None:
    """Mend one fault after the other: each time the next check is the one that speaks."""
    headers = {"Slate-Key": KEY.public}
    reply, seen = "$JS.API.INFO", []
    for mend in (
        GOOD | {"Slate-V": "2", "Slate-Aud": "x", "Slate-Exp": str(NOW - 1)},
        {"Slate-V": "1"},
        {"Slate-Aud": "agent-1"},
        {"Slate-Exp": str(NOW + 9_999)},
        {},
    ):
        seen.append(refused(headers, reply=reply).code.value)
        headers = headers | mend
    assert seen == ["unsigned", "bad_request", "wrong_audience", "expired", "bad_reply"]
    assert refused(headers).code is ErrorCode.BAD_SIGNATURE
