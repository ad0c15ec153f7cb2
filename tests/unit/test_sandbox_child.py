"""What a child of the sandbox tells of a codec that stumbles: whose fault it is."""

from __future__ import annotations

import errno
import io
import json
import shutil
from collections import namedtuple
from pathlib import Path
from typing import Any

import pytest

from slate_desktop.errors import AssetError, EnvironmentFaultError
from slate_desktop.pipeline.sandbox import child
from slate_desktop.pipeline.sandbox.request import ChildRequest

_Usage = namedtuple("_Usage", ["total", "used", "free"])


def stumble(arguments: dict[str, Any], *_: Any) -> object:
    match arguments["how"]:
        case "codec":
            raise RuntimeError("System error.")
        case "tool":
            raise AssetError.crash("ffmpeg cannot write AAC: it does not say why.")
        case "invalid":
            raise AssetError.invalid("The file is cut off.")
    full = OSError(errno.ENOSPC, "No space left on device")
    raise EnvironmentFaultError("box.glb cannot be written.") from full


def _told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, how: str, free: int) -> str:
    monkeypatch.setattr(shutil, "disk_usage", lambda _: _Usage(1 << 40, 0, free))
    monkeypatch.setattr(child, "_load", lambda _: stumble)
    request = ChildRequest(
        target="slate_desktop.pipeline.sandbox.drill:stumble",
        arguments={"how": how},
        work_dir=str(tmp_path),
    )
    answer = child._attempt(request, tmp_path, child._Reporter(io.BytesIO()))
    return json.loads(json.dumps(answer))["error"]["code"]


@pytest.mark.parametrize(
    ("how", "code"),
    [
        ("codec", "disk_low"),
        ("tool", "disk_low"),
        ("model", "disk_low"),
        ("invalid", "asset_invalid"),
    ],
)
def test_codec_that_had_no_room_is_not_told_as_a_fault_of_the_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, how: str, code: str
) -> None:
    assert _told(tmp_path, monkeypatch, how, free=4096) == code


@pytest.mark.parametrize(("how", "code"), [("codec", "asset_crash"), ("tool", "asset_crash")])
def test_codec_that_stumbles_with_room_left_is_told_as_crashed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, how: str, code: str
) -> None:
    assert _told(tmp_path, monkeypatch, how, free=1 << 40) == code
