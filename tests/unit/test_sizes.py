"""Sizes as people write them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from slate_desktop.domain.sizes import (
    exact_rate,
    exact_size,
    format_bytes,
    format_rate,
    parse_rate,
    parse_size,
)


@pytest.mark.parametrize(
    ("text", "size"),
    [
        ("4g", 4 * 1024**3), ("4G", 4 * 1024**3), ("4gb", 4 * 1024**3), ("4GiB", 4 * 1024**3),
        ("512m", 512 * 1024**2), ("1.5k", 1536), ("10", 10), ("10b", 10), ("-1", -1), ("0", 0),
        ("2t", 2 * 1024**4), (123, 123), (-5, -5), ("0.1k", 102),
    ],
)  # fmt: skip
def test_size_is_read(text: object, size: int) -> None:
    assert parse_size(text) == size


@pytest.mark.parametrize(
    "text",
    ["", "g", "4gg", "4e9", "4 g", " 4g", "4g ", "4g\n", "4,5g", "--4", "+4", "4bb", "4ib", "٤",
     "1" * 19, 4.0, None, True, [], b"4g", "inf", "0x4", "4\u212a"],
)  # fmt: skip
def test_text_that_is_no_size_is_refused(text: object) -> None:
    with pytest.raises(ValueError, match="not a size"):
        parse_size(text)


@given(st.integers(-(10**17), 10**17))
def test_exact_size_is_read_back(size: int) -> None:
    assert parse_size(exact_size(size)) == size


@pytest.mark.parametrize(
    ("size", "text"),
    [
        (0, "0 B"), (1, "1 B"), (1023, "1023 B"), (1024, "1 KB"), (1536, "1.5 KB"),
        (4 * 1024**3, "4 GB"), (1024**2 - 1, "1 MB"), (1024**6, "1024 PB"), (-1536, "-1.5 KB"),
    ],
)  # fmt: skip
def test_size_is_shown_short(size: int, text: str) -> None:
    assert format_bytes(size) == text


@pytest.mark.parametrize(
    ("text", "bits_per_s", "words"),
    [
        ("20mbit", 20_000_000, "20 Mbit/s"),
        ("20m", 20_000_000, "20 Mbit/s"),
        ("1.5 Gbit/s", 1_500_000_000, "1.5 Gbit/s"),
        ("512KBIT", 512_000, "512 kbit/s"),
        ("999.96kbit", 999_960, "1 Mbit/s"),
    ],
)
def test_rates_are_read_and_shown(text: str, bits_per_s: int, words: str) -> None:
    assert parse_rate(text) == bits_per_s
    assert format_rate(bits_per_s) == words
    assert parse_rate(exact_rate(bits_per_s)) == bits_per_s
