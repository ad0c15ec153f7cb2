"""``slate asset presets``: named options, and the files that their rules take."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, NoReturn

import typer

from slate_desktop.cli.asset_options import given_options
from slate_desktop.cli.options import Json
from slate_desktop.cli.output import Output
from slate_desktop.cli.run import alone, with_slate

if TYPE_CHECKING:
    from slate_desktop.control.client import Slate
    from slate_desktop.domain.assets.presets import AssetPreset

app = typer.Typer(help="Named options: list, show, save and remove them.")

_Id = Annotated[str, typer.Argument(metavar="ID", help="The preset's id.")]
_Project = Annotated[
    str | None,
    typer.Option("--project", metavar="P", help="Those that the members of a project share."),
]
_Folder = Annotated[
    Path | None,
    typer.Option(
        "--folder", metavar="DIR", help="Whose .slate/presets; by default the nearest, else here."
    ),
]


@app.callback(invoke_without_command=True)
def list_(
    context: typer.Context,
    project: _Project = None,
    folder: _Folder = None,
    as_json: Json = False,
) -> None:
    """List the presets, and which files their rules take."""
    if context.invoked_subcommand is not None:
        if project or folder or as_json:
            raise typer.BadParameter("options go behind the command")
        return

    async def act(output: Output, places: _Places) -> None:
        import msgspec

        from slate_desktop.domain.assets.presets import rule_text

        found = await places.all()
        if output.as_json:
            output.result({"presets": [msgspec.to_builtins(preset) for preset in found.values()]})
            return
        own = await places.own()
        output.table(
            ["preset", "from", "for", "what it does"],
            [
                (
                    preset.id,
                    places.name if preset.id in own else "SLATE",
                    ", ".join(map(rule_text, preset.rules)),
                    preset.description or preset.title,
                )
                for preset in found.values()
            ],
        )

    _run(as_json, project, folder, act)


@app.command()
def show(
    preset_id: _Id, project: _Project = None, folder: _Folder = None, as_json: Json = False
) -> None:
    """Show a preset as a text that ``save --from`` takes."""

    async def act(output: Output, places: _Places) -> None:
        import msgspec

        from slate_desktop.control.preset_files import preset_text

        preset = _known(await places.all(), preset_id)
        if output.as_json:
            output.result(msgspec.to_builtins(preset))
        else:
            output.say(preset_text(preset).rstrip())

    _run(as_json, project, folder, act)


@app.command()
def save(
    preset_id: _Id,
    source: Annotated[
        Path | None, typer.Option("--from", metavar="FILE", help="Take it from a TOML file.")
    ] = None,
    like: Annotated[
        str | None, typer.Option("--like", metavar="ID", help="Begin with another preset.")
    ] = None,
    title: Annotated[str | None, typer.Option("--title", metavar="T")] = None,
    description: Annotated[str | None, typer.Option("--description", metavar="D")] = None,
    set_: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="KIND.NAME=VALUE", help="texture.quality=80; repeatable."),
    ] = None,
    unset: Annotated[
        list[str] | None,
        typer.Option("--unset", metavar="KIND.NAME", help="Take an option out; repeatable."),
    ] = None,
    rule: Annotated[
        list[str] | None,
        typer.Option(
            "--rule", metavar="[KIND:]GLOB", help="Files it is for, instead of its rules before."
        ),
    ] = None,
    project: _Project = None,
    folder: _Folder = None,
    as_json: Json = False,
) -> None:
    """Make or change a preset. It is the project folder's, or for all members."""

    async def act(output: Output, places: _Places) -> None:
        import msgspec

        known = await places.all()
        if source is not None:
            preset = await asyncio.to_thread(_read, source, preset_id)
        else:
            preset = _begin(known, preset_id, like)
        preset = _changed(preset, title, description, set_ or [], unset or [], rule)
        place = await places.save(preset)
        output.result(
            {"preset": msgspec.to_builtins(preset), "place": place}, f"{preset.id}: kept in {place}"
        )

    _run(as_json, project, folder, act)


@app.command()
def remove(
    preset_id: _Id, project: _Project = None, folder: _Folder = None, as_json: Json = False
) -> None:
    """Remove a preset of a project; shipped ones stay."""

    async def act(output: Output, places: _Places) -> None:
        await places.remove(preset_id)
        output.result({"preset": preset_id, "removed": True}, f"{preset_id}: removed")

    _run(as_json, project, folder, act)


