"""Mounts as text: what can be refused without looking at any file system.

Whether a source lies inside the project, and is what it seems, is for the agent to see: only the
host that mounts it can open it safely.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import NoReturn

from slate_desktop.errors import CommandError, ErrorCode
from slate_desktop.late_pattern import late_pattern

MAX_PATH_BYTES = 4096

_CONTROL = late_pattern(r"[\x00-\x1f\x7f\ud800-\udfff]")
# Nothing of a project can lie here, and a mount of it would hand over the host.
_HOST_TREES = ("/proc", "/sys", "/dev", "/etc", "/boot")
_HOST_PATHS = frozenset({"/run/docker.sock", "/var/run/docker.sock", "/run", "/var/run"})
# The container's own system: a mount over it would change what runs there.
_CONTAINER_TREES = (
    *_HOST_TREES, "/run", "/var/run", "/bin", "/sbin", "/lib", "/lib32", "/lib64", "/libx32",
    "/usr/bin", "/usr/sbin", "/usr/lib", "/usr/lib32", "/usr/lib64", "/usr/libx32",
)  # fmt: skip
_CONTAINER_PATHS = frozenset({"/", "/usr", "/var", "/tmp"})  # noqa: S108


def check_host_path(text: str) -> str:
    """Return a mount's source without needless parts: absolute, or ``.`` and below.

    Raises:
        CommandError: ``mount_denied``.
    """
    _check_text(text, "The source of a mount")
    is_relative = text == "." or text.startswith("./")
    if not is_relative and not text.startswith("/"):
        _deny("The source of a mount must be an absolute path or start with './'")
    parts = [part for part in text.split("/") if part not in ("", ".")]
    path = "/".join([".", *parts]) if is_relative else "/" + "/".join(parts)
    if path == "/" or path in _HOST_PATHS or _is_below(path, _HOST_TREES):
        _deny("The source of a mount must lie inside the project")
    return path


def check_container_path(text: str) -> str:
    """Return a mount's target without needless parts.

    Raises:
        CommandError: ``mount_denied``.
    """
    _check_text(text, "The target of a mount")
    if not text.startswith("/"):
        _deny("The target of a mount must be an absolute path")
    path = "/" + "/".join(part for part in text.split("/") if part not in ("", "."))
    if path in _CONTAINER_PATHS or _is_below(path, _CONTAINER_TREES):
        _deny(f"Nothing can be mounted at {path}: it belongs to the container's system")
    return path


def check_targets(targets: Iterable[str]) -> None:
    """Refuse targets that are equal or lie inside one another.

    Raises:
        CommandError: ``mount_denied``.
    """
    seen: set[str] = set()
    for path in targets:
        if path in seen:
            _deny(f"Two mounts have the same target {path}")
        seen.add(path)
    for path in seen:
        parent = path.rpartition("/")[0]
        while parent:
            if parent in seen:
                _deny(f"The mount at {path} lies inside the one at {parent}")
            parent = parent.rpartition("/")[0]


def _check_text(text: str, what: str) -> None:
    if not text or _CONTROL.search(text) is not None:
        _deny(f"{what} is empty or holds control characters")
    if len(text.encode("utf-8")) > MAX_PATH_BYTES:
        _deny(f"{what} is longer than {MAX_PATH_BYTES} bytes")
    if ".." in text:
        _deny(f"{what} must not hold '..'")


def _is_below(path: str, trees: Iterable[str]) -> bool:
    return any(path == tree or path.startswith(tree + "/") for tree in trees)


def _deny(message: str) -> NoReturn:
    raise CommandError(ErrorCode.MOUNT_DENIED, message, field="volumes")
