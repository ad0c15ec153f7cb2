"""The wheel and the sources: built twice alike, installed into environments of their own, and used.

What they need beside themselves is taken from this environment, so that no index is asked.
"""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
import sysconfig
import tarfile
import venv
import zipfile
from pathlib import Path

import pytest

from slate_desktop import __version__

ROOT = Path(__file__).resolve().parents[2]
pytest.importorskip("hatchling", reason="hatchling is not installed: make wheel installs it")
pytestmark = pytest.mark.timeout(300)


def build(target: Path, *kinds: str) -> list[Path]:
    command = [sys.executable, "-m", "hatchling", "build", "-d", str(target)]
    env = {**os.environ, "SOURCE_DATE_EPOCH": "1700000000"}
    words = [word for kind in kinds for word in ("-t", kind)]
    subprocess.run(
        [*command, *words], cwd=ROOT, env=env, check=True, capture_output=True, timeout=120
    )
    return sorted(target.iterdir())


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    files = build(tmp_path_factory.mktemp("dist"), "wheel", "sdist")
    return {"wheel" if file.suffix == ".whl" else "sdist": file for file in files}


def test_they_have_what_the_program_reads_and_no_pictures(built: dict[str, Path]) -> None:
    with zipfile.ZipFile(built["wheel"]) as wheel:
        names = wheel.namelist()
        sizes = sum(entry.file_size for entry in wheel.infolist())
    for part in (
        "_resources/themes/style.qss",
        "_resources/CHANGELOG.md",
        "_resources/samples/hello-runtime/slate.toml",
        "_migrations/001",
        "_resources/guide/howto/window.md",
    ):
        assert any(name.startswith(f"slate_desktop/{part}") for name in names), part
    assert not [name for name in names if "tests/" in name or name.startswith("docs/")]
    assert sizes < 20_000_000
    with tarfile.open(built["sdist"]) as sources:
        inside = {name.partition("/")[2] for name in sources.getnames()}
    assert {"pyproject.toml", "packaging/bundle/slate.spec", "tests/conftest.py"} <= inside


def test_the_same_sources_give_the_same_bytes(built: dict[str, Path], tmp_path: Path) -> None:
    for again in build(tmp_path / "again", "wheel", "sdist"):
        first = built["wheel" if again.suffix == ".whl" else "sdist"]
        assert hashlib.sha256(again.read_bytes()).hexdigest() == (
            hashlib.sha256(first.read_bytes()).hexdigest()
        ), again.name


@pytest.mark.parametrize("kind", ["wheel", "sdist"])
def test_it_is_installed_and_used(kind: str, built: dict[str, Path], tmp_path: Path) -> None:
    place = tmp_path / "environment"
    venv.create(place, with_pip=True)
    scripts = place / ("Scripts" if os.name == "nt" else "bin")
    site = Path(sysconfig.get_path("purelib", vars={"base": str(place)}))
    # A path of a .pth comes behind the environment's own packages, and its own .pth are not read:
    # the editable installation of this checkout is not found.
    (site / "needs.pth").write_text(f"{sysconfig.get_path('purelib')}\n", encoding="utf-8")
    command = [str(scripts / "python"), "-m", "pip", "install", "--quiet", "--no-deps"]
    command += ["--no-index", "--no-build-isolation", "--ignore-installed", str(built[kind])]
    subprocess.run(command, check=True, capture_output=True, timeout=200)
    env = {name: value for name, value in os.environ.items() if not name.startswith("SLATE_")}
    for name in ("DATA", "CONFIG", "CACHE"):
        env[f"SLATE_{name}_DIR"] = str(tmp_path / name.lower())

    def run(*words: str) -> str:
        done = subprocess.run(
            [str(scripts / words[0]), *words[1:]],
            cwd=tmp_path,
            env=env,
            check=False,
            capture_output=True,
            text=True,
            timeout=100,
        )
        assert done.returncode in (0, 5), done.stderr
        return done.stdout

    assert run("slate", "--version") == f"slate {__version__}\n"
    where = run("python", "-c", "import slate_desktop as s; print(s.__file__)")
    assert Path(where.strip()).is_relative_to(place)
    told = json.loads(run("slate", "doctor", "--json"))["checks"]
    checks = {check["name"]: check["state"] for check in told}
    assert checks["Python"] == "ok"
    assert checks["settings"] == "ok"
    assert run("slate", "version", "--changes").startswith("- ")
    assert "hello-runtime" in run(
        "python", "-c", "from slate_desktop.settings.paths import resource_path as r;"
        "print(*(p.name for p in r('samples').iterdir()))",
    )  # fmt: skip
    made = run("slate", "asset", "presets", "--json")
    assert json.loads(made)["presets"]
