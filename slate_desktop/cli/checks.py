"""Findings of a doctor, as words or JSON."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from slate_desktop.cli.output import Output

if TYPE_CHECKING:
    from slate_desktop.diagnosis.check import Check, State

_MARKS = {"ok": "✓", "note": "•", "warning": "!", "failed": "✗"}


def show_checks(output: Output, checks: Sequence[Check], bad: State) -> bool:
    """Print findings; tells whether none of them is ``bad``."""
    is_fine = all(check.state is not bad for check in checks)
    if output.as_json:
        rows = [
            {"name": c.name, "state": c.state.value, "detail": c.detail, "fix": c.fix}
            for c in checks
        ]
        output.result({"ok": is_fine, "checks": rows})
        return is_fine
    width = max(len(check.name) for check in checks)
    for check in checks:
        output.say(f"{_MARKS[check.state.value]} {check.name:<{width}}  {check.detail}")
        if check.fix:
            output.say(f"  {'':<{width}}  → {check.fix}")
    return is_fine
