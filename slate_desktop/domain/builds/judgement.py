"""Whether a build can be trusted: exit code, error lines and artifact are three witnesses.

::

    all three say yes                                → passed
    the artifact says no, or the tool says so itself → failed
    exit code and error lines both say no            → failed
    one of the two says no, the artifact says yes    → suspect, naming the witness that disagrees

Exit codes lie in both directions, errors in a log may be harmless, and an artifact may be stale or
broken inside; so one witness against two makes a build suspect, never passed.
"""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum

import msgspec

from slate_desktop.domain.builds.findings import Finding, Severity
from slate_desktop.translation import message


class Verdict(StrEnum):
    """What a finished build is worth."""

    PASSED = "passed"
    FAILED = "failed"
    SUSPECT = "suspect"


class StepExit(msgspec.Struct, frozen=True, kw_only=True):
    """How one program ended; ``code`` is None when that is not known."""

    step: str
    code: int | None
    is_evidence: bool = True


class Judgement(msgspec.Struct, frozen=True, kw_only=True):
    """A verdict with its reason.

    Attributes:
        verdict: passed, failed or suspect.
        witness: which one disagrees with the others: ``exit``, ``errors``, ``artifact``, or empty.
        reason: one sentence for a person.
    """

    verdict: Verdict
    witness: str
    reason: str


def judge(
    exits: Sequence[StepExit],
    errors: Sequence[Finding],
    artifact_problem: str,
    *,
    tool_exit_code: int | None = None,
) -> Judgement:
    """Weigh the three witnesses.

    Args:
        exits: how the programs ended.
        errors: fatal problems and errors, without warnings.
        artifact_problem: what is wrong with the main product, empty when nothing is.
        tool_exit_code: what the tool itself says of its end, where it does.
    """
    bad_exit = _bad_exit(exits, tool_exit_code)
    bad_errors = _told(errors)
    is_fatal = any(found.severity is Severity.FATAL for found in errors)
    if artifact_problem:
        agrees = bool(bad_exit or bad_errors)
        told = _capital(artifact_problem)
        if not agrees:
            told = message(f"{told}, although nothing else failed")
        reasons = [told, *([bad_errors] if bad_errors else []), *([bad_exit] if bad_exit else [])]
        return Judgement(
            verdict=Verdict.FAILED,
            witness="" if bad_exit and bad_errors else ("exit" if bad_errors else _lone(bad_exit)),
            reason="; ".join(reasons) + ".",
        )
    if bad_exit and bad_errors:
        return Judgement(
            verdict=Verdict.FAILED, witness="artifact", reason=f"{bad_errors}; {bad_exit}."
        )
    if is_fatal:
        return Judgement(
            verdict=Verdict.FAILED,
            witness="exit",
            reason=f"{bad_errors}, although the exit code is 0.",
        )
    if bad_errors:
        return Judgement(
            verdict=Verdict.SUSPECT,
            witness="errors",
            reason=f"{bad_errors}, although the exit code is 0 and the artifact is sound.",
        )
    if bad_exit:
        return Judgement(
            verdict=Verdict.SUSPECT,
            witness="exit",
            reason=f"{_capital(bad_exit)}, although there is no error and the artifact is sound.",
        )
    return Judgement(
        verdict=Verdict.PASSED,
        witness="",
        reason="Exit code, error lines and artifact agree.",
    )


def _lone(bad_exit: str) -> str:
    """With a bad artifact: the errors disagree when the exit code is bad too, else the artifact."""
    return "errors" if bad_exit else "artifact"


def _bad_exit(exits: Sequence[StepExit], tool_exit_code: int | None) -> str:
    for found in exits:
        if found.is_evidence and found.code != 0:
            how = "in an unknown way" if found.code is None else f"with exit code {found.code}"
            return f"the step {found.step} ended {how}"
    if tool_exit_code not in (None, 0):
        return f"the build tool says that it ended with exit code {tool_exit_code}"
    return ""


def _told(errors: Sequence[Finding]) -> str:
    if not errors:
        return ""
    first = next((found for found in errors if found.severity is Severity.FATAL), errors[0])
    where = f" ({first.file}:{first.line})" if first.file and first.line else ""
    count = sum(found.count for found in errors)
    told = f"{first.message.rstrip('.')}{where}"
    return message(f"{told} and {count - 1} more") if count > 1 else told


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]
