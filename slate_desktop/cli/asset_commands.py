"""``slate asset``: process textures, models and sounds, and look into them."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, NoReturn

import typer

from slate_desktop.cli import asset_job_commands, asset_preset_commands
from slate_desktop.cli import asset_options as given
from slate_desktop.cli.exits import EXIT_OK
from slate_desktop.cli.options import Json
from slate_desktop.cli.output import Output
from slate_desktop.cli.run import alone, with_slate

if TYPE_CHECKING:
    from slate_desktop.control.asset_batch import AssetTask
    from slate_desktop.control.client import Slate

app = typer.Typer(help="Textures, models and sounds.", no_args_is_help=True)
asset_job_commands.register(app)
app.add_typer(asset_preset_commands.app, name="presets")

DEFAULT_OUT = Path("processed")
_INTERRUPTED = (
    "Interrupted. What has ended is kept; the same command goes on from there.",
    "Interrupted. Workers go on with what waits; the same command takes what they have finished.",
)


@app.command()
def process(
    files: Annotated[list[Path], typer.Argument(metavar="FILE…", help="Assets.")],
    preset: given.Preset = None,
    format_name: given.Format = None,
    compression: given.Compression = None,
    mipmaps: given.Mipmaps = None,
    quality: given.Quality = None,
    resize: given.Resize = None,
    scale: given.Scale = None,
    optimize: given.Optimize = None,
    lods: given.Lods = None,
    bake_lighting: given.Bake = None,
    bitrate: given.Bitrate = None,
    sample_rate: given.SampleRate = None,
    channels: given.Channels = None,
    normalize: given.Normalize = None,
    option: given.Option = None,
    out: given.Out = DEFAULT_OUT,
    local: given.Local = None,
    project: given.Project = None,
    force: given.Force = False,
    workers: given.Workers = None,
    as_json: Json = False,
) -> None:
    """Process assets; what is known already comes at once."""
    options = given.given_options(
        resize=resize,
        lods=lods,
        option=option,
        format=format_name,
        compression=compression,
        generate_mipmaps=mipmaps,
        quality=quality,
        scale=scale,
        optimize=optimize,
        bake_lighting=bake_lighting,
        bitrate=bitrate,
        sample_rate=sample_rate,
        channels=channels,
        normalize=normalize,
    )

    _run(
        lambda: _tasks_of_files(files, preset, options),
        as_json,
        local,
        out=out,
        project=project,
        force=force,
        workers=workers,
    )


@app.command()
def batch(
    target: Annotated[str, typer.Argument(metavar="FOLDER|GLOB|MANIFEST", help="What to process.")],
    preset: Annotated[
        str | None,
        typer.Option("--preset", metavar="P", help="One preset for all, instead of the rules."),
    ] = None,
    out: given.Out = DEFAULT_OUT,
    local: given.Local = None,
    project: given.Project = None,
    force: given.Force = False,
    retry_failed: Annotated[
        bool, typer.Option("--retry-failed", help="Process what failed before, too.")
    ] = False,
    workers: given.Workers = None,
    as_json: Json = False,
) -> None:
    """Process all assets of a folder, a glob or a manifest. Presets are chosen by their rules."""

    def find() -> list[AssetTask]:
        import msgspec

        from slate_desktop.control.asset_batch import AUTO, tasks_of_batch

        return [
            msgspec.structs.replace(task, preset=task.preset or preset or AUTO)
            for task in tasks_of_batch(target, skip=(out,))
        ]

    _run(
        find,
        as_json,
        local,
        out=out,
        project=project,
        force=force,
        retries_failed=retry_failed,
        workers=workers,
    )


@app.command()
def inspect(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="An asset.")],
    as_json: Json = False,
) -> None:
    """Show what a file holds. It is read as carefully as one that is processed."""

    async def act(output: Output) -> int:
        from slate_desktop.control.asset_batch import AssetTask
        from slate_desktop.control.local_assets import inspect_asset

        facts = await inspect_asset(AssetTask(source=file, name=str(file)))
        if output.as_json:
            output.result({"input": str(file), **facts})
        else:
            output.fields({"input": str(file), **_flat(facts)})
        return EXIT_OK

    alone(as_json, act)


def _flat(facts: dict[str, Any]) -> dict[str, Any]:
    """Return facts for people: what a thing holds stands beside it, lists are no JSON."""
    found: dict[str, Any] = {}
    for name, value in facts.items():
        if isinstance(value, dict):
            found |= {f"{name} {inner}": each for inner, each in value.items()}
        elif isinstance(value, list) and all(isinstance(each, str) for each in value):
            are_sentences = any(each.endswith(".") for each in value)
            found[name] = (" " if are_sentences else ", ").join(value)
        else:
            found[name] = value
    return found


def _run(
    find: Callable[[], list[AssetTask]], as_json: bool, local: bool | None, **options: Any
) -> NoReturn:
    """Run what ``find`` returns, here or by workers; ``options`` are those of ``RunOptions``."""
    if local and options["project"] is not None:
        raise typer.BadParameter("goes with --remote", param_hint="--project")
    is_chosen = local is False or options["project"] is not None

    async def act(output: Output, slate: Slate | None = None) -> int:
        from slate_desktop.cli.asset_remote import RunOptions, run_here, run_remote

        tasks = find()
        if not tasks:
            output.note("There is no asset in it.")
        run_options = RunOptions(is_chosen=is_chosen, **options)
        try:
            if slate is None or not tasks:
                return await run_here(output, tasks, run_options)
            return await run_remote(slate, output, tasks, run_options)
        except asyncio.CancelledError:
            output.error(KeyboardInterrupt(_INTERRUPTED[slate is not None]))
            raise

    if is_chosen or (local is None and _workers_are_there()):
        with_slate(as_json, lambda slate, output: act(output, slate))
    alone(as_json, act)


def _workers_are_there() -> bool:
    from slate_desktop.cli.asset_remote import workers_are_there
    from slate_desktop.errors import SettingsError

    try:
        return workers_are_there()
    except SettingsError:
        return False


def _tasks_of_files(
    files: Sequence[Path], preset: str | None, options: dict[str, Any]
) -> list[AssetTask]:
    """Return a task for each file, with those of the options that are for its kind."""
    from slate_desktop.control.asset_batch import AssetTask, fitting, place_of
    from slate_desktop.domain.assets.kinds import kind_of

    kinds = {kind for file in files if (kind := kind_of(file)) is not None}
    tasks: list[AssetTask] = []
    for file in files:
        kind = kind_of(file)
        own = options if kind is None else fitting(options, kind, kinds)
        tasks.append(
            AssetTask(source=file, name=str(file), place=place_of(file), preset=preset, options=own)
        )
    return tasks
