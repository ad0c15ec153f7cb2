"""From a project, a target and options to the programs of a build: words, never a shell's text.

Every word comes from the recipe, and placeholders in it are filled in one pass, so a filled word
stays one word and is not looked at again. Custom arguments are the one thing that adds words of a
person's own; they may not repeat the switches that SLATE sets.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import PurePosixPath

import msgspec

from slate_desktop.domain.build import BuildType, TargetPlatform
from slate_desktop.domain.builds.export_presets import choose_preset
from slate_desktop.domain.builds.matrix import Workers, require_target
from slate_desktop.domain.builds.options import BuildOptions, check_method, check_preset
from slate_desktop.domain.builds.recipe import (
    ArtifactKind,
    BuildRecipe,
    ImageRecipe,
    PlatformRecipe,
)
from slate_desktop.domain.builds.source import BuildSource
from slate_desktop.domain.engine import Engine
from slate_desktop.domain.fields import MAX_ARGV_BYTES, bad
from slate_desktop.errors import CommandError, ErrorCode, SettingsError

_PLACEHOLDER = re.compile(r"\{([a-z_]+)(?::([A-Z][A-Z0-9_]*))?\}")
_COMMAND = "{command}"


class Places(msgspec.Struct, frozen=True, kw_only=True):
    """Where a build happens, as its programs see it: absolute paths, and the tool that builds."""

    workspace: str = "/app/project"
    output: str = "/app/output"
    tool: str = ""
    python: str = "python3"


class Step(msgspec.Struct, frozen=True, kw_only=True):
    """One program of a build; ``{env:NAME}`` in a word is filled in by the worker alone."""

    id: str
    title: str
    argv: tuple[str, ...]
    always: bool = False
    is_evidence: bool = True
    needs_env: tuple[str, ...] = ()


class BuildPlan(msgspec.Struct, frozen=True, kw_only=True):
    """All that a worker needs to know.

    Attributes:
        recipe_id: whose markers and findings are read.
        steps: programs in order.
        env: variables of each of them.
        product: the main file below the output folder; empty when any file will do.
        artifact: what it must be.
        image: the container's image, with its tag, and limits; None where there is none.
        licence: the seat that is held while the build runs.
        secrets: variables that the worker adds from its own environment.
        capability: what the worker must advertise.
        systems: systems of workers that can build it; empty: any.
        caches: folders that stay for the next incremental build.
        files: path in the workspace by resource that is put there.
        notes: sentences about what options could not do.
    """

    recipe_id: str
    engine: Engine
    version: str | None
    platform: TargetPlatform
    build_type: BuildType
    steps: tuple[Step, ...]
    env: dict[str, str]
    product: str
    artifact: ArtifactKind
    image: ImageRecipe | None = None
    licence: str | None = None
    secrets: tuple[str, ...] = ()
    capability: str | None = None
    systems: tuple[str, ...] = ()
    caches: tuple[str, ...] = ()
    files: dict[str, str] = {}
    notes: tuple[str, ...] = ()


def plan_build(
    source: BuildSource,
    platform: TargetPlatform,
    build_type: BuildType,
    options: BuildOptions,
    workers: Workers,
    places: Places | None = None,
) -> BuildPlan:
    """Return the programs of a build.

    Args:
        source: the project.
        platform: the target.
        build_type: development, staging or production.
        options: checked options.
        workers: who could build it.
        places: paths and tool; None for those inside the recipe's container.

    Raises:
        CommandError: ``bad_request`` naming the field: the target cannot be built (with the
            reason), the preset is missing, an argument is not allowed.
    """
    recipe = source.recipe
    only = source.custom.platforms if source.engine is Engine.CUSTOM else None
    target = require_target(recipe, platform, build_type, workers, only=only)
    image = _image(recipe, source, options, target)
    if places is None:
        tool = image.tool if image is not None and image.tool else (recipe.tools or [""])[0]
        places = Places(tool=tool)
    product, artifact = _product(source, recipe, target, options)
    values = _values(source, recipe, target, build_type, options, places, product)
    extra, notes = _extra_words(recipe, target, platform, build_type, options)
    return BuildPlan(
        recipe_id=recipe.id,
        engine=source.engine,
        version=source.version,
        platform=platform,
        build_type=build_type,
        steps=_steps(source, recipe, values, extra, places),
        env=_env(recipe, source, platform, build_type, options, places),
        product=product,
        artifact=artifact,
        image=image,
        licence=recipe.licence,
        secrets=tuple(recipe.secrets),
        capability=target.capability,
        systems=tuple(target.hosts),
        caches=tuple(recipe.caches),
        files=dict(recipe.files),
        notes=tuple(notes),
    )


def preview(plan: BuildPlan) -> list[list[str]]:
    """Return the commands of a plan as they may be shown: secrets stand as their names."""
    return [list(step.argv) for step in plan.steps]


def fill(word: str, values: Mapping[str, str]) -> str:
    """Fill the placeholders of one word, in one pass; ``{env:NAME}`` stays.

    Raises:
        SettingsError: the preset file names a placeholder that nobody fills.
    """

    def value_of(match: re.Match[str]) -> str:
        if match[1] == "env":
            return match[0]
        try:
            return values[match[1]]
        except KeyError as exc:
            raise SettingsError(
                f"The engine preset names {match[0]}, which nobody fills.", hint="Reinstall SLATE."
            ) from exc

    return _PLACEHOLDER.sub(value_of, word)


def _steps(
    source: BuildSource,
    recipe: BuildRecipe,
    values: Mapping[str, str],
    extra: Sequence[str],
    places: Places,
) -> tuple[Step, ...]:
    steps: list[Step] = []
    for step in recipe.steps:
        if step.argv == [_COMMAND]:
            words = _custom_words(source, places)
        else:
            words = [fill(word, values) for word in step.argv]
        if step.id == recipe.main:
            words += extra
        if sum(len(word.encode()) for word in words) > MAX_ARGV_BYTES:
            bad("custom_arguments", f"The command has more than {MAX_ARGV_BYTES} bytes")
        steps.append(
            Step(
                id=step.id,
                title=step.title,
                argv=tuple(words),
                always=step.always,
                is_evidence=step.is_evidence,
                needs_env=tuple(step.needs_env),
            )
        )
    return tuple(steps)


def _custom_words(source: BuildSource, places: Places) -> list[str]:
    if source.custom.command is None:
        raise CommandError(
            ErrorCode.BAD_REQUEST,
            "This project says nothing about how it is built",
            field="build",
            hint='Name the program in slate.toml: [build] with command = "…".',
        )
    values = {"python": places.python, "root": places.workspace, "output": places.output}
    return [
        _PLACEHOLDER.sub(lambda match: values.get(match[1], match[0]), word)
        for word in source.custom.command
    ]


def _values(
    source: BuildSource,
    recipe: BuildRecipe,
    target: PlatformRecipe,
    build_type: BuildType,
    options: BuildOptions,
    places: Places,
    product: str,
) -> dict[str, str]:
    values = {
        **recipe.values,
        **recipe.flavours.get(source.flavour or "", {}),
        **target.values,
        **recipe.types[build_type].values,
    }
    values |= {
        "tool": places.tool,
        "workspace": places.workspace,
        "output": places.output,
        "product": str(PurePosixPath(places.output) / product) if product else places.output,
        "name": source.name,
        "jobs": str(options.parallel_jobs or 1),
        "uproject": source.uproject or "",
    }
    if recipe.needs_preset:
        values["preset"] = choose_preset(
            source.presets, target.values["preset_platform"], options.preset
        ).name
    elif source.engine is Engine.UNITY:
        method = options.preset or source.custom.method or values["method"]
        values["method"] = check_method(method)
    elif options.preset is not None:
        check_preset(options.preset)
        bad("preset", f"{recipe.title} has no presets")
    if (
        source.engine is Engine.UNREAL
        and build_type is BuildType.STAGING
        and (source.version or "").startswith("{")
    ):
        # A GUID is an engine built from source: that one has the configuration Test.
        values["config"] = "Test"
    return values


def _product(
    source: BuildSource, recipe: BuildRecipe, target: PlatformRecipe, options: BuildOptions
) -> tuple[str, ArtifactKind]:
    if source.engine is Engine.CUSTOM:
        return source.custom.artifact or "", source.custom.kind
    product = fill(target.file, {"name": source.name})
    if recipe.needs_preset and source.presets:
        # The developer's own name for the file, when it is a plain one of the right kind.
        preset = choose_preset(source.presets, target.values["preset_platform"], options.preset)
        own = PurePosixPath(preset.export_path.replace("\\", "/")).name
        is_plain = re.fullmatch(r"[A-Za-z0-9_][A-Za-z0-9._ -]{0,100}", own) is not None
        if is_plain and PurePosixPath(own).suffix == PurePosixPath(product).suffix:
            product = own
    return product, target.artifact


def _extra_words(
    recipe: BuildRecipe,
    target: PlatformRecipe,
    platform: TargetPlatform,
    build_type: BuildType,
    options: BuildOptions,
) -> tuple[list[str], list[str]]:
    """Return the words that target, type and options add, and notes on what they could not do."""
    words = [*target.args, *recipe.types[build_type].args]
    notes = [note for note in (target.note, recipe.types[build_type].note) if note]
    switches = recipe.switches
    words += switches.clean if options.clean else recipe.types[build_type].incremental
    is_custom = recipe.id == Engine.CUSTOM.value
    if options.parallel_jobs is not None and not is_custom:
        jobs = {"jobs": str(options.parallel_jobs)}
        words += [fill(word, jobs) for word in switches.jobs]
        if not switches.jobs:
            notes.append(f"{recipe.title} has no setting for parallel jobs.")
    if options.optimization is not None and not is_custom:
        level = switches.optimization.get(options.optimization.value)
        words += level or []
        if level is None:
            notes.append(f"{recipe.title} optimises as the build type says.")
    compression = options.compression_format
    if compression is not None:
        found = recipe.compression.get(compression.value)
        if found is None:
            bad("compression_format", f"{recipe.title} has no compression {compression.value}")
        if not found.platforms or platform in found.platforms:
            # A lone switch that the type gives already is not given twice.
            words += [] if len(found.args) == 1 and found.args[0] in words else found.args
        if found.note and (not found.platforms or platform not in found.platforms):
            notes.append(found.note)
    return [*words, *_checked_arguments(recipe, options.custom_arguments)], notes


def _checked_arguments(recipe: BuildRecipe, arguments: Sequence[str]) -> list[str]:
    if arguments and recipe.refuses_arguments:
        bad(
            "custom_arguments",
            f"{recipe.title} ignores arguments that it does not know in silence: none can be added",
        )
    reserved = {word.lower() for word in recipe.reserved}
    for word in arguments:
        # Unreal reads `-Name=value` and `--name`, and minds no capitals.
        name = "-" + word.partition("=")[0].partition(":")[0].lower().lstrip("-/")
        if name in reserved and word.startswith(("-", "/")):
            bad(
                "custom_arguments", f"The argument {name} is set by SLATE and cannot be given again"
            )
    return list(arguments)


def _env(
    recipe: BuildRecipe,
    source: BuildSource,
    platform: TargetPlatform,
    build_type: BuildType,
    options: BuildOptions,
    places: Places,
) -> dict[str, str]:
    told = {
        "SLATE_PROJECT": source.name,
        "SLATE_PLATFORM": platform.value,
        "SLATE_BUILD_TYPE": build_type.value,
        "SLATE_OUTPUT": places.output,
        "SLATE_CLEAN": "1" if options.clean else "0",
        "SLATE_OPTIMIZATION": options.optimization.value if options.optimization else "",
        "SLATE_COMPRESSION": options.compression_format.value if options.compression_format else "",
        "SLATE_JOBS": str(options.parallel_jobs or ""),
    }
    return {**recipe.env, **options.environment, **told}


def _image(
    recipe: BuildRecipe, source: BuildSource, options: BuildOptions, target: PlatformRecipe
) -> ImageRecipe | None:
    image = recipe.image
    if image is None:
        return None
    version = options.engine_version or source.version
    values = {
        **recipe.values,
        **recipe.flavours.get(source.flavour or "", {}),
        **target.values,
        "version": re.sub(r"[^A-Za-z0-9._-]", "-", version or "latest").strip("-") or "latest",
    }
    changes: dict[str, object] = {"tag": fill(image.tag, values)}
    if source.custom.image is not None and source.engine is Engine.CUSTOM:
        name, _, tag = source.custom.image.rpartition(":")
        if not name or "/" in tag:
            name, tag = source.custom.image, "latest"
        changes |= {"name": name, "tag": tag}
    if source.custom.network is not None:
        changes["network"] = source.custom.network
    return msgspec.structs.replace(image, **changes)
