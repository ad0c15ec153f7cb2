"""Keys: NATS's text form, every bit checked."""

from __future__ import annotations

import base64
import binascii

import pytest
from hypothesis import given
from hypothesis import strategies as st

from slate_desktop.errors import CommandError, ErrorCode
from slate_desktop.wire.keys import SigningKey, decode_public, verify

KEY = SigningKey(bytes(range(32)))
ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"


def account_key() -> str:
    payload = bytes([0]) + decode_public(KEY.public)
    checksum = binascii.crc_hqx(payload, 0).to_bytes(2, "little")
    return base64.b32encode(payload + checksum).decode().rstrip("=")


def test_key_has_the_forms_of_nats() -> None:
    assert KEY.public.startswith("U")
    assert len(KEY.public) == 56
    assert KEY.seed.startswith("SU")
    assert len(KEY.seed) == 58
    assert KEY.seed not in repr(KEY)


def test_known_seed_gives_its_known_public_key() -> None:
    # The nkeys package (0.2.1) gives the same from the 32 bytes 0..31.
    assert KEY.seed == "SUAAAAICAMCAKBQHBAEQUCYMBUHA6EARCIJRIFIWC4MBSGQ3DQOR4H776Y"
    assert KEY.public == "UAB2CB576PHBBPQ5ODORRZ2LYCMWPZGWGCN2KDK7DXOIMZASKUY3RLKK"


@given(raw=st.binary(min_size=32, max_size=32), data=st.binary(max_size=200))
def test_signature_verifies_after_a_round_trip_of_the_seed(raw: bytes, data: bytes) -> None:
    again = SigningKey.from_seed(SigningKey(raw).seed)
    assert again.public == SigningKey(raw).public
    assert verify(again.public, data, again.sign(data))
    assert not verify(again.public, data + b"x", again.sign(data))


@pytest.mark.parametrize(
    "text",
    [
        KEY.public[:-1],
        KEY.public + "A",
        KEY.public.lower(),
        account_key(),
        KEY.seed,
        "",
        " " + KEY.public[1:],
        KEY.public + "\n",
        "U" + "A" * 55,
        "U" + "é" * 55,
    ],
)
def test_public_key_of_another_form_is_bad(text: str) -> None:
    with pytest.raises(CommandError) as caught:
        decode_public(text)
    assert caught.value.code is ErrorCode.BAD_KEY


def test_every_one_letter_error_in_a_public_key_is_found() -> None:
    for index in range(56):
        for letter in ALPHABET:
            if letter == KEY.public[index]:
                continue
            with pytest.raises(CommandError):
                decode_public(KEY.public[:index] + letter + KEY.public[index + 1 :])


def test_every_one_letter_error_in_a_seed_is_found() -> None:
    for index in range(58):
        for letter in ALPHABET:
            if letter == KEY.seed[index]:
                continue
            with pytest.raises(CommandError):
                SigningKey.from_seed(KEY.seed[:index] + letter + KEY.seed[index + 1 :])


@pytest.mark.parametrize("text", ["", "SU", "SA" + KEY.seed[2:], KEY.public, KEY.seed + "A"])
def test_bad_seed_has_a_hint_and_is_not_repeated(text: str) -> None:
    with pytest.raises(CommandError) as caught:
        SigningKey.from_seed(text)
    assert caught.value.code is ErrorCode.BAD_KEY
    assert caught.value.hint
    assert not text or text not in str(caught.value) or text == "SU"


def test_seed_may_have_a_line_end() -> None:
    assert SigningKey.from_seed(f" {KEY.seed}\n").public == KEY.public


@pytest.mark.parametrize("length", [0, 63, 65])
def test_signature_of_another_length_is_no_signature(length: int) -> None:
    assert not verify(KEY.public, b"data", b"\0" * length)
