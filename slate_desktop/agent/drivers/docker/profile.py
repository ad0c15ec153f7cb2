"""The hardened container: what every runtime gets, whatever its configuration asks for.

A configuration can only narrow this. The body is what the engine's API takes, so that a test can
compare all of it.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from slate_desktop.agent.drivers.base import Labels, RuntimeSpec
from slate_desktop.agent.drivers.docker.spool import log_config
from slate_desktop.agent.mounts import PROJECT_TARGET, ResolvedMount
from slate_desktop.domain.container import ContainerConfig, NetworkMode

CONFIG_LABEL = "slate.config"
# Bits per second: an agent that adopts the container holds it to them.
BANDWIDTH_LABEL = "slate.bandwidth"
NOBODY = (65534, 65534)
_PIDS = 512
_FILES = 4096
_TMPFS = "rw,noexec,nosuid,nodev,mode=1777,size="


def container_body(
    spec: RuntimeSpec,
    mounts: Sequence[ResolvedMount],
    *,
    user: tuple[int, int],
    network: str,
    publish_ip: str,
    with_gpu: bool,
    free_bytes: int | None = None,
) -> dict[str, Any]:
    """Return the body of the engine's create call, with its hash among the labels."""
    config = spec.config
    command = spec.argv or config.command
    body: dict[str, Any] = {
        "Image": config.reference,
        "User": f"{user[0]}:{user[1]}",
        "Env": [f"{name}={value}" for name, value in {"HOME": "/tmp", **config.env}.items()],  # noqa: S108
        "Tty": False,
        "OpenStdin": False,
        "AttachStdin": False,
        "AttachStdout": False,
        "AttachStderr": False,
        "StopTimeout": max(0, round(config.stop_grace_s)),
        "HostConfig": _host_config(spec, mounts, network, publish_ip, with_gpu, free_bytes),
    }
    if command:
        body["Cmd"] = [
            word.replace("{python}", "python3").replace("{root}", PROJECT_TARGET)
            for word in command
        ]
        if any(mount.target == PROJECT_TARGET for mount in mounts):
            body["WorkingDir"] = PROJECT_TARGET
    if config.network_mode is not NetworkMode.NONE:
        body["ExposedPorts"] = {key: {} for key in _port_bindings(config.ports, publish_ip)}
    body["Labels"] = {**labels_of(spec.labels), CONFIG_LABEL: body_hash(body)}
    if (limit := limit_of(config)) is not None:
        body["Labels"][BANDWIDTH_LABEL] = str(limit)
    return body


def body_hash(body: dict[str, Any]) -> str:
    """Return a digest of what a container is made of, without its labels and how its log is kept.

    The latter goes by the disk's room at the moment.
    """
    kept = {key: value for key, value in body.items() if key != "Labels"}
    kept["HostConfig"] = {k: v for k, v in body["HostConfig"].items() if k != "LogConfig"}
    return hashlib.sha256(json.dumps(kept, sort_keys=True).encode()).hexdigest()[:32]


def labels_of(labels: Labels) -> dict[str, str]:
    """Return the labels as the engine stores them."""
    return {
        "slate.agent": labels.agent,
        "slate.session": labels.session,
        "slate.project": labels.project,
        "slate.attempt": str(labels.attempt),
        "slate.epoch": str(labels.epoch),
    }


def labels_from(stored: dict[str, str] | None) -> Labels | None:
    """Read the labels of a container; None when it is none of ours."""
    try:
        values = stored or {}
        return Labels(
            agent=values["slate.agent"],
            session=values["slate.session"],
            project=values["slate.project"],
            attempt=int(values["slate.attempt"]),
            epoch=int(values["slate.epoch"]),
        )
    except (KeyError, ValueError):
        return None


def limit_of(config: ContainerConfig) -> int | None:
    """Return what a container's network is held to in bits per second, None for no limit."""
    return None if config.network_mode is NetworkMode.NONE else config.bandwidth_bits


def bandwidth_from(stored: dict[str, str] | None) -> int | None:
    """Return the limit of a container's bandwidth in bits per second, None for none."""
    text = (stored or {}).get(BANDWIDTH_LABEL, "")
    return int(text) if text.isdecimal() else None


def network_name(labels: Labels) -> str:
    """Return the name of a session's own bridge."""
    return f"slate-{labels.session}"


def runtime_user(project_root: Path) -> tuple[int, int]:
    """Return uid and gid of a runtime: the project's owner, or nobody for a project of root's.

    Nobody cannot enter a project that root keeps private. Its runtime has root's uid without any
    capability, and ``is_private_to_root`` tells that its mounts must be read-only then, so that it
    cannot leave a program with root's rights behind.
    """
    if os.name != "posix":
        return NOBODY
    info = project_root.stat()
    if info.st_uid != 0:
        return info.st_uid, info.st_gid
    return (0, 0) if is_private_to_root(project_root) else NOBODY


def is_private_to_root(project_root: Path) -> bool:
    """Tell whether a project is root's, and others may not read and enter it."""
    if os.name != "posix":
        return False
    info = project_root.stat()
    return info.st_uid == 0 and info.st_mode & 0o005 != 0o005


def _host_config(
    spec: RuntimeSpec,
    mounts: Sequence[ResolvedMount],
    network: str,
    publish_ip: str,
    with_gpu: bool,
    free_bytes: int | None,
) -> dict[str, Any]:
    config = spec.config
    host: dict[str, Any] = {
        "CapDrop": ["ALL"],
        "SecurityOpt": ["no-new-privileges:true"],
        "ReadonlyRootfs": True,
        "Privileged": False,
        "Init": True,
        "IpcMode": "private",
        "PidsLimit": _PIDS,
        "Ulimits": [
            {"Name": "nofile", "Soft": _FILES, "Hard": _FILES},
            {"Name": "core", "Soft": 0, "Hard": 0},
        ],
        "Tmpfs": {"/tmp": _TMPFS + "256m", "/run": _TMPFS + "16m"},  # noqa: S108
        "Mounts": [
            {
                "Type": "bind",
                "Source": mount.source,
                "Target": mount.target,
                "ReadOnly": mount.read_only,
                "BindOptions": {"Propagation": "rprivate"},
            }
            for mount in mounts
        ],
        "NetworkMode": network,
        "RestartPolicy": {"Name": "no"},
        "LogConfig": log_config(spec.log_bytes, free_bytes),
    }
    if config.memory_bytes is not None:
        host["Memory"] = host["MemorySwap"] = config.memory_bytes
    if config.cpus is not None:
        host["NanoCpus"] = round(config.cpus * 1_000_000_000)
    if config.network_mode is not NetworkMode.NONE:
        host["PortBindings"] = _port_bindings(config.ports, publish_ip)
    if with_gpu:
        host["DeviceRequests"] = [{"Driver": "", "Count": -1, "Capabilities": [["gpu"]]}]
    return host


def _port_bindings(ports: dict[int, int], publish_ip: str) -> dict[str, list[dict[str, str]]]:
    """Publish a port for TCP, and for UDP too where its number on the host is fixed."""
    bindings: dict[str, list[dict[str, str]]] = {}
    for inside, outside in sorted(ports.items()):
        target = {"HostIp": publish_ip, "HostPort": str(outside) if outside else ""}
        bindings[f"{inside}/tcp"] = [target]
        if outside:
            bindings[f"{inside}/udp"] = [target]
    return bindings
