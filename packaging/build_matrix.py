"""Write docs/build-matrix.md: which engine reaches which target, from the engine presets."""

from __future__ import annotations

import shlex
from pathlib import Path

from slate_desktop.domain.build import BuildType, TargetPlatform
from slate_desktop.domain.builds.commands import plan_build
from slate_desktop.domain.builds.custom import CustomBuild
from slate_desktop.domain.builds.export_presets import ExportPreset
from slate_desktop.domain.builds.matrix import PLATFORM_TITLES, Workers
from slate_desktop.domain.builds.options import BuildOptions
from slate_desktop.domain.builds.source import BuildSource
from slate_desktop.domain.engine import Engine
from slate_desktop.errors import CommandError

DOCUMENT = Path(__file__).resolve().parents[1] / "docs" / "build-matrix.md"
HEAD = """# Which engine reaches which target

Made by `python packaging/build_matrix.py` from `resources/engines/`; a test keeps it equal. The
commands are those of one worker on Linux without consoles' SDKs, in the engine's container; each
word stands as a shell would need it, but no shell ever reads it. A target that cannot be built is
shown with its reason, in the window too.
"""
# Godot's own names of its targets; the same presets serve both versions.
PRESETS = ("Windows Desktop", "macOS", "Linux", "Android", "iOS", "Web")


def sources() -> list[BuildSource]:
    """Return one project of every kind."""
    presets = [ExportPreset(name=name, platform=name) for name in PRESETS]
    return [
        BuildSource(engine=Engine.UNITY, name="Game", version="6000.0.43f1"),
        BuildSource(engine=Engine.UNREAL, name="Game", version="5.4", uproject="Game.uproject"),
        BuildSource(engine=Engine.GODOT, name="Game", version="3", presets=presets),
        BuildSource(engine=Engine.GODOT, name="Game", version="4.3", presets=presets),
        BuildSource(
            engine=Engine.CUSTOM, name="Game", custom=CustomBuild(command=["{python}", "build.py"])
        ),
    ]


def cell(source: BuildSource, platform: TargetPlatform, build_type: BuildType) -> str:
    """Return the commands of a target, or the reason why there are none."""
    try:
        plan = plan_build(source, platform, build_type, BuildOptions(), Workers())
    except CommandError as error:
        return str(error)
    lines = [f"`{shlex.join(step.argv)}`" for step in plan.steps if not step.needs_env]
    return "<br>".join(lines)


def render() -> str:
    """Return the document."""
    parts = [HEAD]
    for source in sources():
        parts.append(f"\n## {source.recipe.title}\n")
        parts.append("| Target | Type | Command, or reason |\n| --- | --- | --- |")
        for platform in TargetPlatform:
            cells = {kind: cell(source, platform, kind) for kind in BuildType}
            title = PLATFORM_TITLES[platform]
            if len(set(cells.values())) == 1:
                parts.append(f"| {title} | all | {cells[BuildType.PRODUCTION]} |")
                continue
            parts += [f"| {title} | {kind.value} | {text} |" for kind, text in cells.items()]
    return "\n".join(parts) + "\n"


if __name__ == "__main__":
    DOCUMENT.write_text(render(), encoding="utf-8")
