"""What may be shipped: the licence check of the bundle."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from types import ModuleType

import pytest

PATH = Path(__file__).parents[2] / "packaging" / "bundle" / "shipped.py"


@pytest.fixture(scope="module")
def shipped() -> ModuleType:
    spec = importlib.util.spec_from_file_location("slate_shipped", PATH)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    # Dataclasses look their module up.
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize(
    "licence",
    [
        "GPL-3.0-only",
        "GPLv2",
        "GNU General Public License v3 (GPLv3)",
        "AGPL-3.0",
        "MIT AND GPL-2.0",
    ],
)
def test_gpl_part_is_refused(shipped: ModuleType, licence: str) -> None:
    part = shipped.Shipped("thing", "1.0", licence, (), "")
    assert list(shipped.problems([part])) == [f"thing 1.0 is under {licence}"]


@pytest.mark.parametrize(
    "licence", ["MIT", "LGPL-3.0-only", "LGPL-2.1-or-later", "GNU Lesser General Public License v3"]
)
def test_permissive_and_lesser_licences_pass(shipped: ModuleType, licence: str) -> None:
    assert list(shipped.problems([shipped.Shipped("thing", "1.0", licence, (), "")])) == []


def test_part_that_states_nothing_is_refused(shipped: ModuleType) -> None:
    part = shipped.Shipped("thing", "1.0", "", (), "")
    assert list(shipped.problems([part])) == ["thing 1.0 states no licence"]


def test_text_of_the_gpl_is_seen_where_metadata_says_nothing(
    shipped: ModuleType, tmp_path: Path
) -> None:
    text = tmp_path / "COPYING"
    text.write_text("GNU GENERAL PUBLIC LICENSE\nVersion 3, 29 June 2007\n")
    part = shipped.Shipped("thing", "1.0", "", (text,), "")
    assert list(shipped.problems([part])) == ["thing 1.0 carries the text of the GPL"]


def test_this_environment_may_be_shipped(shipped: ModuleType) -> None:
    parts = [shipped.read(name) for name in shipped.closure(extra="assets")]
    assert list(shipped.problems(parts)) == []
    assert {"nats-py", "asyncpg", "pillow"} <= {part.name.lower() for part in parts}
    names = {component["name"] for component in shipped.sbom(parts)["components"]}
    assert "slate-desktop" not in names
    assert all(part.name in shipped.notices(parts) for part in parts)
