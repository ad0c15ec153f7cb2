"""Container configuration: what a runtime is started with, checked before anything happens.

The names are those of the original system; its camelCase forms and the snake_case forms are both
read, and the row and the wire carry the camelCase form. Input can only ask for what an allow-list
admits: every unknown key is refused.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from enum import StrEnum
from typing import Any

import msgspec

from slate_desktop.domain.fields import (
    ANY_PORT,
    MIN_MEMORY_BYTES,
    bad,
    check_argv,
    check_grace,
    deny_limit,
    error,
    flag,
    read_bandwidth,
    read_cpus,
    read_digest,
    read_env,
    read_memory,
    read_name,
    read_ports,
    read_tag,
    shown,
)
from slate_desktop.domain.images import ImageReference, parse_image
from slate_desktop.domain.mounts import check_container_path, check_host_path, check_targets
from slate_desktop.domain.sizes import MIB, exact_rate, exact_size, format_bytes
from slate_desktop.errors import CommandError, ErrorCode

MAX_MOUNTS = 32
# Fields that a layer can take away; the others have a value of their own for "none".
UNSETTABLE = ("driver", "image", "digest", "command", "memory", "cpus", "bandwidth")
MAX_UNSET = 256
_ENV_PREFIX = "env."
_NETWORKS = "bridge, internet or none"


class DriverName(StrEnum):
    """Ways to run a runtime."""

    DOCKER = "docker"
    PROCESS = "process"
    SCRIPTED = "scripted"


class NetworkMode(StrEnum):
    """``bridge``: one of the session's own; ``internet``: with a way out; ``none``: no network."""

    BRIDGE = "bridge"
    INTERNET = "internet"
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

    ``memory_bytes``, ``cpus`` and ``bandwidth_bits`` (per second, of what is sent and of what is
    received) are limits, None for none. ``ports`` maps container port to host port (0: any free).
    ``command`` is an argv, None for the image's or engine's own. ``unset`` names what a layer takes
    away from the layers below it (``memory``, ``env.NAME`` …); a merged configuration has none.
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
    bandwidth_bits: int | None = None
    gpu: bool = False
    gpu_optional: bool = False
    network_mode: NetworkMode = NetworkMode.BRIDGE
    pull: bool = False
    stop_grace_s: float = 10.0
    unset: list[str] = []

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
        "bandwidth": None if config.bandwidth_bits is None else exact_rate(config.bandwidth_bits),
        "gpu": config.gpu,
        "gpuOptional": config.gpu_optional,
        "networkMode": config.network_mode.value,
        "pull": config.pull,
        "stopGrace": config.stop_grace_s,
        "unset": list(config.unset) or None,
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
    does not keep the former one's tag and digest. What a layer unsets is taken away before its own
    fields are put in.

    Raises:
        CommandError: as ``parse_container_config``, for either layer.
    """
    merged = container_config_to_json(preset)
    for data in (project_settings, overrides):
        layer = _canonical(data)
        _take_away(merged, _build(layer).unset)
        layer.pop("unset", None)
        if "image" in layer:
            merged.pop("tag", None)
            merged.pop("digest", None)
        if "env" in layer:
            layer["env"] = {**merged.get("env", {}), **layer["env"]}
        merged = container_config_to_json(_build(merged | layer))
    return parse_container_config(merged)


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
            deny_limit("memory", f"{wanted} of memory were asked for; the host has {there}")
        # A quarter stays for the host itself: a limit of all memory would protect nobody.
        fitted = max(MIN_MEMORY_BYTES, host_memory_bytes * 3 // 4 // MIB * MIB)
        changes["memory_bytes"] = fitted
        notes.append(f"Memory: {format_bytes(fitted)} instead of {wanted}; the host has {there}.")
    if cpus is not None and cpus > host_cpus:
        if "cpus" in explicit:
            deny_limit("cpus", f"{cpus:g} CPUs were asked for; the host has {host_cpus:g}")
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


def join_overrides(older: Mapping[str, Any], newer: Mapping[str, Any]) -> dict[str, Any]:
    """Return one layer that says what two say after each other; fields are replaced as a whole.

    Raises:
        CommandError: ``bad_request`` for an unknown field.
    """
    older, newer = _canonical(older), _canonical(newer)
    gone = newer.get("unset") or []
    joined = {name: value for name, value in older.items() if name not in gone} | newer
    if "env" in older and "env" not in newer:
        joined["env"] = {k: v for k, v in older["env"].items() if _ENV_PREFIX + k not in gone}
    again = {*newer, *(_ENV_PREFIX + name for name in newer.get("env") or ())}
    unset = [name for name in older.get("unset") or [] if name not in again]
    if unset or gone:
        joined["unset"] = list(dict.fromkeys([*unset, *gone]))
    return joined


def unset_between(usual: ContainerConfig, config: ContainerConfig) -> list[str]:
    """Return the names that ``config`` must unset to lose what only ``usual`` has."""
    before, after = container_config_to_json(usual), container_config_to_json(config)
    names = [name for name in UNSETTABLE if name in before and name not in after]
    return names + [_ENV_PREFIX + name for name in usual.env if name not in config.env]


def _take_away(merged: dict[str, Any], names: list[str]) -> None:
    env = dict(merged.get("env", {}))
    for name in names:
        if name.startswith(_ENV_PREFIX):
            env.pop(name.removeprefix(_ENV_PREFIX), None)
        else:
            merged.pop(name, None)
    if "image" in names:
        merged.pop("tag", None)
        merged.pop("digest", None)
    merged["env"] = env


def _canonical(data: object) -> dict[str, Any]:
    """Return the fields under their camelCase names, without looking at the values."""
    if not isinstance(data, Mapping):
        bad("body", "A container configuration must be an object")
    result: dict[str, Any] = {}
    for key, value in data.items():
        name = _NAMES.get(key) if isinstance(key, str) else None
        if name is None:
            bad(shown(key), f"Unknown field {shown(key)!r} in the container configuration")
        if name in result:
            bad(name, f"{name} is given twice, in two spellings")
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
            bad(name, f"The image names another {name} than the field {name}")
        values[name] = own


def _one_of(kind: type[StrEnum], field: str, words: str) -> Callable[[object], StrEnum]:
    def read(value: object) -> StrEnum:
        try:
            return kind(value)
        except ValueError as exc:
            raise error(field, f"{field} must be {words}") from exc

    return read


def _read_volumes(value: object) -> list[Mount]:
    if not isinstance(value, list) or len(value) > MAX_MOUNTS:
        bad("volumes", f"volumes must be a list of at most {MAX_MOUNTS} mounts")
    mounts = [_read_mount(item) for item in value]
    check_targets(mount.container for mount in mounts)
    return mounts


def _read_mount(value: object) -> Mount:
    if not isinstance(value, Mapping):
        bad("volumes", "A mount must be an object with host and container")
    unknown = [key for key in value if key not in _MOUNT_NAMES]
    if unknown or len({_MOUNT_NAMES[key] for key in value}) != len(value):
        name = shown(unknown[0]) if unknown else "readOnly"
        bad("volumes", f"Unknown or doubled field {name!r} in a mount")
    fields = {_MOUNT_NAMES[key]: item for key, item in value.items()}
    host, container = fields.get("host"), fields.get("container")
    if not isinstance(host, str) or not isinstance(container, str):
        bad("volumes", "A mount must have the texts host and container")
    return Mount(
        host=check_host_path(host),
        container=check_container_path(container),
        read_only=flag(fields.get("read_only", False), "volumes"),
    )


def _read_unset(value: object) -> list[str]:
    if not isinstance(value, list) or len(value) > MAX_UNSET:
        bad("unset", f"unset must be a list of at most {MAX_UNSET} names")
    for name in value:
        if not isinstance(name, str) or not name.startswith(_ENV_PREFIX):
            if name not in UNSETTABLE:
                names = ", ".join(UNSETTABLE)
                bad("unset", f"unset takes {names} and env.NAME, not {shown(name)!r}")
        else:
            read_env({name.removeprefix(_ENV_PREFIX): ""})
    return list(dict.fromkeys(value))


_READERS: dict[str, tuple[str, Callable[[Any], Any]]] = {
    "driver": ("driver", _one_of(DriverName, "driver", "docker or process")),
    "image": ("image", parse_image),
    "tag": ("tag", read_tag),
    "digest": ("digest", read_digest),
    "command": ("command", lambda value: check_argv(value, "command")),
    "env": ("env", read_env),
    "ports": ("ports", read_ports),
    "volumes": ("volumes", _read_volumes),
    "memory": ("memory_bytes", read_memory),
    "cpus": ("cpus", read_cpus),
    "bandwidth": ("bandwidth_bits", read_bandwidth),
    "gpu": ("gpu", lambda value: flag(value, "gpu")),
    "gpuOptional": ("gpu_optional", lambda value: flag(value, "gpuOptional")),
    "networkMode": ("network_mode", _one_of(NetworkMode, "networkMode", _NETWORKS)),
    "pull": ("pull", lambda value: flag(value, "pull")),
    "stopGrace": ("stop_grace_s", lambda value: check_grace(value, "stopGrace")),
    "name": ("name", read_name),
    "unset": ("unset", _read_unset),
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
