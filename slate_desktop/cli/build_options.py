"""Options of builds on the command line, for ``start`` and for presets."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Any

import typer

from slate_desktop.cli.options import DriverChoice, read_env


class PlatformChoice(StrEnum):
    """The nine platforms."""

    WINDOWS = "windows"
    MACOS = "macos"
    LINUX = "linux"
    ANDROID = "android"
    IOS = "ios"
    WEBGL = "webgl"
    PS5 = "ps5"
    XBOX_SERIES_X = "xbox-series-x"
    SWITCH = "switch"


class TypeChoice(StrEnum):
    """How much a build is optimised."""

    DEVELOPMENT = "development"
    STAGING = "staging"
    PRODUCTION = "production"


class OptimizationChoice(StrEnum):
    """Where the engine has levels of its own."""

    NONE = "none"
    BASIC = "basic"
    FULL = "full"


class CompressionChoice(StrEnum):
    """How the product is packed."""

    NONE = "none"
    GZIP = "gzip"
    BROTLI = "brotli"
    LZ4 = "lz4"


Build = Annotated[str, typer.Argument(metavar="BUILD", help="Id, beginning of an id, or 'last'.")]
Platform = Annotated[PlatformChoice | None, typer.Option("--platform", help="What for.")]
Type = Annotated[
    TypeChoice | None, typer.Option("--type", help="How much it is optimised; development.")
]
Driver = Annotated[DriverChoice | None, typer.Option("--driver", help="How it is run.")]
Clean = Annotated[
    bool | None, typer.Option("--clean/--no-clean", help="Start without what earlier builds left.")
]
Optimization = Annotated[
    OptimizationChoice | None, typer.Option("--optimization", help="Instead of the type's.")
]
Compression = Annotated[
    CompressionChoice | None, typer.Option("--compression", help="How it is packed.")
]
Jobs = Annotated[
    int | None, typer.Option("--jobs", metavar="N", help="Parallel jobs of the build tool.")
]
Commit = Annotated[
    str | None,
    typer.Option("--commit", metavar="SHA", help="Build this commit, not the files as they are."),
]
ExportPreset = Annotated[
    str | None,
    typer.Option(
        "--export-preset",
        metavar="NAME",
        help="The export preset (Godot) or static method (Unity) that builds.",
    ),
]
EngineVersion = Annotated[
    str | None,
    typer.Option("--engine-version", metavar="V", help="Instead of what the project names."),
]
Env = Annotated[
    list[str] | None, typer.Option("--env", metavar="K=V", help="A variable; repeatable.")
]
Argument = Annotated[
    list[str] | None,
    typer.Option("--argument", metavar="A", help="One more argument of the tool; repeatable."),
]
Priority = Annotated[
    int | None,
    typer.Option("--priority", metavar="N", min=-100, max=100, help="Higher is earlier."),
]
TimeLimit = Annotated[
    int | None,
    typer.Option("--time-limit", metavar="S", help="End the build after so many seconds."),
]


def read_options(
    *,
    driver: DriverChoice | None,
    clean: bool | None,
    optimization: OptimizationChoice | None,
    compression: CompressionChoice | None,
    jobs: int | None,
    export_preset: str | None,
    engine_version: str | None,
    env: list[str] | None,
    argument: list[str] | None,
    priority: int | None,
    time_limit: int | None,
) -> dict[str, Any]:
    """Return what was given, with the names of ``domain.builds.options.BuildOptions``."""
    given: dict[str, Any] = {
        "clean": clean,
        "optimization": optimization.value if optimization else None,
        "compression_format": compression.value if compression else None,
        "parallel_jobs": jobs,
        "preset": export_preset,
        "engine_version": engine_version,
        "environment": read_env(env),
        "custom_arguments": argument or None,
        "driver": driver.value if driver else None,
        "priority": priority,
        "time_limit_s": time_limit,
    }
    return {name: value for name, value in given.items() if value is not None}
