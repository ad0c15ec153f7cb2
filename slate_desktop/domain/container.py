"""Container configuration: what a runtime is started with, checked before anything happens.

The names are those of the original system; its camelCase forms and the snake_case forms are both
read, and the row and the wire carry the camelCase form. Input can only ask for what an allow-list
admits: every unknown key is refused.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping
from enum import StrEnum
from typing import Any, NoReturn

import msgspec

from slate_desktop.domain.images import ImageReference, is_digest, is_tag, parse_image
from slate_desktop.domain.mounts import check_container_path, check_host_path, check_targets
from slate_desktop.domain.sizes import MIB, exact_size, format_bytes, parse_size
from slate_desktop.errors import CommandError, ErrorCode

# Docker refuses less.
MIN_MEMORY_BYTES = 6 * MIB
MAX_MEMORY_BYTES = 64 * 1024**4
MIN_CPUS = 0.01
MAX_CPUS = 1024.0
MAX_PORT = 65_535
# Host ports below belong to the host's own services.
MIN_HOST_PORT = 1024
MAX_PORTS = 32
MAX_MOUNTS = 32
MAX_ENV = 256
MAX_ENV_BYTES = 64 * 1024
MAX_ARGUMENTS = 512
MAX_ARGV_BYTES = 48 * 1024
MAX_STOP_GRACE_S = 60
# Stands for "any free port of the host"; 0 in ``ContainerConfig.ports``.
ANY_PORT = "auto"

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,62}")
_PORT = re.compile(r"[1-9][0-9]{0,4}")
_ENV_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,127}")
# Variables of the loader, of shells before their first command, and of the GPU runtime.
_DENIED_ENV = re.compile(r"(LD_|DYLD_).*|GCONV_PATH|BASH_ENV|NVIDIA_VISIBLE_DEVICES")
_UNSOUND = re.compile(r"[\x00\ud800-\udfff]")


class DriverName(StrEnum):
    """Ways to run a runtime."""

    DOCKER = "docker"
    PROCESS = "process"
    SCRIPTED = "scripted"


class NetworkMode(StrEnum):
    """``bridge``: a bridge of the session's own. ``none``: no network at all."""

    BRIDGE = "bridge"
    NONE = "none"


class Mount(msgspec.Struct, frozen=True, kw_only=True):
    """A directory of the project, seen by the runtime.

    ``host`` is an absolute path inside the project's root (or ``"."`` and below, relative to it);
    ``container`` an absolute path in the runtime.
    """

    host: str
    container: str
    read_only: bool = False


class ContainerConfig(msgspec.Struct, frozen=True, kw_only=True):
    """A checked container configuration.

    ``memory_bytes`` and ``cpus`` are limits, None for none. ``ports`` maps container port to host
    port (0: any free one). ``command`` is an argv, None for the image's or engine's own.
    """

    driver: DriverName | None = None
    image: str | None = None
    tag: str = "latest"
    digest: str | None = None
    command: list[str] | None = None
    env: dict[str, str] = {}
    ports: dict[int, int] = {}
    volumes: list[Mount] = []
    memory_bytes: int | None = None
    cpus: float | None = None
    gpu: bool = False
    gpu_optional: bool = False
    network_mode: NetworkMode = NetworkMode.BRIDGE
    pull: bool = False
    stop_grace_s: float = 10.0

    @property
    def reference(self) -> str | None:
        """The image with its tag and digest, as an engine takes it."""
        if self.image is None:
            return None
        return f"{self.image}:{self.tag}" + (f"@{self.digest}" if self.digest else "")


def parse_container_config(data: object) -> ContainerConfig:
    """Check a configuration as a client sent it, and return it as values.

    Args:
        data: an object with the names of the original system, camelCase or snake_case.

    Raises:
        CommandError: ``bad_request`` naming the field, ``limit_denied``, ``port_denied`` or
            ``mount_denied``.
    """
    return _build(_canonical(data))


def container_config_to_json(config: ContainerConfig) -> dict[str, Any]:
    """Return the configuration with the original system's names, as the row stores it.

    Reading it back gives the same configuration. Fields without a value are left out.
    """
    result: dict[str, Any] = {
        "driver": config.driver.value if config.driver else None,
        "image": config.image,
        "tag": config.tag if config.image else None,
        "digest": config.digest,
        "command": config.command,
        "env": dict(config.env),
        "ports": {str(inner): outer or ANY_PORT for inner, outer in config.ports.items()},
        "volumes": [
            {"host": mount.host, "container": mount.container, "readOnly": mount.read_only}
            for mount in config.volumes
        ],
        "memory": None if config.memory_bytes is None else exact_size(config.memory_bytes),
        "cpus": config.cpus,
        "gpu": config.gpu,
        "gpuOptional": config.gpu_optional,
        "networkMode": config.network_mode.value,
        "pull": config.pull,
        "stopGrace": config.stop_grace_s,
    }
    return {name: value for name, value in result.items() if value is not None}


