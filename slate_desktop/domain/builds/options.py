"""The options of a build: read from a client's words, or refused by name.

The names are those of the original system (``compressionFormat``, ``parallelJobs``) and their
snake_case forms; both are read, the row holds the snake_case form.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from enum import StrEnum
from typing import Any

import msgspec

from slate_desktop.domain.container import DriverName
from slate_desktop.domain.fields import bad, flag, is_plain_text, number, read_env, shown

MAX_PARALLEL_JOBS = 256
MAX_CUSTOM_ARGUMENTS = 64
MAX_ARGUMENT_BYTES = 4096
MAX_TIME_LIMIT_S = 24 * 3600
DEFAULT_TIME_LIMIT_S = 4 * 3600
MAX_PRIORITY = 100
_VERSION = re.compile(r"[0-9][0-9A-Za-z._+-]{0,63}")
_METHOD = re.compile(r"[A-Za-z_]\w*(\.[A-Za-z_]\w*)+", re.ASCII)
_UNPRINTABLE = re.compile(r"[\x00-\x1f\x7f]")
_SECRET_NAMES = re.compile(r"pass|secret|token|key|serial|credential", re.IGNORECASE)
MASK = "•••"


class Optimization(StrEnum):
    """How much a build is optimised; None leaves it to the build type."""

    NONE = "none"
    BASIC = "basic"
    FULL = "full"


class Compression(StrEnum):
    """How the product is packed; what an engine does not have is mapped to its own."""

    NONE = "none"
    GZIP = "gzip"
    BROTLI = "brotli"
    LZ4 = "lz4"


class BuildOptions(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Checked options of one build.

    Attributes:
        clean: start with an empty workspace instead of the project's cache.
        optimization: None leaves it to the build type.
        compression_format: None leaves it to the engine.
        parallel_jobs: how many jobs the build tool may run at once, 1 to 256.
        environment: further variables of the build's programs.
        engine_version: instead of the version that the project names.
        custom_arguments: further words of the command, one argument each.
        preset: the export preset (Godot) or the static method (Unity) that builds.
        driver: container or local process; None leaves it to the worker.
        time_limit_s: seconds from the build's start until it is ended.
        priority: higher is built earlier, -100 to 100.
    """

    clean: bool = False
    optimization: Optimization | None = None
    compression_format: Compression | None = None
    parallel_jobs: int | None = None
    environment: dict[str, str] = {}
    engine_version: str | None = None
    custom_arguments: tuple[str, ...] = ()
    preset: str | None = None
    driver: DriverName | None = None
    time_limit_s: int = DEFAULT_TIME_LIMIT_S
    priority: int = 0


def parse_build_options(data: object) -> BuildOptions:
    """Read a build's options.

    Args:
        data: an object with the names of the original system or their snake_case forms.

    Raises:
        CommandError: ``bad_request`` naming the field.
    """
    if not isinstance(data, Mapping):
        bad("options", "options must be an object")
    values: dict[str, Any] = {}
    for key, value in data.items():
        name = _CAMEL.get(key, key) if isinstance(key, str) else key
        reader = _READERS.get(name) if isinstance(name, str) else None
        if reader is None:
            known = ", ".join(_READERS)
            bad("options", f"There is no build option {shown(key)!r}; there are {known}")
        if name in values:
            bad(name, f"{name} is given twice")
        if value is not None:
            values[name] = reader(value, name)
    return BuildOptions(**values)


def options_to_json(options: BuildOptions) -> dict[str, Any]:
    """Return the options as the row stores them: snake_case, without what is as by default."""
    return msgspec.to_builtins(options)


def masked(options: Mapping[str, Any]) -> dict[str, Any]:
    """Return options as they may be shown: without the values of variables that look secret."""
    env = options.get("environment")
    if not isinstance(env, Mapping):
        return dict(options)
    shown_env = {k: MASK if _SECRET_NAMES.search(k) else v for k, v in env.items()}
    return {**options, "environment": shown_env}


