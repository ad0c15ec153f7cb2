"""A folder in which textures are processed, for the tests of their pipeline."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from slate_desktop.domain.assets.kinds import AssetKind
from slate_desktop.domain.assets.report import ProcessResult
from slate_desktop.domain.assets.texture import (
    TextureReport,
    parse_texture_options,
)
from slate_desktop.pipeline import run


class Work:
    """A folder with a source, and the products of jobs on it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.out = folder / "out"
        self.told: list[float] = []

    def put(self, name: str, data: bytes) -> Path:
        path = self.folder / name
        path.write_bytes(data)
        return path

    def process(self, source: Path, **options: Any) -> tuple[ProcessResult, TextureReport]:
        self.out = self.folder / f"out{len(list(self.folder.glob('out*')))}"
        self.out.mkdir()
        result = run.process(
            AssetKind.TEXTURE,
            source,
            self.out,
            parse_texture_options(options),
            progress=lambda fraction, _: self.told.append(fraction),
        )
        assert isinstance(result.report, TextureReport)
        return result, result.report

    def only(self, result: ProcessResult) -> Path:
        assert len(result.products) == 1
        return self.out / result.products[0].path


@pytest.fixture
def work(tmp_path: Path) -> Work:
    return Work(tmp_path)


def psnr(first: Any, second: Any) -> float:
    return float(10 * np.log10(255**2 / np.mean((first.astype(float) - second.astype(float)) ** 2)))