class _Places:
    """Where presets are kept: a folder, or the rows of a project."""

    def __init__(self, folder: Path | None, slate: Slate | None, project_id: str) -> None:
        from slate_desktop.control.preset_files import PresetFiles, find_preset_root

        root = folder or find_preset_root(Path()) or Path()
        self._files = PresetFiles(root)
        self._slate, self._project_id = slate, project_id
        self.name = "folder" if slate is None else "project"

    async def all(self) -> dict[str, AssetPreset]:
        from slate_desktop.domain.assets.presets import merge_presets, shipped_presets

        if self._slate is not None:
            found = await self._slate.all_asset_presets(self._project_id)
        else:
            found = merge_presets(shipped_presets(), await asyncio.to_thread(self._files.read))
        return {preset.id: preset for preset in found}

    async def own(self) -> Mapping[str, AssetPreset]:
        if self._slate is not None:
            return await self._slate.project_presets(self._project_id)
        return {preset.id: preset for preset in await asyncio.to_thread(self._files.read)}

    async def save(self, preset: AssetPreset) -> str:
        if self._slate is not None:
            await self._slate.save_project_preset(self._project_id, preset)
            return "the project"
        return str(await asyncio.to_thread(self._files.save, preset))

    async def remove(self, preset_id: str) -> None:
        if self._slate is not None:
            await self._slate.delete_project_preset(self._project_id, preset_id)
        else:
            await asyncio.to_thread(self._files.remove, preset_id)


def _run(
    as_json: bool,
    project: str | None,
    folder: Path | None,
    act: Callable[[Output, _Places], Awaitable[None]],
) -> NoReturn:
    """Run a command on the presets of a project, else on those of a folder, without a server."""
    if project is None:
        alone(as_json, lambda output: act(output, _Places(folder, None, "")))
    if folder is not None:
        raise typer.BadParameter("goes without --project", param_hint="--folder")

    async def connected(slate: Slate, output: Output) -> None:
        found = await slate.find_project(project)
        await act(output, _Places(None, slate, found.id))

    with_slate(as_json, connected)


def _known(presets: Mapping[str, AssetPreset], preset_id: str) -> AssetPreset:
    from slate_desktop.errors import CommandError, ErrorCode

    if preset_id not in presets:
        raise CommandError(
            ErrorCode.NOT_FOUND,
            f"There is no preset {preset_id!r}; there are {', '.join(presets)}.",
            field="preset",
        )
    return presets[preset_id]


def _begin(known: Mapping[str, AssetPreset], preset_id: str, like: str | None) -> AssetPreset:
    """Return what a preset is before it is changed."""
    import msgspec

    from slate_desktop.domain.assets.presets import AssetPreset

    if like is not None:
        # The rules stay with the preset that has them: two cannot be for the same files.
        return msgspec.structs.replace(_known(known, like), id=preset_id, title=preset_id, rules=())
    return known.get(preset_id) or AssetPreset(id=preset_id, title=preset_id)


def _read(source: Path, preset_id: str) -> AssetPreset:
    import msgspec

    from slate_desktop.domain.assets.presets import read_preset

    return msgspec.structs.replace(read_preset(source), id=preset_id)


def _changed(
    preset: AssetPreset,
    title: str | None,
    description: str | None,
    given: list[str],
    dropped: list[str],
    rules: list[str] | None,
) -> AssetPreset:
    import msgspec

    from slate_desktop.domain.assets.kinds import AssetKind
    from slate_desktop.domain.assets.presets import parse_rule

    values = {kind.value: dict(preset.values_of(kind)) for kind in AssetKind}
    for text in dropped:
        kind, name = _split(text, "--unset")
        values[kind] = _without(values[kind], kind, name.replace("-", "_"))
    for text in given:
        kind, rest = _split(text, "--set")
        values[kind] |= _option(rest)
    changes: dict[str, Any] = {"title": title, "description": description}
    if rules is not None:
        changes["rules"] = tuple(parse_rule(text) for text in rules if text)
    kept = {name: value for name, value in changes.items() if value is not None}
    return msgspec.structs.replace(preset, **values, **kept)


def _without(values: Mapping[str, Any], kind: str, name: str) -> dict[str, Any]:
    """Return values without an option; raises ``bad_request`` for one that the kind has not."""
    from slate_desktop.domain.assets.fields import option_name
    from slate_desktop.domain.assets.kinds import AssetKind
    from slate_desktop.domain.assets.options import parse_options

    # What --set lods= gave goes together again.
    names = ("generate_lods", "lod_levels") if name == "lods" else (name,)
    parse_options(AssetKind(kind), dict.fromkeys(names))
    dropped = {option_name(each) for each in names}
    return {key: value for key, value in values.items() if option_name(key) not in dropped}


def _option(text: str) -> dict[str, Any]:
    """Return an option as the commands that process read it."""
    name, _, value = text.partition("=")
    if name == "resize":
        return given_options(resize=value, lods=None, option=None)
    if name in ("lods", "lod_levels", "lod-levels"):
        return given_options(resize=None, lods=value, option=None)
    return given_options(resize=None, lods=None, option=[text])


def _split(text: str, option: str) -> tuple[str, str]:
    from slate_desktop.domain.assets.kinds import AssetKind

    kind, separator, rest = text.partition(".")
    if not separator or not rest or kind not in list(AssetKind):
        kinds = ", ".join(AssetKind)
        raise typer.BadParameter(f"must begin with one of {kinds} and a dot", param_hint=option)
    return kind, rest
