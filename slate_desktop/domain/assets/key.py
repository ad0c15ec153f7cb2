"""The key of a job: equal keys have equal results, so nothing is processed twice."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping

from slate_desktop.domain.assets.kinds import AssetKind
from slate_desktop.domain.assets.options import AssetOptions, options_to_json

_KEY_FORM = 1


def job_key(
    kind: AssetKind,
    content_sha256: Mapping[str, str] | str,
    options: AssetOptions,
    tool_versions: Mapping[str, str],
) -> str:
    """Return the key as 64 hexadecimal digits.

    Args:
        kind: of the asset.
        content_sha256: digest of the file, or digests by name where it refers to others (a glTF
            with buffers and images); names as the file spells them, the file itself as ``""``.
        options: what shall be done.
        tool_versions: of what does it.
    """
    content = content_sha256 if isinstance(content_sha256, str) else dict(content_sha256)
    if isinstance(content, dict) and content.keys() == {""}:
        content = content[""]
    text = json.dumps(
        {
            "form": _KEY_FORM,
            "kind": kind.value,
            "content": content,
            "options": options_to_json(options),
            "tools": dict(tool_versions),
        },
        sort_keys=True,
        separators=(",", ":"),
        ensure_ascii=True,
        allow_nan=False,
    )
    return hashlib.sha256(text.encode("ascii")).hexdigest()
