"""Real assets that lie beside the project, never inside it."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

_BESIDE = Path(__file__).resolve().parents[3] / "shared" / "assets"


def shared_assets_dir() -> Path | None:
    """Return the folder that SLATE_SHARED_ASSETS names, or the one beside the project."""
    named = os.environ.get("SLATE_SHARED_ASSETS")
    folder = Path(named) if named else _BESIDE
    return folder if folder.is_dir() else None


@pytest.fixture
def shared_assets() -> Path:
    """The folder of the real assets; tests that need it are skipped where it is absent."""
    folder = shared_assets_dir()
    if folder is None:
        pytest.skip("shared assets are absent")
    return folder
