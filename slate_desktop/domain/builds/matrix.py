"""Which engine reaches which target, and the exact reason where it does not."""

from __future__ import annotations

import sys
from collections.abc import Iterable

import msgspec

from slate_desktop.domain.build import BuildType, TargetPlatform
from slate_desktop.domain.builds.recipe import BuildRecipe, PlatformRecipe
from slate_desktop.errors import CommandError, ErrorCode

PLATFORM_TITLES = {
    TargetPlatform.WINDOWS: "Windows",
    TargetPlatform.MACOS: "macOS",
    TargetPlatform.LINUX: "Linux",
    TargetPlatform.ANDROID: "Android",
    TargetPlatform.IOS: "iOS",
    TargetPlatform.WEBGL: "WebGL",
    TargetPlatform.PS5: "PlayStation 5",
    TargetPlatform.XBOX_SERIES_X: "Xbox Series X",
    TargetPlatform.SWITCH: "Nintendo Switch",
}
CONSOLES = (TargetPlatform.PS5, TargetPlatform.XBOX_SERIES_X, TargetPlatform.SWITCH)
_SYSTEMS = {"linux": "linux", "win32": "windows", "darwin": "macos"}


class Workers(msgspec.Struct, frozen=True, kw_only=True):
    """What the workers that could build can do, together.

    ``systems`` are ``linux``, ``windows``, ``macos``; ``capabilities`` are words that their
    administrators set, such as ``console:ps5``.
    """

    systems: frozenset[str] = frozenset({"linux"})
    capabilities: frozenset[str] = frozenset()


class Availability(msgspec.Struct, frozen=True, kw_only=True):
    """Whether a target can be built; ``reason`` is empty when it can, ``note`` is worth knowing."""

    is_available: bool
    reason: str = ""
    note: str = ""


def this_system() -> str:
    """Return this machine's system as recipes name it."""
    return _SYSTEMS.get(sys.platform, sys.platform)


def availability(
    recipe: BuildRecipe,
    platform: TargetPlatform,
    build_type: BuildType,
    workers: Workers,
    *,
    only: Iterable[TargetPlatform] | None = None,
) -> Availability:
    """Tell whether an engine can build a target.

    Args:
        recipe: the engine's.
        platform: the target.
        build_type: development, staging or production.
        workers: who could build it.
        only: the platforms that the project's own file lists; None for all.
    """
    target = recipe.platforms.get(platform)
    title = PLATFORM_TITLES[platform]
    if target is None:
        return _no(f"{recipe.title} says nothing about {title}.")
    if target.never is not None:
        return _no(target.never)
    if build_type not in recipe.types:
        return _no(f"{recipe.title} has no build type {build_type.value}.")
    if only is not None and platform not in set(only):
        return _no(f"The project's slate.toml does not list {platform.value} among its platforms.")
    if target.capability is not None and target.capability not in workers.capabilities:
        return _no(target.capability_reason or f"No worker advertises {target.capability}.")
    if target.hosts and not workers.systems & set(target.hosts):
        return _no(target.host_reason or f"A worker on {' or '.join(target.hosts)} is needed.")
    notes = [target.note, recipe.types[build_type].note]
    return Availability(is_available=True, note=" ".join(note for note in notes if note))


def require_target(
    recipe: BuildRecipe,
    platform: TargetPlatform,
    build_type: BuildType,
    workers: Workers,
    *,
    only: Iterable[TargetPlatform] | None = None,
) -> PlatformRecipe:
    """Return the target's recipe.

    Raises:
        CommandError: ``bad_request`` naming ``target_platform``, with the reason.
    """
    found = availability(recipe, platform, build_type, workers, only=only)
    if not found.is_available:
        raise CommandError(ErrorCode.BAD_REQUEST, found.reason, field="target_platform")
    return recipe.platforms[platform]


def _no(reason: str) -> Availability:
    return Availability(is_available=False, reason=reason)