def check_engine_version(value: object, field: str = "engine_version") -> str:
    """Return an engine's version, which becomes part of an image's name.

    Raises:
        CommandError: ``bad_request``.
    """
    if not isinstance(value, str) or _VERSION.fullmatch(value) is None:
        bad(field, f"{field} must be a version such as 4.3 or 6000.0.43f1")
    return value


def check_preset(value: object, field: str = "preset") -> str:
    """Return a preset's name: one line, and nothing that a program would read as a switch.

    Raises:
        CommandError: ``bad_request``.
    """
    if (
        not isinstance(value, str)
        or not 0 < len(value) <= 200
        or not is_plain_text(value)
        or _UNPRINTABLE.search(value)
        or value.startswith("-")
        or value != value.strip()
    ):
        bad(field, f"{field} must be a name of at most 200 characters that does not begin with '-'")
    return value


def check_method(value: object, field: str = "preset") -> str:
    """Return the name of a static method, ``Class.Method`` or with a namespace.

    Raises:
        CommandError: ``bad_request``.
    """
    if not isinstance(value, str) or len(value) > 200 or _METHOD.fullmatch(value) is None:
        bad(field, f"{field} must name a static method, such as Builder.Build")
    return value


def _arguments(value: object, field: str) -> tuple[str, ...]:
    if not isinstance(value, list | tuple) or len(value) > MAX_CUSTOM_ARGUMENTS:
        bad(field, f"{field} must be a list of at most {MAX_CUSTOM_ARGUMENTS} texts")
    for word in value:
        if not isinstance(word, str) or not word or not is_plain_text(word):
            bad(field, f"{field} must hold texts that are not empty and have no NUL")
        if len(word.encode()) > MAX_ARGUMENT_BYTES:
            bad(field, f"{field} must hold texts of at most {MAX_ARGUMENT_BYTES} bytes")
    return tuple(value)


def _whole(low: int, high: int) -> Callable[[object, str], int]:
    def read(value: object, field: str) -> int:
        if type(value) is not int or not low <= value <= high:
            bad(field, f"{field} must be a whole number from {low} to {high}")
        return value

    return read


def _member(kind: type[StrEnum]) -> Callable[[object, str], StrEnum]:
    def read(value: object, field: str) -> StrEnum:
        if not isinstance(value, str) or value not in [member.value for member in kind]:
            bad(field, f"{field} must be one of: {', '.join(kind)}")
        return kind(value)

    return read


def _driver(value: object, field: str) -> DriverName:
    if value not in (DriverName.DOCKER.value, DriverName.PROCESS.value, DriverName.SCRIPTED.value):
        bad(field, f"{field} must be docker or process")
    return DriverName(value)


def _seconds(value: object, field: str) -> int:
    seconds = number(value, field)
    if not 1 <= seconds <= MAX_TIME_LIMIT_S:
        bad(field, f"{field} must be 1 to {MAX_TIME_LIMIT_S} seconds")
    return int(seconds)


def _env(value: object, field: str) -> dict[str, str]:
    del field
    return read_env(value)


_READERS: dict[str, Callable[[Any, str], Any]] = {
    "clean": flag,
    "optimization": _member(Optimization),
    "compression_format": _member(Compression),
    "parallel_jobs": _whole(1, MAX_PARALLEL_JOBS),
    "environment": _env,
    "engine_version": check_engine_version,
    "custom_arguments": _arguments,
    "preset": check_preset,
    "driver": _driver,
    "time_limit_s": _seconds,
    "priority": _whole(-MAX_PRIORITY, MAX_PRIORITY),
}
_CAMEL = {
    "compressionFormat": "compression_format",
    "parallelJobs": "parallel_jobs",
    "engineVersion": "engine_version",
    "customArguments": "custom_arguments",
    "timeLimit": "time_limit_s",
    "env": "environment",
}
