"""Versions of what makes the products of each kind; they are part of a job's key.

Reads package metadata and imports no codec. A change of a pipeline that changes its products raises
the kind's revision here, so that results of the older one are not taken for it.
"""

from __future__ import annotations

import re
import shutil
import subprocess
from functools import lru_cache
from pathlib import Path

from slate_desktop.domain.assets.audio import AudioFormat, AudioOptions
from slate_desktop.domain.assets.kinds import AssetKind
from slate_desktop.domain.assets.options import AssetOptions
from slate_desktop.domain.assets.texture import Compression, TextureOptions

_REVISIONS: dict[AssetKind, int] = {
    AssetKind.AUDIO: 2,
    AssetKind.MODEL: 2,
    AssetKind.TEXTURE: 4,
}
_PACKAGES: dict[AssetKind, tuple[str, ...]] = {
    AssetKind.AUDIO: ("soundfile", "soxr"),
    AssetKind.TEXTURE: ("astc-encoder-py", "etcpak", "ispc_texcomp", "OpenEXR", "pillow"),
    AssetKind.MODEL: ("numpy", "wasmtime", "trimesh", "assimp-py", "embreex"),
}
ABSENT = "absent"


_PROBE_TIMEOUT_S = 10.0
# How the programs of the user's own are asked, and which word of the answer counts.
_FFMPEG, _BASISU = "ffmpeg", "basisu"
_QUESTIONS = {
    _FFMPEG: ("-version", re.compile(r"ffmpeg version (\S{1,40})")),
    _BASISU: ("-version", re.compile(r"\bv?(\d[\w.]{0,40})")),
}


def tool_versions(kind: AssetKind, options: AssetOptions | None = None) -> dict[str, str]:
    """Return versions by name: the kind's revision as ``slate-<kind>``, then its packages.

    A package that is not installed is ``absent``: its products differ from those made with it. With
    options that only a program of the user's can fulfil (AAC, Basis), its version is among them.
    """
    versions = dict(_installed(kind))
    if isinstance(options, AudioOptions) and options.format is AudioFormat.AAC:
        versions[_FFMPEG] = ffmpeg_version()
    if isinstance(options, TextureOptions) and options.compression is Compression.BASIS:
        versions[_BASISU] = basisu_version()
    return versions


def ffmpeg_version() -> str:
    """Return the version of the installed ffmpeg, or ``absent``."""
    return _program_version(_FFMPEG)


def basisu_version() -> str:
    """Return the version of the installed basisu, or ``absent``."""
    return _program_version(_BASISU)


def _program_version(name: str) -> str:
    found = shutil.which(name)
    if found is None:
        return ABSENT
    try:
        info = Path(found).stat()
    except OSError:
        return ABSENT
    # A program that was exchanged while an agent runs is asked again.
    return _ask_version(name, found, (info.st_size, info.st_mtime_ns, info.st_ino))


@lru_cache(maxsize=8)
def _ask_version(name: str, program: str, _facts: tuple[int, ...]) -> str:
    question, pattern = _QUESTIONS[name]
    try:
        answer = subprocess.run(  # noqa: S603 - constants
            [program, question],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=_PROBE_TIMEOUT_S,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired):
        return ABSENT
    match = pattern.search(answer.stdout.decode("utf-8", "replace"))
    return "unknown" if match is None else match[1]


@lru_cache
def _installed(kind: AssetKind) -> dict[str, str]:
    # Not at the top: it is slow to read, and a client that starts asks for nothing.
    from importlib import metadata

    versions = {f"slate-{kind.value}": str(_REVISIONS.get(kind, 0))}
    for name in _PACKAGES.get(kind, ()):
        try:
            versions[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            versions[name] = ABSENT
    return versions