def explicit_fields(data: object) -> frozenset[str]:
    """Return the camelCase names of the fields that a client gave.

    Raises:
        CommandError: ``bad_request`` for an unknown field.
    """
    return frozenset(_canonical(data))


def merge_config(
    preset: ContainerConfig, project_settings: Mapping[str, Any], overrides: Mapping[str, Any]
) -> ContainerConfig:
    """Return the preset with a project's settings, and these with a request's overrides.

    Environments are joined name by name; every other field is replaced as a whole. Another image
    does not keep the former one's tag and digest.

    Raises:
        CommandError: as ``parse_container_config``, for either layer.
    """
    merged = container_config_to_json(preset)
    for data in (project_settings, overrides):
        layer = _canonical(data)
        _build(layer)
        if "image" in layer:
            merged.pop("tag", None)
            merged.pop("digest", None)
        if "env" in layer:
            layer["env"] = {**merged.get("env", {}), **layer["env"]}
        merged |= layer
    return _build(merged)


def fit_to_host(
    config: ContainerConfig,
    host_memory_bytes: int,
    host_cpus: float,
    has_gpu: bool,
    *,
    explicit: frozenset[str],
) -> tuple[ContainerConfig, list[str]]:
    """Return the configuration sized to a host, and what was changed, as sentences.

    What a preset asks for is sized down; what a person asked for is given or refused.

    Args:
        config: the merged configuration.
        host_memory_bytes: memory of the host.
        host_cpus: processors of the host.
        has_gpu: whether a runtime can use a GPU there.
        explicit: the fields (``memory``, ``cpus``, ``gpu``) that a person chose.

    Raises:
        CommandError: ``limit_denied`` or ``gpu_unavailable``.
    """
    changes: dict[str, Any] = {}
    notes: list[str] = []
    memory, cpus = config.memory_bytes, config.cpus
    if memory is not None and memory > host_memory_bytes:
        wanted, there = format_bytes(memory), format_bytes(host_memory_bytes)
        if "memory" in explicit:
            _deny_limit("memory", f"{wanted} of memory were asked for; the host has {there}")
        # A quarter stays for the host itself: a limit of all memory would protect nobody.
        fitted = max(MIN_MEMORY_BYTES, host_memory_bytes * 3 // 4 // MIB * MIB)
        changes["memory_bytes"] = fitted
        notes.append(f"Memory: {format_bytes(fitted)} instead of {wanted}; the host has {there}.")
    if cpus is not None and cpus > host_cpus:
        if "cpus" in explicit:
            _deny_limit("cpus", f"{cpus:g} CPUs were asked for; the host has {host_cpus:g}")
        changes["cpus"] = float(host_cpus)
        notes.append(f"CPUs: {host_cpus:g} instead of {cpus:g}; the host has no more.")
    if config.gpu and not has_gpu:
        if "gpu" in explicit and not config.gpu_optional:
            raise CommandError(
                ErrorCode.GPU_UNAVAILABLE,
                "The host has no GPU that a runtime can use",
                field="gpu",
                hint="Switch the GPU off, or install the NVIDIA container runtime on the host.",
            )
        changes["gpu"] = False
        notes.append("GPU: off; the host has none that a runtime can use.")
    return (msgspec.structs.replace(config, **changes) if changes else config), notes


def check_argv(value: object, field: str) -> list[str]:
    """Return a command as a list of texts.

    Raises:
        CommandError: ``bad_request`` naming the field.
    """
    if not isinstance(value, list) or not 0 < len(value) <= MAX_ARGUMENTS:
        _bad(field, f"{field} must be a list of 1 to {MAX_ARGUMENTS} texts")
    for part in value:
        if not isinstance(part, str) or not _is_plain_text(part):
            _bad(field, f"{field} must hold texts without NUL")
    if not value[0] or sum(len(part.encode("utf-8")) for part in value) > MAX_ARGV_BYTES:
        _bad(field, f"{field} must name a program and have at most {MAX_ARGV_BYTES} bytes")
    return list(value)


def check_grace(value: object, field: str) -> float:
    """Return a time to end in seconds, 0 to 60.

    Raises:
        CommandError: ``bad_request`` naming the field.
    """
    grace = _number(value, field)
    if not 0 <= grace <= MAX_STOP_GRACE_S:
        _bad(field, f"{field} must be 0 to {MAX_STOP_GRACE_S} seconds")
    return grace


def _canonical(data: object) -> dict[str, Any]:
    """Return the fields under their camelCase names, without looking at the values."""
    if not isinstance(data, Mapping):
        _bad("body", "A container configuration must be an object")
    result: dict[str, Any] = {}
    for key, value in data.items():
        name = _NAMES.get(key) if isinstance(key, str) else None
        if name is None:
            shown = str(key)[:64].encode("ascii", "backslashreplace").decode("ascii")
            _bad(shown, f"unknown field {shown!r} in the container configuration")
        if name in result:
            _bad(name, f"{name} is given twice, in two spellings")
        result[name] = value
    return result


def _build(fields: dict[str, Any]) -> ContainerConfig:
    values: dict[str, Any] = {}
    for name, value in fields.items():
        if value is None and name in _NULLABLE:
            continue
        attribute, read = _READERS[name]
        values[attribute] = read(value)
    _join_image(values)
    values.pop("name", None)
    return ContainerConfig(**values)


def _join_image(values: dict[str, Any]) -> None:
    """Let tag and digest come from the image's own text where they stand there."""
    reference: ImageReference | None = values.pop("image", None)
    if reference is None:
        return
    values["image"] = reference.name
    for name, own in (("tag", reference.tag), ("digest", reference.digest)):
        if own is None:
            continue
        if values.get(name, own) != own:
            _bad(name, f"The image names another {name} than the field {name}")
        values[name] = own


def _read_driver(value: object) -> DriverName:
    try:
        return DriverName(value)  # pyright: ignore[reportArgumentType]
    except ValueError as exc:
        raise _error("driver", "driver must be docker or process") from exc


def _read_network_mode(value: object) -> NetworkMode:
    try:
        return NetworkMode(value)  # pyright: ignore[reportArgumentType]
    except ValueError as exc:
        raise _error("networkMode", "networkMode must be bridge or none") from exc


def _read_name(value: object) -> str:
    if not isinstance(value, str) or _NAME.fullmatch(value) is None:
        _bad("name", "name must be 1 to 63 letters, digits or '_.-'; runtimes get their own name")
    return value


def _read_tag(value: object) -> str:
    if not is_tag(value):
        _bad("tag", "tag must be 1 to 128 letters, digits or '_.-'")
    return str(value)


def _read_digest(value: object) -> str:
    if not is_digest(value):
        _bad("digest", "digest must be sha256: and 64 digits")
    return str(value)


def _read_env(value: object) -> dict[str, str]:
    if not isinstance(value, Mapping) or len(value) > MAX_ENV:
        _bad("env", f"env must be an object of at most {MAX_ENV} texts")
    size_bytes = 0
    for name, text in value.items():
        if not isinstance(name, str) or _ENV_NAME.fullmatch(name) is None:
            _bad("env", "a variable's name must be letters, digits and '_'")
        if _DENIED_ENV.fullmatch(name) is not None:
            _bad("env", f"the variable {name} cannot be set: it changes how programs are loaded")
        if not isinstance(text, str) or not _is_plain_text(text):
            _bad("env", f"the variable {name} must be a text without NUL")
        size_bytes += len(name) + len(text.encode("utf-8"))
    if size_bytes > MAX_ENV_BYTES:
        _bad("env", f"the variables have more than {MAX_ENV_BYTES} bytes together")
    return dict(value)


def _read_ports(value: object) -> dict[int, int]:
    if not isinstance(value, Mapping) or len(value) > MAX_PORTS:
        _bad("ports", f"ports must be an object of at most {MAX_PORTS} numbers")
    result: dict[int, int] = {}
    for key, target in value.items():
        text = str(key) if isinstance(key, int) and not isinstance(key, bool) else key
        if not isinstance(text, str) or _PORT.fullmatch(text) is None or int(text) > MAX_PORT:
            _bad("ports", f"a container port must be 1 to {MAX_PORT}")
        inner, outer = int(text), 0 if target == ANY_PORT else target
        if isinstance(outer, bool) or not isinstance(outer, int):
            _bad("ports", f"a host port must be a number or {ANY_PORT!r}")
        if target != ANY_PORT and not 1 <= outer <= MAX_PORT:
            _bad("ports", f"a host port must be 1 to {MAX_PORT}, or {ANY_PORT!r} for a free one")
        if inner in result or (outer and outer in result.values()):
            _bad("ports", "a port is given twice")
        if 0 < outer < MIN_HOST_PORT:
            raise CommandError(
                ErrorCode.PORT_DENIED,
                f"The host's port {outer} belongs to its system; use {MIN_HOST_PORT} or higher",
                field="ports",
            )
        result[inner] = outer
    return result


def _read_volumes(value: object) -> list[Mount]:
    if not isinstance(value, list) or len(value) > MAX_MOUNTS:
        _bad("volumes", f"volumes must be a list of at most {MAX_MOUNTS} mounts")
    mounts = [_read_mount(item) for item in value]
    check_targets(mount.container for mount in mounts)
    return mounts


def _read_mount(value: object) -> Mount:
    if not isinstance(value, Mapping):
        _bad("volumes", "a mount must be an object with host and container")
    unknown = [key for key in value if key not in _MOUNT_NAMES]
    if unknown or len({_MOUNT_NAMES[key] for key in value}) != len(value):
        shown = str(unknown[0])[:64] if unknown else "readOnly"
        _bad("volumes", f"unknown or doubled field {shown!r} in a mount")
    fields = {_MOUNT_NAMES[key]: item for key, item in value.items()}
    host, container = fields.get("host"), fields.get("container")
    if not isinstance(host, str) or not isinstance(container, str):
        _bad("volumes", "a mount must have the texts host and container")
    return Mount(
        host=check_host_path(host),
        container=check_container_path(container),
        read_only=_flag(fields.get("read_only", False), "volumes"),
    )


def _read_memory(value: object) -> int:
    try:
        size_bytes = parse_size(value)
    except ValueError as exc:
        raise _error("memory", "memory must be a size such as 4g or 512m") from exc
    if not MIN_MEMORY_BYTES <= size_bytes <= MAX_MEMORY_BYTES:
        _deny_limit("memory", f"memory must be at least {format_bytes(MIN_MEMORY_BYTES)}, and real")
    return size_bytes


def _read_cpus(value: object) -> float:
    cpus = _number(value, "cpus")
    if not MIN_CPUS <= cpus <= MAX_CPUS:
        _deny_limit("cpus", f"cpus must be {MIN_CPUS:g} or more, and at most what the host has")
    return cpus


def _number(value: object, field: str) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        _bad(field, f"{field} must be a number")
    try:
        number = float(value)
    except OverflowError as exc:
        raise _error(field, f"{field} is too large") from exc
    if not math.isfinite(number):
        _bad(field, f"{field} must be a number")
    return number


def _flag(value: object, field: str) -> bool:
    if not isinstance(value, bool):
        _bad(field, f"{field} must be true or false")
    return value


def _is_plain_text(text: str) -> bool:
    return _UNSOUND.search(text) is None


def _error(field: str, message: str) -> CommandError:
    return CommandError(ErrorCode.BAD_REQUEST, message[0].upper() + message[1:], field=field)


def _bad(field: str, message: str) -> NoReturn:
    raise _error(field, message)


def _deny_limit(field: str, message: str) -> NoReturn:
    raise CommandError(ErrorCode.LIMIT_DENIED, message[0].upper() + message[1:], field=field)


_READERS: dict[str, tuple[str, Callable[[Any], Any]]] = {
    "driver": ("driver", _read_driver),
    "image": ("image", parse_image),
    "tag": ("tag", _read_tag),
    "digest": ("digest", _read_digest),
    "command": ("command", lambda value: check_argv(value, "command")),
    "env": ("env", _read_env),
    "ports": ("ports", _read_ports),
    "volumes": ("volumes", _read_volumes),
    "memory": ("memory_bytes", _read_memory),
    "cpus": ("cpus", _read_cpus),
    "gpu": ("gpu", lambda value: _flag(value, "gpu")),
    "gpuOptional": ("gpu_optional", lambda value: _flag(value, "gpuOptional")),
    "networkMode": ("network_mode", _read_network_mode),
    "pull": ("pull", lambda value: _flag(value, "pull")),
    "stopGrace": ("stop_grace_s", lambda value: check_grace(value, "stopGrace")),
    "name": ("name", _read_name),
}
_NULLABLE = frozenset({"driver", "image", "digest", "command"})
_NAMES = {name: name for name in _READERS} | {
    "gpu_optional": "gpuOptional",
    "network_mode": "networkMode",
    "stop_grace": "stopGrace",
}
_MOUNT_NAMES = {
    "host": "host",
    "container": "container",
    "readOnly": "read_only",
    "read_only": "read_only",
}
