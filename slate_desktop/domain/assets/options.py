"""Options of any kind: from what a client sent, and back to canonical JSON.

A kind is added with its parser here and its report in ``report.py``.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, TypeAlias

import msgspec

from slate_desktop.domain.assets.audio import AudioOptions, parse_audio_options
from slate_desktop.domain.assets.kinds import AssetKind
from slate_desktop.domain.assets.model import ModelOptions, parse_model_options
from slate_desktop.domain.assets.texture import TextureOptions, parse_texture_options
from slate_desktop.domain.fields import bad

AssetOptions: TypeAlias = AudioOptions | ModelOptions | TextureOptions

_PARSERS: dict[AssetKind, Callable[[Mapping[str, object]], AssetOptions]] = {
    AssetKind.TEXTURE: parse_texture_options,
    AssetKind.AUDIO: parse_audio_options,
    AssetKind.MODEL: parse_model_options,
}


def parse_options(kind: AssetKind, data: Mapping[str, object]) -> AssetOptions:
    """Check the options of a job.

    Raises:
        CommandError: ``bad_request`` naming the field.
    """
    parser = _PARSERS.get(kind)
    if parser is None:
        bad("type", f"This installation does not process assets of the kind {kind.value}")
    return parser(data)


def options_to_json(options: AssetOptions) -> dict[str, Any]:
    """Return options as JSON values: sorted snake_case names, every default filled in.

    Equal options give equal JSON, and ``parse_options`` reads it back.
    """
    values: dict[str, Any] = msgspec.to_builtins(options)
    return dict(sorted(values.items()))
