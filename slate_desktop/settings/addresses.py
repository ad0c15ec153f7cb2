"""Addresses that a settings file or the environment may hold: checked before anything connects."""

from __future__ import annotations

from urllib.parse import SplitResult, urlsplit, urlunsplit

from slate_desktop.errors import SettingsError
from slate_desktop.late_pattern import late_pattern

_HOST = late_pattern(r"[A-Za-z0-9]([A-Za-z0-9._-]*[A-Za-z0-9])?|[0-9A-Fa-f:.]+(%[A-Za-z0-9]+)?")


def check_nats_url(text: str) -> str:
    """Check one or several comma-separated broker addresses; returns them unchanged.

    Raises:
        SettingsError: what is wrong, in one sentence.
    """
    parts = [part.strip() for part in text.split(",")]
    for part in parts:
        _check(part, "NATS", ("nats", "tls"), "nats://host:4222")
    return ",".join(parts)


def check_database_url(text: str) -> str:
    """Check a PostgreSQL address; a socket directory may stand in ``?host=``."""
    split = _split(text, "PostgreSQL", ("postgresql", "postgres"), "postgresql://user@host/slate")
    if not split.hostname and "host=" not in split.query:
        raise SettingsError(
            "The PostgreSQL address names no host.", hint="Use postgresql://user@host/slate."
        )
    if not split.path.strip("/") and "dbname=" not in split.query:
        raise SettingsError(
            "The PostgreSQL address names no database.", hint="Use postgresql://user@host/slate."
        )
    return text


def check_redis_url(text: str) -> str:
    """Check a Redis address."""
    split = _split(text, "Redis", ("redis", "rediss", "unix"), "redis://host:6379/0")
    if split.scheme != "unix" and not split.hostname:
        raise SettingsError("The Redis address names no host.", hint="Use redis://host:6379/0.")
    return text


def check_docker_host(text: str) -> str:
    """Check the address of a Docker engine."""
    split = _split(
        text, "Docker", ("unix", "tcp", "http", "https", "ssh", "npipe"), "unix:///run/docker.sock"
    )
    if split.scheme not in ("unix", "npipe") and not split.hostname:
        raise SettingsError("The Docker address names no host.", hint="Use tcp://host:2376.")
    return text


def check_registry_url(text: str) -> str:
    """Check the address of an image registry."""
    _check(text, "registry", ("https", "http"), "https://host:5000")
    return text


def broker_url_from_websocket(text: str) -> tuple[str, str]:
    """Turn an original ``ws://host:4222`` into the broker's TCP address.

    Returns:
        The address, and a sentence that tells what was done (empty if nothing).
    """
    split = urlsplit(text)
    if split.scheme not in ("ws", "wss"):
        return text, ""
    scheme = "nats" if split.scheme == "ws" else "tls"
    url = urlunsplit((scheme, split.netloc, "", "", ""))
    return url, f"{text} names a websocket; {url} is used, which is the broker's own protocol."


def _check(text: str, what: str, schemes: tuple[str, ...], example: str) -> None:
    split = _split(text, what, schemes, example)
    if not split.hostname:
        raise SettingsError(f"The {what} address names no host.", hint=f"Use {example}.")


def _split(text: str, what: str, schemes: tuple[str, ...], example: str) -> SplitResult:
    hint = f"Use {example}."
    if any(ord(char) <= 32 or ord(char) == 127 for char in text):
        raise SettingsError(f"The {what} address contains a space.", hint=hint)
    try:
        split = urlsplit(text)
        port, host = split.port, split.hostname
    except ValueError as exc:
        raise SettingsError(f"The {what} address is malformed: {exc}.", hint=hint) from exc
    if "://" not in text or split.scheme not in schemes:
        raise SettingsError(
            f"The {what} address must start with {' or '.join(f'{s}://' for s in schemes)}.",
            hint=hint,
        )
    if port == 0:
        raise SettingsError(f"The {what} address has port 0.", hint=hint)
    if host and _HOST.fullmatch(host) is None:
        raise SettingsError(f"The {what} address has a malformed host name.", hint=hint)
    return split
