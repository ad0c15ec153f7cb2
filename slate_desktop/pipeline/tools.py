"""Versions of what makes the products of each kind; they are part of a job's key.

Reads package metadata and imports no codec. A change of a pipeline that changes its products raises
the kind's revision here, so that results of the older one are not taken for it.
"""

from __future__ import annotations

from functools import lru_cache
from importlib import metadata

from slate_desktop.domain.assets.kinds import AssetKind

_REVISIONS: dict[AssetKind, int] = {
    AssetKind.AUDIO: 1,
    AssetKind.MODEL: 1,
}
_PACKAGES: dict[AssetKind, tuple[str, ...]] = {
    AssetKind.AUDIO: ("soundfile", "soxr", "pyebur128"),
    AssetKind.MODEL: ("numpy", "wasmtime", "trimesh", "assimp-py", "embreex"),
}
ABSENT = "absent"


@lru_cache
def tool_versions(kind: AssetKind) -> dict[str, str]:
    """Return versions by name: the kind's revision as ``slate-<kind>``, then its packages.

    A package that is not installed is ``absent``: its products differ from those made with it.
    """
    versions = {f"slate-{kind.value}": str(_REVISIONS.get(kind, 0))}
    for name in _PACKAGES.get(kind, ()):
        try:
            versions[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            versions[name] = ABSENT
    return versions
