"""The plain values of a container configuration: each is read by one function, or refused.

Names of fields in errors are those of the wire.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import NoReturn

from slate_desktop.domain.images import is_digest, is_tag
from slate_desktop.domain.sizes import MIB, format_bytes, format_rate, parse_rate, parse_size
from slate_desktop.errors import CommandError, ErrorCode
from slate_desktop.late_pattern import late_pattern

# Docker refuses less.
MIN_MEMORY_BYTES = 6 * MIB
MAX_MEMORY_BYTES = 64 * 1024**4
MIN_CPUS = 0.01
MAX_CPUS = 1024.0
# In bits per second; with less, the packets of one answer take seconds.
MIN_BANDWIDTH = 100_000
MAX_BANDWIDTH = 100_000_000_000
MAX_PORT = 65_535
# Host ports below belong to the host's own services.
MIN_HOST_PORT = 1024
MAX_PORTS = 32
MAX_ENV = 256
MAX_ENV_BYTES = 64 * 1024
MAX_ARGUMENTS = 512
MAX_ARGV_BYTES = 48 * 1024
MAX_STOP_GRACE_S = 60
# Stands for "any free port of the host"; 0 in ``ContainerConfig.ports``.
ANY_PORT = "auto"

_NAME = late_pattern(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,62}")
_PORT = late_pattern(r"[1-9][0-9]{0,4}")
_ENV_NAME = late_pattern(r"[A-Za-z_][A-Za-z0-9_]{0,127}")
# Variables of the loader, of shells before their first command, and of the GPU runtime.
_DENIED_ENV = late_pattern(r"(LD_|DYLD_).*|GCONV_PATH|BASH_ENV|NVIDIA_VISIBLE_DEVICES")
_UNSOUND = late_pattern(r"[\x00\ud800-\udfff]")


def check_argv(value: object, field: str) -> list[str]:
    """Return a command as a list of texts.

    Raises:
        CommandError: ``bad_request`` naming the field.
    """
    if not isinstance(value, list) or not 0 < len(value) <= MAX_ARGUMENTS:
        bad(field, f"{field} must be a list of 1 to {MAX_ARGUMENTS} texts")
    for part in value:
        if not isinstance(part, str) or not is_plain_text(part):
            bad(field, f"{field} must hold texts without NUL")
    if not value[0] or sum(len(part.encode("utf-8")) for part in value) > MAX_ARGV_BYTES:
        bad(field, f"{field} must name a program and have at most {MAX_ARGV_BYTES} bytes")
    return list(value)


def check_grace(value: object, field: str) -> float:
    """Return a time to end in seconds, 0 to 60.

    Raises:
        CommandError: ``bad_request`` naming the field.
    """
    grace = number(value, field)
    if not 0 <= grace <= MAX_STOP_GRACE_S:
        bad(field, f"{field} must be 0 to {MAX_STOP_GRACE_S} seconds")
    return grace


def read_name(value: object) -> str:
    """Check a name that a client gave; the agent makes its own."""
    if not isinstance(value, str) or _NAME.fullmatch(value) is None:
        bad("name", "name must be 1 to 63 letters, digits or '_.-'; runtimes get their own name")
    return value


def read_tag(value: object) -> str:
    """Return an image's tag."""
    if not is_tag(value):
        bad("tag", "tag must be 1 to 128 letters, digits or '_.-'")
    return str(value)


def read_digest(value: object) -> str:
    """Return an image's digest."""
    if not is_digest(value):
        bad("digest", "digest must be sha256: and 64 digits")
    return str(value)


def read_env(value: object) -> dict[str, str]:
    """Return environment variables."""
    if not isinstance(value, Mapping) or len(value) > MAX_ENV:
        bad("env", f"env must be an object of at most {MAX_ENV} texts")
    size_bytes = 0
    for name, text in value.items():
        if not isinstance(name, str) or _ENV_NAME.fullmatch(name) is None:
            bad("env", "A variable's name must be letters, digits and '_'")
        if _DENIED_ENV.fullmatch(name) is not None:
            bad("env", f"The variable {name} cannot be set: it changes how programs are loaded")
        if not isinstance(text, str) or not is_plain_text(text):
            bad("env", f"The variable {name} must be a text without NUL")
        size_bytes += len(name) + len(text.encode("utf-8"))
    if size_bytes > MAX_ENV_BYTES:
        bad("env", f"The variables have more than {MAX_ENV_BYTES} bytes together")
    return dict(value)


