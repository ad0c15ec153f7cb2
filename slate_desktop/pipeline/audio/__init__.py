"""Sounds: read, levelled, resampled, encoded and checked as streams.

``process`` and ``inspect`` are what ``pipeline.run`` calls; ``preview`` has what the window draws.
"""

from slate_desktop.pipeline.audio.inspect import inspect
from slate_desktop.pipeline.audio.process import process
from slate_desktop.pipeline.audio.warm import warm

__all__ = ["inspect", "process", "warm"]
