"""What an engine's preset file says of building: the ``[[builds]]`` sections as values.

A recipe is data only. Texts in ``argv`` and ``args`` are words of a command, one each; ``{name}``
in a word is filled in by ``commands``, in one pass, and a filled word stays one word.
"""

from __future__ import annotations

import re
from enum import StrEnum
from functools import lru_cache

import msgspec

from slate_desktop.domain.build import BuildType, TargetPlatform


class ArtifactKind(StrEnum):
    """What a finished build's main file is; ``artifacts`` opens it to see."""

    ELF = "elf"
    PE = "pe"
    MACHO = "macho"
    ZIP = "zip"
    APK = "apk"
    WEB = "web"
    FOLDER = "folder"
    ANY = "any"


class MarkerKind(StrEnum):
    """How a progress marker counts.

    ``ratio``: groups ``done`` and ``total``; ``remain``: groups ``done`` and ``remain``;
    ``percent``: group ``percent``; ``total``: only ``total``, for markers that name it first;
    ``done``: only ``done``; ``begin``: the phase has begun.
    """

    RATIO = "ratio"
    REMAIN = "remain"
    PERCENT = "percent"
    TOTAL = "total"
    DONE = "done"
    BEGIN = "begin"


class _Part(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A table of the file; a key that is not known is a mistake in the file."""


class StepRecipe(_Part, frozen=True, kw_only=True):
    """One program of a build.

    Attributes:
        id: short name, part of the log.
        title: in words, for the window.
        argv: the words of the command.
        always: runs even after a step before failed or the build was cancelled (licence return).
        is_evidence: its exit code counts for the verdict.
        needs_env: runs only where the worker has all of these variables.
    """

    id: str
    title: str
    argv: list[str]
    always: bool = False
    is_evidence: bool = True
    needs_env: list[str] = []


class PlatformRecipe(_Part, frozen=True, kw_only=True):
    """One target of an engine.

    Attributes:
        values: for placeholders.
        args: words added to the main step.
        file: the product below the output folder; ``{name}`` is the project's name as a file name.
        artifact: what the product must be.
        never: why this engine cannot have this target at all.
        hosts: systems of workers that can build it (``linux``, ``windows``, ``macos``); empty: any.
        host_reason: what is said where no such worker is.
        capability: what a worker must advertise, such as ``console:ps5``.
        capability_reason: what is said where none does.
        note: said beside a target that is available.
    """

    values: dict[str, str] = {}
    args: list[str] = []
    file: str = "{name}"
    artifact: ArtifactKind = ArtifactKind.ANY
    never: str | None = None
    hosts: list[str] = []
    host_reason: str | None = None
    capability: str | None = None
    capability_reason: str | None = None
    note: str | None = None


class TypeRecipe(_Part, frozen=True, kw_only=True):
    """What one build type changes; ``incremental`` are words that a clean build leaves out."""

    values: dict[str, str] = {}
    args: list[str] = []
    incremental: list[str] = []
    note: str | None = None


class CompressionRecipe(_Part, frozen=True, kw_only=True):
    """What one compression format becomes; ``platforms`` limits it (empty: everywhere)."""

    args: list[str] = []
    platforms: list[TargetPlatform] = []
    note: str | None = None


class Switches(_Part, frozen=True, kw_only=True):
    """Words that options add to the main step; ``{jobs}`` is the number of parallel jobs."""

    clean: list[str] = []
    jobs: list[str] = []
    optimization: dict[str, list[str]] = {}


class PhaseRecipe(_Part, frozen=True, kw_only=True):
    """A stretch of the build; shares of all phases add up to the whole."""

    id: str
    title: str
    share: float


class MarkerRecipe(_Part, frozen=True, kw_only=True):
    """A line that tells how far a phase is; ``what`` may be a group of the pattern.

    Attributes:
        phase: which one, or ``current``.
        restarts: several such counts follow one another in the phase, their number unknown.
    """

    phase: str
    kind: MarkerKind
    pattern: str
    restarts: bool = False


class FindingRecipe(_Part, frozen=True, kw_only=True):
    """A line that tells of a problem.

    Attributes:
        pattern: groups ``message``, ``file``, ``line``, ``column``, ``code`` where there are any.
        severity: ``fatal``, ``error`` or ``warning``.
        then: searched in the next line, for ``file`` and ``line``.
        before: the last such line before names ``file`` and ``line``.
    """

    pattern: str
    severity: str = "error"
    then: str | None = None
    before: str | None = None


class ImageRecipe(_Part, frozen=True, kw_only=True):
    """The container image of a build; ``{version}`` and values of the platform are filled in.

    ``tool`` is the program that builds inside it; ``size_gib`` is what a pull needs on disk.
    """

    name: str
    tool: str = ""
    tag: str = "latest"
    memory: str = "4g"
    cpus: float = 2.0
    size_gib: float = 1.0
    network: str = "none"
    is_redistributable: bool = True


class BuildRecipe(_Part, frozen=True, kw_only=True):
    """How one engine, in some versions or one flavour of it, builds.

    Attributes:
        id: ``unity``, ``unreal``, ``godot-3``, ``godot-4``, ``custom``.
        title: for people.
        versions: prefixes of the project's version; empty: all.
        flavour: only for projects of this flavour.
        tools: programs that build on this machine, best first.
        image: what builds in a container.
        env: variables of every step.
        licence: the seat that a build holds, such as ``unity``.
        secrets: variables that the worker passes on from its own environment.
        values: for placeholders, weakest.
        steps: programs in order; ``main`` names the one that options add words to.
        needs_preset: the project's ``export_presets.cfg`` names the target.
        reserved: switches that custom arguments may not repeat.
        refuses_arguments: custom arguments would be ignored silently, so they are refused.
        exit_marker: pattern with group ``code``: what the tool says of its own end.
        harmless: lines that look like errors and are none.
        caches: folders of the workspace that an incremental build keeps.
        files: put into the workspace before the build: path by resource.
        flavours: values for placeholders by the project's flavour.
    """

    id: str
    title: str
    versions: list[str] = []
    flavour: str | None = None
    tools: list[str] = []
    image: ImageRecipe | None = None
    env: dict[str, str] = {}
    licence: str | None = None
    secrets: list[str] = []
    values: dict[str, str] = {}
    main: str = "build"
    steps: list[StepRecipe] = []
    needs_preset: bool = False
    reserved: list[str] = []
    refuses_arguments: bool = False
    exit_marker: str | None = None
    harmless: list[str] = []
    caches: list[str] = []
    files: dict[str, str] = {}
    flavours: dict[str, dict[str, str]] = {}
    switches: Switches = Switches()
    platforms: dict[TargetPlatform, PlatformRecipe] = {}
    types: dict[BuildType, TypeRecipe] = {}
    compression: dict[str, CompressionRecipe] = {}
    phases: list[PhaseRecipe] = []
    markers: list[MarkerRecipe] = []
    findings: list[FindingRecipe] = []

    def fits(self, version: str | None, flavour: str | None) -> bool:
        """Tell whether the recipe is meant for a project of this version and flavour."""
        if self.flavour is not None and self.flavour != flavour:
            return False
        if not self.versions:
            return True
        return version is not None and any(
            version == prefix or version.startswith(prefix + ".") for prefix in self.versions
        )


@lru_cache(maxsize=512)
def compiled(pattern: str) -> re.Pattern[str]:
    """Return a pattern of a recipe, compiled once."""
    return re.compile(pattern)
