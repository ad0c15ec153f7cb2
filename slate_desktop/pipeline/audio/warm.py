"""Loads what opening a sound loads when it is first needed."""

from __future__ import annotations


def warm() -> None:
    """Import the readers, and libsndfile with them."""
    from slate_desktop.pipeline.audio import ffmpeg, sndfile  # noqa: F401
