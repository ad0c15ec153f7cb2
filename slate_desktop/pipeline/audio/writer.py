"""Encoders as writers of blocks: libsndfile's, and the user's ffmpeg for AAC."""

from __future__ import annotations

from pathlib import Path
from types import TracebackType
from typing import Any, Protocol, Self, TypeAlias

import numpy as np
import soundfile

from slate_desktop.domain.assets.audio import AudioFormat
from slate_desktop.errors import AssetError
from slate_desktop.pipeline.audio import channels
from slate_desktop.pipeline.audio.plan import Plan
from slate_desktop.pipeline.audio.sounds import Block


class Writer(Protocol):
    """Encodes blocks; a context manager that finishes the file."""

    def __enter__(self) -> Self: ...

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
        /,
    ) -> None: ...

    def write(self, block: Block) -> None:
        """Encode a block of at most 65,536 frames."""
        ...


class Sink(Protocol):
    """What libsndfile needs of a file that it writes from start to end."""

    def write(self, data: bytes, /) -> int:
        """Take bytes."""
        ...

    def read(self, size: int = -1, /) -> bytes:
        """Return nothing: it is asked for, but never needed."""
        ...

    def seek(self, offset: int, whence: int = 0, /) -> int:
        """Return the position, which is always the end."""
        ...

    def tell(self) -> int:
        """Return the position."""
        ...

    def flush(self) -> None:
        """Write what is buffered."""
        ...


Target: TypeAlias = "Path | Sink"


class SndfileWriter:
    """Writes what libsndfile encodes.

    Args:
        target: a path, or a binary file that is written from start to end (Ogg).
        plan: rate, channels and encoder.
        tags: title, artist and the like.
    """

    def __init__(self, target: Target, plan: Plan, tags: dict[str, str]) -> None:
        more: dict[str, Any] = {"bitrate_mode": "CONSTANT"} if plan.is_constant_rate else {}
        file: Any = target
        try:
            self._file = soundfile.SoundFile(
                file,
                "w",
                plan.sample_rate,
                plan.channels,
                subtype=plan.subtype,
                format=plan.container,
                compression_level=plan.level,
                **more,
            )
        except (soundfile.LibsndfileError, RuntimeError) as exc:
            raise AssetError.invalid(
                f"{plan.format.value} cannot hold {plan.channels} channels at"
                f" {plan.sample_rate} Hz."
            ) from exc
        is_ogg = plan.format in (AudioFormat.OGG, AudioFormat.OPUS)
        self._order = channels.to_ogg(plan.channels) if is_ogg else None
        for name, value in tags.items():
            setattr(self._file, name, value)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()

    def write(self, block: Block) -> None:
        """Encode a block."""
        ordered = block if self._order is None else block[:, self._order]
        self._file.write(np.ascontiguousarray(ordered))


def open_writer(target: Target, plan: Plan, tags: dict[str, str]) -> Writer:
    """Return the writer of a plan.

    Raises:
        AssetError: the format cannot hold these channels at this rate.
        CommandError: ``bad_request``: it needs ffmpeg, which is not installed here.
    """
    if plan.format is AudioFormat.AAC and isinstance(target, Path):
        from slate_desktop.pipeline.audio.ffmpeg import AacWriter

        return AacWriter(target, plan.sample_rate, plan.channels, plan.bitrate_kbps)
    return SndfileWriter(target, plan, tags)
