"""What the SDK and the engine raise, as errors of SLATE. The sentences matched are Docker's."""

from __future__ import annotations

import re

from slate_desktop.agent.drivers.docker.http import unavailable
from slate_desktop.errors import CommandError, ErrorCode, Retry

# Codes by what the engine's message contains, in lower case; the first that fits wins.
_SENTENCES: tuple[tuple[tuple[str, ...], ErrorCode, str | None, str], ...] = (
    (
        (
            "port is already allocated",
            "address already in use",
            "ports are not available",
            "failed to bind host port",
            "bind for ",
        ),
        ErrorCode.PORT_CONFLICT,
        "ports",
        "Stop the program that uses it, or choose another port.",
    ),
    (
        (
            "could not select device driver",
            "nvidia-container-cli",
            "runtime name: nvidia",
            "failed to discover gpu",
            "nvidia-container-runtime",
        ),
        ErrorCode.GPU_UNAVAILABLE,
        "gpu",
        "Install the NVIDIA container toolkit, or start without a GPU.",
    ),
    (
        ("executable file not found", "exec format error", 'exec: "'),
        ErrorCode.COMMAND_NOT_FOUND,
        "command",
        "Check the command, and that the image has it.",
    ),
    (
        ("range of cpus", "minimum memory limit", "memory limit should be", "invalid cpu"),
        ErrorCode.LIMIT_DENIED,
        None,
        "Choose limits that this host has.",
    ),
    (
        (
            "no such image",
            "manifest unknown",
            "pull access denied",
            "repository does not exist",
            "requested access to the resource is denied",
            "manifest for ",
        ),
        ErrorCode.IMAGE_MISSING,
        "image",
        "Build or pull the image on the agent's host, or check its name and the login.",
    ),
    (("invalid reference format",), ErrorCode.BAD_REQUEST, "image", ""),
    (
        ("bind source path does not exist", "invalid mount config", "invalid mount path"),
        ErrorCode.MOUNT_DENIED,
        "volumes",
        "",
    ),
)
# `… 127.0.0.1:8080: bind: address already in use`, `Bind for 0.0.0.0:8080 failed`
_PORT = re.compile(r":(\d{1,5})(?::| failed)")
_NETWORK_SENTENCES = (
    "could not find an available",
    "iptables",
    "operation not supported",
    "failed to create bridge",
    "network bridge not found",
)


def translate(exc: Exception, doing: str) -> CommandError:
    """Return the error that a failed call means.

    Args:
        exc: what the SDK raised.
        doing: what was being done, such as ``starting the container``.
    """
    import docker.errors

    if isinstance(exc, CommandError):
        return exc
    if isinstance(exc, docker.errors.APIError):
        text = str(exc.explanation or exc)
        return from_message(text, doing, status=exc.status_code or 500)
    if isinstance(exc, docker.errors.DockerException | OSError):
        return unavailable(f"the Docker engine does not answer while {doing}")
    return CommandError(ErrorCode.INTERNAL, f"{doing} failed: {type(exc).__name__}")


def from_message(text: str, doing: str, *, status: int) -> CommandError:
    """Return the error that a sentence of the engine means."""
    lowered = text.lower()
    for needles, code, field, hint in _SENTENCES:
        if any(needle in lowered for needle in needles):
            sentence = _sentence(text)
            if code is ErrorCode.PORT_CONFLICT:
                port = _PORT.search(text)
                sentence = f"port {port[1] if port else ''} is in use on this host: {sentence}"
            return CommandError(code, sentence, field=field, hint=hint)
    hint = ""
    if any(needle in lowered for needle in _NETWORK_SENTENCES):
        hint = "This engine cannot make a network: start with network mode 'none'."
    return CommandError(
        ErrorCode.DOCKER_ERROR,
        f"Docker refused {doing}: {_sentence(text)}",
        retry=Retry.LATER if status >= 500 else Retry.NEVER,
        hint=hint,
        details={"status": status},
    )


def from_pull(text: str, image: str) -> CommandError:
    """Return the error that a failed pull means: a missing image, or a registry that is away."""
    lowered = text.lower()
    missing = ("manifest unknown", "not found", "pull access denied", "access to the resource")
    if any(needle in lowered for needle in missing) and "lookup" not in lowered:
        return CommandError(
            ErrorCode.IMAGE_MISSING,
            f"the image {image} is not in its registry, or the login does not reach it",
            field="image",
            details={"reason": _sentence(text)},
            hint="Check the image's name and tag, and the registry login.",
        )
    if "unauthorized" in lowered or "no basic auth" in lowered or "authentication" in lowered:
        return CommandError(
            ErrorCode.DOCKER_ERROR,
            f"the registry of {image} refused the login",
            field="image",
            details={"reason": _sentence(text)},
            hint="Store the registry's login, then start again.",
        )
    return CommandError(
        ErrorCode.DOCKER_ERROR,
        f"the image {image} could not be pulled: {_sentence(text)}",
        field="image",
        retry=Retry.LATER,
        hint="Check that the agent's host reaches the registry.",
    )


def _sentence(text: str) -> str:
    return " ".join(text.split())[:500]
