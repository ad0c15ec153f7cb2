"""``slate build``: the sets of options that a project keeps under a name."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from slate_desktop.cli import build_options as given
from slate_desktop.cli.options import Json, ProjectArgument
from slate_desktop.cli.output import Output
from slate_desktop.cli.run import with_slate

if TYPE_CHECKING:
    from slate_desktop.control.client import Slate
    from slate_desktop.domain.build import BuildJob
    from slate_desktop.domain.builds.presets import BuildPreset

_Name = Annotated[str, typer.Argument(metavar="NAME", help="The preset's name.")]


def register(app: typer.Typer) -> None:
    """Add the commands to ``slate build``."""
    app.command()(presets)
    app.command("save-preset")(save_preset)
    app.command("remove-preset")(remove_preset)


def presets(project: ProjectArgument, as_json: Json = False) -> None:
    """List the sets of options that a project keeps."""

    async def action(slate: Slate, output: Output) -> None:
        found = await slate.list_build_presets((await slate.find_project(project)).id)
        if output.as_json:
            output.result({"presets": [_row(preset) for preset in found]})
        elif not found:
            output.say(
                "The project keeps no presets. Keep one with: slate build save-preset PROJECT NAME"
            )
        else:
            output.table(("NAME", "PLATFORM", "TYPE", "OPTIONS"), map(_words, found))

    with_slate(as_json, action)


def save_preset(
    project: ProjectArgument,
    name: _Name,
    platform: given.Platform = None,
    build_type: given.Type = None,
    like: Annotated[
        str | None,
        typer.Option("--from", metavar="BUILD", help="As this build was asked for, with changes."),
    ] = None,
    replace: Annotated[
        bool, typer.Option("--replace", help="In the place of one of this name.")
    ] = False,
    driver: given.Driver = None,
    clean: given.Clean = None,
    optimization: given.Optimization = None,
    compression: given.Compression = None,
    jobs: given.Jobs = None,
    commit: given.Commit = None,
    export_preset: given.ExportPreset = None,
    engine_version: given.EngineVersion = None,
    env: given.Env = None,
    argument: given.Argument = None,
    priority: given.Priority = None,
    time_limit: given.TimeLimit = None,
    as_json: Json = False,
) -> None:
    """Keep options under a name. ``start --preset NAME`` takes them."""
    options = given.read_options(
        driver=driver,
        clean=clean,
        optimization=optimization,
        compression=compression,
        jobs=jobs,
        export_preset=export_preset,
        engine_version=engine_version,
        env=env,
        argument=argument,
        priority=priority,
        time_limit=time_limit,
    )

    async def action(slate: Slate, output: Output) -> None:
        found = await slate.find_project(project)
        model = await slate.find_build(like) if like else None
        wish = _merged(model, platform=platform, build_type=build_type, options=options)
        preset = await slate.save_build_preset(
            found.id,
            name,
            wish.build_type,
            wish.target_platform,
            source_commit=commit or wish.source_commit,
            options=wish.options,
            can_replace=replace,
        )
        output.result(_row(preset), f"{preset.name} is kept.")

    with_slate(as_json, action)


def remove_preset(project: ProjectArgument, name: _Name, as_json: Json = False) -> None:
    """Remove a set of options."""

    async def action(slate: Slate, output: Output) -> None:
        found = await slate.find_project(project)
        await slate.delete_build_preset(found.id, name)
        output.result({"removed": name.strip()}, f"{name.strip()} is removed.")

    with_slate(as_json, action)


async def wish_of(
    slate: Slate,
    project_id: str,
    preset: str | None,
    *,
    platform: given.PlatformChoice | None,
    build_type: given.TypeChoice | None,
    options: dict[str, Any],
) -> BuildPreset:
    """Return what a build is asked for: a preset with what was given laid over it.

    A name that the project keeps nothing under is an export preset (Godot) or a method (Unity).

    Raises:
        CommandError: ``bad_request``: no platform; ``not_found``: no preset of this name, though
            the export preset is named too.
    """
    from slate_desktop.errors import CommandError, ErrorCode

    saved = await slate.find_build_preset(project_id, preset) if preset else None
    if preset is not None and saved is None:
        if "preset" in options:
            raise CommandError(
                ErrorCode.NOT_FOUND,
                f"The project keeps no preset {preset!r}.",
                field="preset",
                hint="`slate build presets PROJECT` lists them.",
            )
        options = {**options, "preset": preset}
    return _merged(saved, platform=platform, build_type=build_type, options=options)


def _merged(
    saved: BuildJob | BuildPreset | None,
    *,
    platform: given.PlatformChoice | None,
    build_type: given.TypeChoice | None,
    options: dict[str, Any],
) -> BuildPreset:
    """Lay options over those of a build or a preset, which may be None."""
    from slate_desktop.domain.build import BuildType, TargetPlatform
    from slate_desktop.domain.builds.presets import BuildPreset
    from slate_desktop.errors import CommandError, ErrorCode

    target = platform.value if platform is not None else saved.target_platform if saved else None
    if target is None:
        raise CommandError(
            ErrorCode.BAD_REQUEST,
            "The platform is missing.",
            field="target_platform",
            hint="Give --platform, such as --platform linux.",
        )
    kind = build_type.value if build_type is not None else saved.build_type if saved else None
    return BuildPreset(
        name="",
        build_type=BuildType(kind or BuildType.DEVELOPMENT),
        target_platform=TargetPlatform(target),
        source_commit=saved.source_commit if saved else None,
        options={**(saved.options if saved else {}), **options},
    )


def _row(preset: BuildPreset) -> dict[str, Any]:
    from slate_desktop.domain.builds.options import masked

    return {
        "name": preset.name,
        "platform": preset.target_platform.value,
        "type": preset.build_type.value,
        "source_commit": preset.source_commit,
        "options": masked(preset.options),
    }


def _words(preset: BuildPreset) -> tuple[str, ...]:
    from slate_desktop.domain.builds.options import masked

    options = [f"{name}={value}" for name, value in masked(preset.options).items()]
    if preset.source_commit:
        options.append(f"commit={preset.source_commit}")
    return (
        preset.name,
        preset.target_platform.value,
        preset.build_type.value,
        ", ".join(options),
    )
