"""Options of assets on the command line, as the pipelines name them."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

Format = Annotated[str | None, typer.Option("--format", metavar="F", help="Format to write.")]
Preset = Annotated[
    str | None,
    typer.Option("--preset", metavar="P", help="Preset by id; 'auto' chooses by rules."),
]
Compression = Annotated[
    str | None, typer.Option("--compression", metavar="C", help="Block or mesh compression.")
]
Mipmaps = Annotated[
    bool | None, typer.Option("--mipmaps/--no-mipmaps", help="Make smaller copies of a texture.")
]
Quality = Annotated[int | None, typer.Option("--quality", metavar="N", help="0 to 100.")]
Resize = Annotated[
    str | None,
    typer.Option(
        "--resize",
        metavar="WxH[:FIT]",
        help="Size of a texture; 512x and x512 keep its proportions. FIT is inside (as it comes), "
        "cover or exact.",
    ),
]
Scale = Annotated[float | None, typer.Option("--scale", metavar="X", help="Scale a model.")]
Optimize = Annotated[
    bool | None, typer.Option("--optimize/--no-optimize", help="Tidy a model for GPUs.")
]
Lods = Annotated[
    str | None, typer.Option("--lods", metavar="0.75,0.5", help="Fractions of triangles to keep.")
]
Bake = Annotated[
    bool | None, typer.Option("--bake-lighting/--no-bake-lighting", help="Bake shadows of corners.")
]
Bitrate = Annotated[int | None, typer.Option("--bitrate", metavar="K", help="kbit/s.")]
SampleRate = Annotated[int | None, typer.Option("--sample-rate", metavar="HZ", help="Hz.")]
Channels = Annotated[int | None, typer.Option("--channels", metavar="N", help="Channels.")]
Normalize = Annotated[
    bool | None, typer.Option("--normalize/--no-normalize", help="Level a sound by EBU R 128.")
]
Option = Annotated[
    list[str] | None,
    typer.Option("--option", metavar="NAME=VALUE", help="Any other option; repeatable."),
]
Out = Annotated[Path, typer.Option("--out", metavar="DIR", help="Where products go.")]
Force = Annotated[bool, typer.Option("--force", help="Process what is known, too.")]
Workers = Annotated[
    int | None,
    typer.Option(
        "--workers", metavar="N", min=1, max=64, help="Assets at a time, on this machine."
    ),
]
Local = Annotated[
    bool | None,
    typer.Option(
        "--local/--remote",
        help="On this machine without any server, or on workers; as it comes: on workers where a "
        "stack runs or is configured and the files lie in a project.",
    ),
]
Project = Annotated[
    str | None,
    typer.Option("--project", metavar="P", help="Whose assets they are, for workers."),
]


def given_options(
    *,
    resize: str | None,
    lods: str | None,
    option: list[str] | None,
    **plain: Any,
) -> dict[str, Any]:
    """Return the options that were given, by the pipelines' names.

    Raises:
        typer.BadParameter: a value has not the form of its option.
    """
    values = {name: value for name, value in plain.items() if value is not None}
    if resize is not None:
        from slate_desktop.domain.assets.texture import read_size

        size = read_size(resize)
        if size is None:
            raise typer.BadParameter(
                "must be a width and a height, such as 1024x512, 1024x or 1024x512:cover",
                param_hint="--resize",
            )
        values["resize"] = size
    if lods is not None:
        values["generate_lods"], values["lod_levels"] = True, _fractions(lods)
    for text in option or []:
        name, separator, value = text.partition("=")
        if not separator or not name:
            raise typer.BadParameter("must be NAME=VALUE", param_hint="--option")
        values[name.replace("-", "_")] = _plain_value(value)
    return values


def _fractions(text: str) -> list[float]:
    try:
        return [float(part) for part in text.split(",")] if text else []
    except ValueError as exc:
        raise typer.BadParameter("must be fractions such as 0.75,0.5", param_hint="--lods") from exc


def _plain_value(text: str) -> object:
    """Return a number, a truth value, or the text itself."""
    if text in ("true", "false"):
        return text == "true"
    for read in (int, float):
        try:
            return read(text)
        except ValueError:
            continue
    return text
