"""What the fork server loads for a kind: a child finds all of it, and imports nothing itself."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from slate_desktop.domain.assets.kinds import AssetKind
from tests.services.small_models import obj_with_materials, rich_model

_PROGRAM = """
import json, sys
from pathlib import Path
from slate_desktop.domain.assets.kinds import AssetKind
from slate_desktop.domain.assets.options import parse_options
from slate_desktop.pipeline import run
from slate_desktop.pipeline.sandbox import child, limits, server
kind, source, out = AssetKind(sys.argv[1]), Path(sys.argv[2]), Path(sys.argv[3])
options = parse_options(kind, json.loads(sys.argv[4]))
child.warm()
run.load(kind)
before = set(sys.modules)
limits.apply_limits(limits.limits_of(kind))
run.process(kind, source, out, options, progress=lambda *_: None)
print(json.dumps(sorted(set(sys.modules) - before)))
"""


def source_of(name: str, folder: Path) -> tuple[AssetKind, Path]:
    """Make a small file."""
    match name:
        case "glb":
            return AssetKind.MODEL, rich_model(folder / "rich.glb")
        case "obj":
            return AssetKind.MODEL, obj_with_materials(folder)
        case "wav":
            soundfile = pytest.importorskip("soundfile")
            np = pytest.importorskip("numpy")
            soundfile.write(folder / "a.wav", np.sin(np.arange(20_000) / 30) * 0.3, 44_100)
            return AssetKind.AUDIO, folder / "a.wav"
        case _:
            image = pytest.importorskip("PIL.Image")
            image.effect_noise((32, 32), 50).convert("RGB").save(folder / f"a.{name}")
            return AssetKind.TEXTURE, folder / f"a.{name}"


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("png", {"format": "webp", "compression": "bc7", "generate_mipmaps": True}),
        ("tga", {"format": "png"}),
        ("webp", {}),
        ("wav", {"format": "ogg"}),
        ("glb", {"generate_lods": True}),
        ("obj", {}),
    ],
)
def test_a_small_file_imports_nothing(
    name: str, options: dict[str, object], tmp_path: Path
) -> None:
    kind, source = source_of(name, tmp_path)
    out = tmp_path / "out"
    out.mkdir()
    command = [sys.executable, "-c", _PROGRAM, kind.value, str(source), str(out)]
    answer = subprocess.run(
        [*command, json.dumps(options)], capture_output=True, timeout=120, check=False
    )
    assert answer.returncode == 0, answer.stderr.decode()
    assert json.loads(answer.stdout) == []
    assert list(out.iterdir())


def test_a_child_looks_for_no_path_and_no_type_that_its_server_knows() -> None:
    from slate_desktop.pipeline.sandbox import child, landlock

    child.warm()
    known = landlock.system_paths.cache_info().misses
    paths = landlock.system_paths()
    assert landlock.system_paths.cache_info().misses == known
    package = Path(child.__file__).resolve().parents[2]
    assert str(package) in paths
    assert str(package.parent) not in paths


_SPENDER = """
import socket
from pathlib import Path
from slate_desktop.pipeline.sandbox import server

def resident():
    return int(Path("/proc/self/statm").read_text().split()[1]) * 4096

kept = []

def spend():
    taken = [bytes(2_000) for _ in range(20_000)]
    kept.append(bytes(2_000))  # the end of the heap stays in use

before = resident()
server._Server(socket.socketpair()[0], 0, 0)._load("codec", spend)
print(resident() - before)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="not on this platform: the fork server")
def test_what_imports_freed_is_not_handed_down_to_children() -> None:
    answer = subprocess.run(
        [sys.executable, "-c", _SPENDER], capture_output=True, timeout=60, check=False
    )
    assert answer.returncode == 0, answer.stderr.decode()
    assert int(answer.stdout) < 4_000_000  # of 40 million
