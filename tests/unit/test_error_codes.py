"""The document of error codes knows every code, and no other."""

from __future__ import annotations

import re
from pathlib import Path

from slate_desktop.errors import ErrorCode

DOCUMENT = Path(__file__).parents[2] / "docs" / "error-codes.md"


def test_document_lists_exactly_the_codes_that_exist() -> None:
    cells = re.findall(r"^\| ([^|]+) \|", DOCUMENT.read_text(encoding="utf-8"), re.MULTILINE)
    named = {code for cell in cells for code in re.findall(r"`([a-z_]+)`", cell)}
    assert {code.value for code in ErrorCode} <= named
    others = named - {code.value for code in ErrorCode}
    assert others <= {
        "retry", "never", "later", "resign", "unknown", "memory", "cpus", "ports", "env", "volumes",
        "command", "image", "name", "unset",
    }  # fmt: skip
