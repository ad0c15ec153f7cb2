"""Container image names: ``[registry/]name[:tag][@sha256:…]``, and which registry they come from.

Source: https://github.com/distribution/reference, "Grammar".
"""

from __future__ import annotations

from collections.abc import Collection

import msgspec

from slate_desktop.errors import CommandError, ErrorCode
from slate_desktop.late_pattern import late_pattern

MAX_REFERENCE_LENGTH = 255
DEFAULT_REGISTRY = "docker.io"

_LABEL = r"[a-zA-Z0-9](?:[a-zA-Z0-9-]{0,61}[a-zA-Z0-9])?"
_DOMAIN = rf"{_LABEL}(?:\.{_LABEL})*(?::[0-9]{{1,5}})?"
_COMPONENT = r"[a-z0-9]++(?:(?:[._]|__|-++)[a-z0-9]++)*+"
_TAG = r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}"
_DIGEST = r"sha256:[0-9a-f]{64}"
_TAG_PATTERN = late_pattern(_TAG)
_DIGEST_PATTERN = late_pattern(_DIGEST)
_REFERENCE = late_pattern(
    rf"(?P<name>(?:{_DOMAIN}/)?{_COMPONENT}(?:/{_COMPONENT})*+)(?::(?P<tag>{_TAG}))?"
    rf"(?:@(?P<digest>{_DIGEST}))?"
)


class ImageReference(msgspec.Struct, frozen=True, kw_only=True):
    """The parts of an image's name."""

    name: str
    tag: str | None = None
    digest: str | None = None


def parse_image(text: object) -> ImageReference:
    """Split an image's name into its parts.

    Raises:
        CommandError: ``bad_request`` naming ``image``.
    """
    match = None
    if isinstance(text, str) and 0 < len(text) <= MAX_REFERENCE_LENGTH:
        match = _REFERENCE.fullmatch(text)
    if match is None:
        raise CommandError(
            ErrorCode.BAD_REQUEST,
            "The image must be a name such as slate/godot-runtime or host:5000/name:tag, "
            "in small letters",
            field="image",
        )
    return ImageReference(name=match["name"], tag=match["tag"], digest=match["digest"])


def is_tag(text: object) -> bool:
    """Tell whether ``text`` may be an image's tag."""
    return isinstance(text, str) and _TAG_PATTERN.fullmatch(text) is not None


def is_digest(text: object) -> bool:
    """Tell whether ``text`` is a SHA-256 digest as engines write it."""
    return isinstance(text, str) and _DIGEST_PATTERN.fullmatch(text) is not None


def registry_of(name: str) -> str:
    """Return the registry that an engine would ask for this name, ``docker.io`` by default."""
    first, slash, _ = name.partition("/")
    if slash and ("." in first or ":" in first or first == "localhost"):
        return first.lower()
    return DEFAULT_REGISTRY


def check_registry(name: str, allowed: Collection[str]) -> None:
    """Refuse an image from a registry that is not on the list.

    Raises:
        CommandError: ``image_denied``.
    """
    registry = registry_of(name)
    if registry not in allowed:
        raise CommandError(
            ErrorCode.IMAGE_DENIED,
            f"Images from {registry} are not allowed here",
            field="image",
            details={"registry": registry, "allowed": sorted(allowed)},
            hint="Add the registry to the agent's list of allowed registries.",
        )
