"""Versions of what makes the products of each kind; they are part of a job's key.

Reads package metadata and imports no codec. A change of a pipeline that changes its products raises
the kind's revision here, so that results of the older one are not taken for it.
"""

from __future__ import annotations

import shutil
import subprocess
from functools import lru_cache
from importlib import metadata

from slate_desktop.domain.assets.audio import AudioFormat, AudioOptions
from slate_desktop.domain.assets.kinds import AssetKind
from slate_desktop.domain.assets.options import AssetOptions

_REVISIONS: dict[AssetKind, int] = {
    AssetKind.AUDIO: 1,
    AssetKind.MODEL: 1,
    AssetKind.TEXTURE: 1,
}
_PACKAGES: dict[AssetKind, tuple[str, ...]] = {
    AssetKind.AUDIO: ("soundfile", "soxr"),
    AssetKind.TEXTURE: ("astc-encoder-py", "etcpak", "ispc_texcomp", "OpenEXR", "pillow"),
    AssetKind.MODEL: ("numpy", "wasmtime", "trimesh", "assimp-py", "embreex"),
}
ABSENT = "absent"


_PROBE_TIMEOUT_S = 10.0


def tool_versions(kind: AssetKind, options: AssetOptions | None = None) -> dict[str, str]:
    """Return versions by name: the kind's revision as ``slate-<kind>``, then its packages.

    A package that is not installed is ``absent``: its products differ from those made with it. With
    options that only the user's ffmpeg can fulfil (AAC), its version is among them.
    """
    versions = dict(_installed(kind))
    if isinstance(options, AudioOptions) and options.format is AudioFormat.AAC:
        versions["ffmpeg"] = ffmpeg_version()
    return versions


@lru_cache(maxsize=1)
def ffmpeg_version() -> str:
    """Return the version of the installed ffmpeg, or ``absent``."""
    program = shutil.which("ffmpeg")
    if program is None:
        return ABSENT
    try:
        answer = subprocess.run(  # noqa: S603 - a constant
            [program, "-version"],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=_PROBE_TIMEOUT_S,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired):
        return ABSENT
    words = answer.stdout.decode("utf-8", "replace").split()
    return words[2][:40] if words[:2] == ["ffmpeg", "version"] and len(words) > 2 else "unknown"


@lru_cache
def _installed(kind: AssetKind) -> dict[str, str]:
    versions = {f"slate-{kind.value}": str(_REVISIONS.get(kind, 0))}
    for name in _PACKAGES.get(kind, ()):
        try:
            versions[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            versions[name] = ABSENT
    return versions
