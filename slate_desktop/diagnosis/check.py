"""One finding of ``slate doctor``."""

from __future__ import annotations

from enum import StrEnum

import msgspec


class State(StrEnum):
    """How serious a finding is: only ``failed`` keeps SLATE from working."""

    OK = "ok"
    NOTE = "note"
    WARNING = "warning"
    FAILED = "failed"


class Check(msgspec.Struct, frozen=True, kw_only=True):
    """One finding: what was looked at, what is there, how to mend it (empty when it is fine)."""

    name: str
    state: State
    detail: str
    fix: str = ""
