"""The table of attacks names tests that are there."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def table() -> list[dict[str, object]]:
    return tomllib.loads((ROOT / "tests" / "attacks.toml").read_text())["attack"]


def test_every_attack_has_tests_that_exist() -> None:
    missing: list[str] = []
    for attack in table():
        tests = attack["tests"]
        assert isinstance(tests, list), attack["row"]
        assert tests, attack["row"]
        for test in tests:
            path, _, name = str(test).partition("::")
            text = (ROOT / path).read_text() if (ROOT / path).is_file() else ""
            if not re.search(rf"^(async )?def {name or 'test_'}", text, re.MULTILINE):
                missing.append(str(test))
    assert missing == []


def test_no_attack_stands_there_twice() -> None:
    rows = [attack["row"] for attack in table()]
    assert len(set(rows)) == len(rows) == 19
