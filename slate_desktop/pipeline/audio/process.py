"""A sound's job: survey, shape, encode, check, report. Memory does not grow with its length."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Iterable
from importlib import metadata
from pathlib import Path

from slate_desktop.domain.assets.audio import (
    AudioFormat,
    AudioOptions,
    AudioReport,
    LoopPoints,
    Normalize,
)
from slate_desktop.domain.assets.kinds import AssetKind
from slate_desktop.domain.assets.naming import product_name
from slate_desktop.domain.assets.report import ProcessResult, Product
from slate_desktop.errors import AssetError
from slate_desktop.pipeline.audio import check, comments, riff
from slate_desktop.pipeline.audio.check import Checked
from slate_desktop.pipeline.audio.formats import FFMPEG_DEMUXERS, InputFormat
from slate_desktop.pipeline.audio.plan import LOOPING, LOSSLESS, SUFFIXES, Plan, make_plan
from slate_desktop.pipeline.audio.shape import shape, shaped_frames, shaped_loop
from slate_desktop.pipeline.audio.sounds import Block, Sound, open_sound
from slate_desktop.pipeline.audio.survey import Survey, gain_db, survey
from slate_desktop.pipeline.audio.writer import Target, open_writer
from slate_desktop.pipeline.run import Progress
from slate_desktop.pipeline.tools import ffmpeg_version, tool_versions

# Shares of the work, for progress.
_SURVEYED = 0.15
_ENCODED = 0.95
_LOSSY_INPUTS = frozenset(
    {InputFormat.OGG, InputFormat.MP3, InputFormat.ADTS, InputFormat.MP4, InputFormat.ASF}
)
# A lossy product may pass the ceiling by what meters differ in.
_CEILING_SLACK_DB = 0.1
# So far from its loudness a product is made again.
_TARGET_SLACK_LU = 0.25
# Encodes after the first one, until the product is as loud as asked, and below the ceiling.
_MAX_AGAIN = 2


def process(
    source: Path, out_dir: Path, options: AudioOptions, *, progress: Progress
) -> ProcessResult:
    """Make the product of one sound in ``out_dir``.

    Raises:
        AssetError: the sound is not sound or needs more than is allowed.
        CommandError: ``bad_request``: it needs ffmpeg, which is not installed here.
    """
    began = time.monotonic()
    sound = open_sound(source)
    plan = make_plan(sound, options)
    on_frames = _share(progress, 0.0, _SURVEYED, "measuring", sound.frames)
    found = survey(sound, plan.mix, options, on_frames)
    gain, is_held = gain_db(found.mixed, options)
    path = out_dir / product_name(source, SUFFIXES[plan.format])
    checked = _encode(sound, plan, found, gain, path, progress)
    for _ in range(_MAX_AGAIN):
        excess = _excess_db(checked, options)
        if excess > _CEILING_SLACK_DB:
            # The codec overshot the ceiling: again, lower by as much.
            gain, is_held = gain - excess - _CEILING_SLACK_DB / 2, True
        elif abs(off := _off_target_lu(checked, options, is_held=is_held)) > _TARGET_SLACK_LU:
            # LAME makes what it is given quieter, by up to 0.45 dB, as its bit rate has it.
            gain -= off
        else:
            break
        path.unlink()
        checked = _encode(sound, plan, found, gain, path, progress)
    loop, lost = _keep_loop(sound, plan, found, options, path)
    remarks = _remarks(sound, found, plan, options, is_held, checked)
    progress(1.0, "done")
    size, digest = _digest(path)
    product = Product(
        path=path.name, role="primary", format=plan.format.value, size=size, sha256=digest
    )
    report = AudioReport(
        input_size=source.stat().st_size,
        duration_ms=round((time.monotonic() - began) * 1000),
        tools=_tools(sound, plan),
        warnings=(*plan.warnings, *lost, *remarks),
        input_format=sound.format.value,
        input_sample_rate=sound.sample_rate,
        input_channels=sound.channels,
        input_duration_s=_seconds(found.frames, sound.sample_rate),
        format=plan.format,
        sample_rate=checked.sample_rate,
        channels=checked.channels,
        duration_s=_seconds(checked.frames, checked.sample_rate),
        bitrate_kbps=round(size * 8 / 1000 * checked.sample_rate / checked.frames, 1),
        before=found.source,
        after=checked.levels,
        gain_db=round(gain, 2),
        is_ceiling_held=is_held,
        trimmed_start_s=_seconds(found.first, sound.sample_rate),
        trimmed_end_s=_seconds(found.frames - found.last, sound.sample_rate),
        loop=loop,
    )
    return ProcessResult(kind=AssetKind.AUDIO, products=(product,), report=report)


def _encode(
    sound: Sound, plan: Plan, found: Survey, gain: float, path: Path, progress: Progress
) -> Checked:
    """Write the product and return what a player finds in it."""
    factor = 10.0 ** (gain / 20.0)
    blocks = shape(sound.blocks(), plan, sound.sample_rate, found.first, found.last, factor)
    length = found.last - found.first
    frames = shaped_frames(length, sound.sample_rate, plan.sample_rate)
    on_frames = _share(progress, _SURVEYED, _ENCODED, "encoding", frames)
    if check.can_check_live(plan):
        with check.LiveCheck(path) as live:

            def on_written(count: int) -> None:
                live.begin()
                on_frames(count)

            written = _write(live, plan, sound, blocks, on_written)
        checked = live.result
    else:
        written = _write(path, plan, sound, blocks, on_frames)
        progress(_ENCODED, "checking")
        checked = check.check_file(path)
    check.compare(checked, plan, written)
    return checked


def _write(
    target: Target,
    plan: Plan,
    sound: Sound,
    blocks: Iterable[Block],
    on_frames: Callable[[int], None],
) -> int:
    written = 0
    with open_writer(target, plan, sound.tags) as writer:
        for block in blocks:
            writer.write(block)
            written += len(block)
            on_frames(written)
    if written == 0:
        raise AssetError.invalid("Nothing of the sound is left.")
    return written


def _excess_db(checked: Checked, options: AudioOptions) -> float:
    """Return by how much a normalised product passes the ceiling."""
    peak = checked.levels.true_peak_dbtp
    if options.normalize is Normalize.NONE or peak is None:
        return 0.0
    return peak - options.true_peak


def _off_target_lu(checked: Checked, options: AudioOptions, *, is_held: bool) -> float:
    """Return by how much a product is louder than was asked, where the ceiling allowed it."""
    found = checked.levels.lufs
    if options.normalize is not Normalize.LOUDNESS or is_held or found is None:
        return 0.0
    return found - options.target_lufs


def _keep_loop(
    sound: Sound, plan: Plan, found: Survey, options: AudioOptions, path: Path
) -> tuple[LoopPoints | None, list[str]]:
    """Carry the loop over to the product, or say why not."""
    if sound.loop is None or not options.keep_loops:
        return None, []
    if plan.format not in LOOPING:
        return None, [f"{plan.format.value} cannot loop to the frame: the loop points are lost."]
    loop = shaped_loop(sound.loop, found.first, found.last, sound.sample_rate, plan.sample_rate)
    if loop is None:
        return None, ["The loop points lie outside of what was kept: they are lost."]
    if plan.format is AudioFormat.WAV:
        riff.append_loop(path, loop, plan.sample_rate)
    else:
        form = InputFormat.FLAC if plan.format is AudioFormat.FLAC else InputFormat.OGG
        comments.write_loop(path, form, loop)
    check_again = open_sound(path)
    if check_again.loop != loop:
        raise AssetError.crash("The loop points cannot be read back from the product.")
    return loop, []


def _remarks(
    sound: Sound, found: Survey, plan: Plan, options: AudioOptions, is_held: bool, checked: Checked
) -> list[str]:
    remarks: list[str] = []
    if found.source.clipped_samples:
        remarks.append(f"The source clips at {found.source.clipped_samples} samples.")
    if options.normalize is not Normalize.NONE and found.mixed.true_peak_dbtp is None:
        remarks.append("The sound is silent, so there was nothing to normalise.")
    elif is_held and options.normalize is Normalize.LOUDNESS and checked.levels.lufs is not None:
        remarks.append(
            f"The peak ceiling kept it at {checked.levels.lufs:.1f} LUFS"
            f" instead of {options.target_lufs:.1f}."
        )
    peak = checked.levels.true_peak_dbtp
    if options.normalize is Normalize.NONE and peak is not None and peak > 0:
        remarks.append(f"The true peak is {peak:.1f} dB over full scale: players may clip it.")
    if plan.format in LOSSLESS and sound.format in _LOSSY_INPUTS:
        remarks.append("The source is compressed with loss: this format makes it no better.")
    return remarks


def _tools(sound: Sound, plan: Plan) -> dict[str, str]:
    tools = tool_versions(AssetKind.AUDIO) | {"numpy": metadata.version("numpy")}
    if plan.format is AudioFormat.AAC or sound.format in FFMPEG_DEMUXERS:
        tools["ffmpeg"] = ffmpeg_version()
    return tools


def _share(
    progress: Progress, start: float, end: float, words: str, total: int | None
) -> Callable[[int], None]:
    """Return a callback that turns frames into progress from ``start`` to ``end``."""

    def report(frames: int) -> None:
        done = min(1.0, frames / total) if total else 0.5
        progress(start + (end - start) * done, words)

    return report


def _digest(path: Path) -> tuple[int, str]:
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    return path.stat().st_size, digest


def _seconds(frames: int, sample_rate: int) -> float:
    return round(frames / sample_rate, 4)
