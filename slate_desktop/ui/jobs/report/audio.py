"""What a report says of a sound: how loud it was and is, what was changed, and what it holds."""

from __future__ import annotations

from slate_desktop.domain.assets.audio import AudioReport, Levels
from slate_desktop.translation import translate
from slate_desktop.ui.jobs.report import figures
from slate_desktop.ui.jobs.report.parts import Fact, Section, Table
from slate_desktop.ui.text import clean

# What two decimals of a second show.
_SEEN_S = 0.005


def audio_sections(report: AudioReport) -> list[Section]:
    """Return the sections of a sound."""
    return [_loudness(report), _sound(report)]


def _loudness(report: AudioReport) -> Section:
    before, after = report.before, report.after
    rows = [
        (title, _level(before, name, unit), _level(after, name, unit))
        for name, title, unit in (
            ("lufs", translate("Loudness"), "LUFS"),
            ("true_peak_dbtp", translate("True peak"), "dBTP"),
            ("sample_peak_dbfs", translate("Sample peak"), "dBFS"),
            ("loudness_range_lu", translate("Loudness range"), "LU"),
        )
    ]
    if before.clipped_samples or after.clipped_samples:
        clipped = figures.count(before.clipped_samples), figures.count(after.clipped_samples)
        rows.append((translate("Clipped samples"), *clipped))
    facts = []
    if report.gain_db:
        facts.append(Fact(translate("Gain"), f"{report.gain_db:+.1f} dB"))
    if report.is_ceiling_held:
        held = translate("held back: louder would pass the ceiling of the true peak")
        facts.append(Fact(translate("Loudness"), held))
    columns = "", translate("Before"), translate("After")
    return Section(
        title=translate("Loudness"),
        facts=tuple(facts),
        table=Table(translate("Levels before and after"), columns, tuple(rows)),
    )


def _level(levels: Levels, name: str, unit: str) -> str:
    value = getattr(levels, name)
    return translate("silence") if value is None else f"{value:.1f} {unit}"


def _sound(report: AudioReport) -> Section:
    same = report.input_sample_rate == report.sample_rate
    rate = f"{report.sample_rate:,} Hz"
    channels = _channels(report.channels)
    if report.input_channels != report.channels:
        channels = f"{_channels(report.input_channels)} → {channels}"
    facts = [
        Fact(translate("Source"), clean(report.input_format.upper())),
        Fact(translate("Format"), report.format.value.upper()),
        Fact(translate("Length"), _length(report)),
        Fact(translate("Sample rate"), rate if same else f"{report.input_sample_rate:,} → {rate}"),
        Fact(translate("Channels"), channels),
        Fact(translate("Bit rate"), f"{report.bitrate_kbps:,.0f} kbit/s"),
    ]
    if max(report.trimmed_start_s, report.trimmed_end_s) >= _SEEN_S:
        cut = translate("{start} at the start, {end} at the end").format(
            start=figures.seconds(report.trimmed_start_s), end=figures.seconds(report.trimmed_end_s)
        )
        facts.append(Fact(translate("Silence cut off"), cut))
    if report.loop is not None:
        first, last = (f"{frame / report.sample_rate:.3f}" for frame in _ends(report))
        facts.append(Fact(translate("Loop"), f"{first} – {last} s"))
    return Section(title=translate("Sound"), facts=tuple(facts))


def _ends(report: AudioReport) -> tuple[int, int]:
    loop = report.loop
    return (0, 0) if loop is None else (loop.start, loop.end)


def _length(report: AudioReport) -> str:
    before, after = figures.seconds(report.input_duration_s), figures.seconds(report.duration_s)
    return after if before == after else f"{before} → {after}"


def _channels(number: int) -> str:
    if number in (1, 2):
        return translate("mono") if number == 1 else translate("stereo")
    return translate("{n} channels").format(n=number)