def read_ports(value: object) -> dict[int, int]:
    """Return host port by container port, 0 for any free one."""
    if not isinstance(value, Mapping) or len(value) > MAX_PORTS:
        bad("ports", f"ports must be an object of at most {MAX_PORTS} numbers")
    result: dict[int, int] = {}
    for key, target in value.items():
        text = str(key) if isinstance(key, int) and not isinstance(key, bool) else key
        if not isinstance(text, str) or _PORT.fullmatch(text) is None or int(text) > MAX_PORT:
            bad("ports", f"A container port must be 1 to {MAX_PORT}")
        inner, outer = int(text), 0 if target == ANY_PORT else target
        if isinstance(outer, bool) or not isinstance(outer, int):
            bad("ports", f"A host port must be a number or {ANY_PORT!r}")
        if target != ANY_PORT and not 1 <= outer <= MAX_PORT:
            bad("ports", f"A host port must be 1 to {MAX_PORT}, or {ANY_PORT!r} for a free one")
        if inner in result or (outer and outer in result.values()):
            bad("ports", "A port is given twice")
        if 0 < outer < MIN_HOST_PORT:
            raise CommandError(
                ErrorCode.PORT_DENIED,
                f"The host's port {outer} belongs to its system; use {MIN_HOST_PORT} or higher",
                field="ports",
            )
        result[inner] = outer
    return result


def read_memory(value: object) -> int:
    """Return a memory limit in bytes."""
    try:
        size_bytes = parse_size(value)
    except ValueError as exc:
        raise error("memory", "memory must be a size such as 4g or 512m") from exc
    least = format_bytes(MIN_MEMORY_BYTES)
    if not MIN_MEMORY_BYTES <= size_bytes <= MAX_MEMORY_BYTES:
        deny_limit("memory", f"memory must be {least} or more, and at most what the host has")
    return size_bytes


def read_bandwidth(value: object) -> int:
    """Return a limit of what is sent and of what is received, in bits per second."""
    try:
        bits_per_s = parse_rate(value)
    except ValueError as exc:
        raise error("bandwidth", "bandwidth must be a rate such as 20mbit or 1gbit") from exc
    if not MIN_BANDWIDTH <= bits_per_s <= MAX_BANDWIDTH:
        least, most = format_rate(MIN_BANDWIDTH), format_rate(MAX_BANDWIDTH)
        deny_limit("bandwidth", f"bandwidth must be {least} to {most}")
    return bits_per_s


def read_cpus(value: object) -> float:
    """Return a number of processors."""
    cpus = number(value, "cpus")
    if not MIN_CPUS <= cpus <= MAX_CPUS:
        deny_limit("cpus", f"cpus must be {MIN_CPUS:g} or more, and at most what the host has")
    return cpus


def number(value: object, field: str) -> float:
    """Return a finite number."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        bad(field, f"{field} must be a number")
    try:
        number = float(value)
    except OverflowError as exc:
        raise error(field, f"{field} is too large") from exc
    if not math.isfinite(number):
        bad(field, f"{field} must be a number")
    return number


def flag(value: object, field: str) -> bool:
    """Return a truth value."""
    if not isinstance(value, bool):
        bad(field, f"{field} must be true or false")
    return value


def shown(key: object) -> str:
    """Return a key that a client made up, short and in ASCII, for a message."""
    return str(key)[:64].encode("ascii", "backslashreplace").decode("ascii")


def is_plain_text(text: str) -> bool:
    """Tell whether a text holds neither NUL nor lone surrogates."""
    return _UNSOUND.search(text) is None


def error(field: str, message: str) -> CommandError:
    """Return the ``bad_request`` of a field."""
    return CommandError(ErrorCode.BAD_REQUEST, message, field=field)


def bad(field: str, message: str) -> NoReturn:
    """Refuse a field's value."""
    raise error(field, message)


def deny_limit(field: str, message: str) -> NoReturn:
    """Refuse a limit that is readable but not possible."""
    raise CommandError(ErrorCode.LIMIT_DENIED, message, field=field)
