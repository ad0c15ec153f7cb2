"""Makes Linux packages of a bundle that ``packaging/bundle/build.py`` built.

    python packaging/linux/assemble.py deb|portable BUNDLE --output DIRECTORY

``deb`` needs dpkg-deb; ``portable`` gives a folder in a tar archive that runs where it is unpacked.
Both carry the desktop entry, the metainfo, icons, the manual page and the shells' completions.
"""

from __future__ import annotations

import argparse
import shutil
import sys
import tarfile
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
sys.path[:0] = [str(HERE), str(ROOT), str(ROOT / "packaging")]
import archive  # noqa: E402
import debian  # noqa: E402
import icons  # noqa: E402

PACKAGE = "slate-desktop"
APP_ID = "org.slate.Desktop"
# What Qt, the servers and the previews load from the system, by Debian 12's names.
DEPENDS = (
    "libc6 (>= 2.34)", "libstdc++6", "libgcc-s1", "libegl1", "libgl1", "libopengl0",
    "libfontconfig1", "fonts-dejavu-core | fonts-liberation | fonts-noto-core",
)  # fmt: skip
RECOMMENDS = ("ca-certificates", "xdg-utils", "ffmpeg")
SUGGESTS = ("docker.io", "godot3-server")


def main() -> int:
    """Assemble one package and print its path."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("kind", choices=("deb", "portable"))
    parser.add_argument("bundle", type=Path)
    parser.add_argument("--output", type=Path, default=ROOT / "dist")
    options = parser.parse_args()
    options.output.mkdir(parents=True, exist_ok=True)
    assemble = {"deb": make_deb, "portable": make_portable}[options.kind]
    print(assemble(options.bundle.resolve(), options.output.resolve()))
    return 0


def make_deb(bundle: Path, output: Path) -> Path:
    """Return a Debian package: the bundle below /usr/lib, and what a desktop looks for."""
    tree = output / "deb"
    shutil.rmtree(tree, ignore_errors=True)
    place = tree / "usr" / "lib" / PACKAGE
    shutil.copytree(bundle, place, symlinks=True)
    programs = tree / "usr" / "bin"
    programs.mkdir(parents=True)
    for name in ("slate-desktop", "slate"):
        (programs / name).symlink_to(f"../lib/{PACKAGE}/{name}")
    share = tree / "usr" / "share"
    desktop_files(share)
    docs = share / "doc" / PACKAGE
    docs.mkdir(parents=True)
    shutil.copy(HERE / "copyright", docs / "copyright")
    changes = (HERE / "changelog.Debian").read_text(encoding="utf-8")
    (docs / "changelog.Debian.gz").write_bytes(debian.compressed(debian.filled(changes)))
    shutil.move(place / "THIRD-PARTY-LICENCES.txt", docs / "THIRD-PARTY-LICENCES.txt")
    shutil.move(place / "sbom.cdx.json", docs / "sbom.cdx.json")
    overrides = share / "lintian" / "overrides"
    overrides.mkdir(parents=True)
    shutil.copy(HERE / "lintian-overrides", overrides / PACKAGE)
    debian.settle_modes(tree)
    write_control(tree)
    debian.settle_times(tree)
    return debian.pack(tree, output, PACKAGE)


def make_portable(bundle: Path, output: Path) -> Path:
    """Return an archive of a folder that runs wherever it is unpacked."""
    name = f"{PACKAGE}-{debian.version()}-linux-{debian.architecture()}"
    tree = output / name
    shutil.rmtree(tree, ignore_errors=True)
    shutil.copytree(bundle, tree, symlinks=True)
    desktop_files(tree / "share")
    shutil.copy(HERE / "portable-readme.txt", tree / "README.txt")
    debian.settle_modes(tree)
    debian.settle_times(tree)
    target = output / f"{name}.tar.xz"
    archive.write_tar_xz(tree, target, _owned_by_root)
    shutil.rmtree(tree)
    return target


def desktop_files(share: Path) -> None:
    """Write what a desktop and its shells look for below ``share``."""
    _copy(HERE / f"{PACKAGE}.desktop", share / "applications")
    _copy(HERE / f"{APP_ID}.metainfo.xml", share / "metainfo")
    _copy(HERE / f"{PACKAGE}.mime.xml", share / "mime" / "packages", f"{PACKAGE}.xml")
    source = ROOT / "resources" / "app" / f"{PACKAGE}.svg"
    _copy(source, share / "icons" / "hicolor" / "scalable" / "apps")
    icons.write_pngs(share / "icons" / "hicolor")
    manual = share / "man" / "man1"
    manual.mkdir(parents=True)
    for name, text in manual_pages().items():
        (manual / f"{name}.1.gz").write_bytes(debian.compressed(text))
    debian.completions(share)


def manual_pages() -> dict[str, str]:
    """Return the manual pages, made from the commands' own help. Source: man-pages(7)."""
    desktop = [
        f'.TH SLATE\\-DESKTOP 1 "" "SLATE Desktop {debian.described()}" "User Commands"',
        ".SH NAME", "slate\\-desktop \\- the control centre for people who make games",
        ".SH SYNOPSIS", ".B slate\\-desktop", "[\\-\\-profile NAME] [PATH]",
        ".SH DESCRIPTION",
        "Opens the window. PATH is a folder or a file to open, which needs no server; a slate://",
        "link to a project, a session or a build; or the file of an invitation to a server.",
        ".SH FILES",
        ".TP", ".I ~/.local/share/slate",
        "keys, the database and logs; kept when the package is removed",
        ".TP", ".I ~/.config/slate/settings.toml", "settings",
        ".SH SEE ALSO", ".BR slate (1)",
    ]  # fmt: skip
    return {
        "slate": debian.manual("slate\\-desktop (1)"),
        "slate-desktop": "\n".join(desktop) + "\n",
    }


def write_control(tree: Path) -> None:
    """Write the package's description and scripts."""
    fields = {
        "Package": PACKAGE,
        "Version": f"{debian.version()}-1",
        "Architecture": debian.architecture(),
        "Depends": ", ".join(DEPENDS),
        "Recommends": ", ".join(RECOMMENDS),
        "Suggests": ", ".join(SUGGESTS),
        "Section": "devel",
        "Priority": "optional",
        "Description": "control centre for people who make games\n"
        " Runs game engines in containers or as local processes, shows their logs and\n"
        " figures live, builds projects for nine platforms and processes assets.\n"
        " .\n"
        " With no settings at all, everything that it needs starts by itself for the\n"
        " user who opens it. Nothing of a user is removed with the package.",
    }
    debian.control(tree, fields, HERE, ("postrm",))


def _copy(source: Path, directory: Path, name: str = "") -> None:
    directory.mkdir(parents=True, exist_ok=True)
    shutil.copy(source, directory / (name or source.name))


def _owned_by_root(entry: tarfile.TarInfo) -> tarfile.TarInfo:
    entry.uid = entry.gid = 0
    entry.uname = entry.gname = "root"
    return entry


if __name__ == "__main__":
    sys.exit(main())
