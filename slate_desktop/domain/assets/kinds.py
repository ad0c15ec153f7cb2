"""Kinds of assets, and the states of a job that processes one.

::

    queued → processing → completed | failed | cancelled
       └───────────────────────────→ failed | cancelled
"""

from __future__ import annotations

import os
from enum import StrEnum
from pathlib import PurePath

from slate_desktop.translation import message


class AssetKind(StrEnum):
    """What an asset is; each kind has its own options, pipeline and queue."""

    TEXTURE = message("texture")
    MODEL = message("model")
    AUDIO = message("audio")


class AssetJobStatus(StrEnum):
    """States of an asset job."""

    QUEUED = "queued"
    PROCESSING = "processing"
    COMPLETED = "completed"
    FAILED = "failed"
    CANCELLED = "cancelled"


_S = AssetJobStatus
LEGAL_JOB_MOVES: dict[AssetJobStatus, frozenset[AssetJobStatus]] = {
    _S.QUEUED: frozenset({_S.PROCESSING, _S.FAILED, _S.CANCELLED}),
    _S.PROCESSING: frozenset({_S.COMPLETED, _S.FAILED, _S.CANCELLED}),
    _S.COMPLETED: frozenset(),
    _S.FAILED: frozenset(),
    _S.CANCELLED: frozenset(),
}
ACTIVE_JOB_STATES = frozenset({_S.QUEUED, _S.PROCESSING})

_TEXTURES = ".png .jpg .jpeg .webp .avif .tga .bmp .tif .tiff .gif .psd .exr .hdr .dds .ktx2"
_MODELS = ".glb .gltf .obj .stl .ply .fbx"
_SOUNDS = ".wav .ogg .oga .opus .mp3 .flac .aac .m4a .aif .aiff .aifc .caf .au .w64 .wma .mka"
_SUFFIXES: dict[AssetKind, frozenset[str]] = {
    AssetKind.TEXTURE: frozenset(_TEXTURES.split()),
    AssetKind.MODEL: frozenset(_MODELS.split()),
    AssetKind.AUDIO: frozenset(_SOUNDS.split()),
}
_KIND_OF_SUFFIX = {suffix: kind for kind, suffixes in _SUFFIXES.items() for suffix in suffixes}


def kind_of(path: PurePath | str) -> AssetKind | None:
    """Return the kind that a file's name says it is, or None: no asset that SLATE processes."""
    # A path's own way takes as long as all else that is asked of a file that did not change.
    return _KIND_OF_SUFFIX.get(os.path.splitext(path)[1].lower())  # noqa: PTH122


def suffixes_of(kind: AssetKind) -> frozenset[str]:
    """Return the name endings of a kind, lower case with the dot."""
    return _SUFFIXES[kind]


def is_legal_job_move(old: AssetJobStatus, new: AssetJobStatus) -> bool:
    """Tell whether a job may go from ``old`` to ``new``; staying is always legal."""
    return old == new or new in LEGAL_JOB_MOVES[old]
