"""The second pass: cut, mix, resample and scale a stream of blocks on its way to the encoder."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import numpy as np
import soxr

from slate_desktop.domain.assets.audio import LoopPoints
from slate_desktop.pipeline.audio.plan import Plan
from slate_desktop.pipeline.audio.sounds import BLOCK_FRAMES, Block


def shape(
    blocks: Iterable[Block], plan: Plan, source_rate: int, first: int, last: int, gain: float
) -> Iterator[Block]:
    """Yield what is written, at most 65,536 frames each.

    Args:
        blocks: the whole sound.
        plan: rate and channels.
        source_rate: Hz.
        first: first frame of the sound that is kept.
        last: frame behind the last that is kept.
        gain: factor.
    """
    blocks = cut(blocks, first, last)
    if plan.mix is not None:
        blocks = (block @ plan.mix for block in blocks)
    if plan.sample_rate != source_rate:
        blocks = _resample(blocks, source_rate, plan)
    for block in blocks:
        scaled = block if gain == 1.0 else block * np.float32(gain)
        for start in range(0, len(scaled), BLOCK_FRAMES):
            yield scaled[start : start + BLOCK_FRAMES]


def cut(blocks: Iterable[Block], first: int, last: int) -> Iterator[Block]:
    """Yield the frames from ``first`` to ``last``; the rest is read all the same, and checked."""
    offset = 0
    for block in blocks:
        part = block[max(0, first - offset) : max(0, last - offset)]
        offset += len(block)
        if len(part):
            yield part


def shaped_frames(frames: int, source_rate: int, sample_rate: int) -> int:
    """Return how many frames remain after resampling."""
    return round(frames * sample_rate / source_rate)


def shaped_loop(
    loop: LoopPoints | None, first: int, last: int, source_rate: int, sample_rate: int
) -> LoopPoints | None:
    """Return a loop in frames of the product, or None: it does not lie in what is kept."""
    if loop is None or not first <= loop.start < loop.end <= last:
        return None
    ratio = sample_rate / source_rate
    start = round((loop.start - first) * ratio)
    # The length is scaled as one, so that a loop that was seamless has no frame too many.
    length = max(1, round((loop.end - loop.start) * ratio))
    end = min(start + length, shaped_frames(last - first, source_rate, sample_rate))
    return LoopPoints(start=start, end=end) if end > start else None


def _resample(blocks: Iterable[Block], source_rate: int, plan: Plan) -> Iterator[Block]:
    stream = soxr.ResampleStream(
        source_rate, plan.sample_rate, plan.channels, dtype="float32", quality="HQ"
    )
    for block in blocks:
        yield _two_axes(stream.resample_chunk(_for_soxr(block)))
    nothing = np.zeros((0, plan.channels), np.float32)
    yield _two_axes(stream.resample_chunk(_for_soxr(nothing), last=True))


def _for_soxr(block: Block) -> Block:
    """Return a block as soxr takes it: one channel has one axis."""
    return np.ascontiguousarray(block[:, 0] if block.shape[1] == 1 else block)


def _two_axes(block: Block) -> Block:
    return block[:, None] if block.ndim == 1 else block
