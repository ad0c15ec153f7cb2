"""A command's result always fits into one message."""

from __future__ import annotations

import pytest

from slate_desktop.bus.checks import DEFAULT_MAX_PAYLOAD
from slate_desktop.wire.codec import encode
from slate_desktop.wire.messages import ExecReply
from slate_desktop.wire.output import fit_output

KIB = 1024


def reply(stdout: str, stderr: str = "") -> ExecReply:
    return ExecReply(exit_code=0, stdout=stdout, stderr=stderr, duration_ms=1)


@pytest.mark.parametrize(
    ("stdout", "stderr"),
    [
        ("\ufffd" * 512 * KIB, ""),
        ("\x01" * 512 * KIB, "\x01" * 512 * KIB),
        ("a" * 512 * KIB, "b" * 512 * KIB),
        ("\x1b[31m" * 100 * KIB, "short"),
        ("a" * 256 * KIB + "\x01" * 256 * KIB, "\\" * 512 * KIB),
    ],
    ids=["replaced", "control", "both full", "colours", "mixed"],
)
def test_output_that_grows_on_the_wire_is_cut(stdout: str, stderr: str) -> None:
    found = fit_output(reply(stdout, stderr))
    assert len(encode(found)) < DEFAULT_MAX_PAYLOAD - 32 * KIB
    assert found.truncated
    assert stdout.startswith(found.stdout)
    assert stderr.startswith(found.stderr)
    assert len(encode(found)) > 480 * KIB


def test_output_that_fits_is_left_alone() -> None:
    for made in (reply("a" * 512 * KIB, "b" * 400 * KIB), reply(""), reply("é\x1b[0m", "x")):
        assert fit_output(made) == made
