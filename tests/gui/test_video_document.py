"""A video in its tab: the first frame where ffmpeg is there, and what to do about the rest."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from slate_desktop.ui.documents.video_document import VideoDocument
from slate_desktop.ui.window import MainWindow
from tests.gui.conftest import until
from tests.gui.test_documents import offline

__all__ = ["offline"]


@pytest.fixture
def clip(tmp_path: Path) -> Path:
    path = tmp_path / "clip.mp4"
    command = ["ffmpeg", "-v", "error", "-f", "lavfi", "-i", "testsrc=size=64x48:rate=10"]
    subprocess.run([*command, "-t", "1", "-pix_fmt", "yuv420p", str(path)], check=True)
    return path


async def opened(window: MainWindow, path: Path) -> VideoDocument:
    window.documents.open_path(path)
    await until(lambda: isinstance(window.documents.current, VideoDocument))
    document = window.documents.current
    assert isinstance(document, VideoDocument)
    await until(lambda: hasattr(document, "reason") and document.reason.isVisible())
    return document


async def test_first_frame_is_shown_and_said_to_be_one(offline: MainWindow, clip: Path) -> None:
    document = await opened(offline, clip)
    assert document.view.isVisible()
    assert "first frame" in document.reason.text()
    assert document.facts.values["Video"] == "h264, 64 × 48, 10 fps"
    assert offline.registry["document.external"].isEnabled()


async def test_file_that_is_no_video_has_its_reason(offline: MainWindow, tmp_path: Path) -> None:
    path = tmp_path / "broken.mp4"
    path.write_bytes(b"no video" * 100)
    document = await opened(offline, path)
    assert not document.view.isVisible()
    assert document.reason.text().startswith("No picture: ")
