"""Makes Linux packages of a bundle that ``packaging/bundle/build.py`` built.

    python packaging/linux/assemble.py deb|portable BUNDLE --output DIRECTORY

``deb`` needs dpkg-deb; ``portable`` gives a folder in a tar archive that runs where it is unpacked.
Both carry the desktop entry, the metainfo, icons, the manual page and the shells' completions.
"""

from __future__ import annotations

import argparse
import gzip
import os
import shutil
import subprocess
import sys
import tarfile
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
sys.path.insert(0, str(ROOT))
PACKAGE = "slate-desktop"
APP_ID = "org.slate.Desktop"
ICON_SIZES = (16, 22, 24, 32, 48, 64, 128, 256, 512)
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


def version() -> str:
    """Return the version of this checkout."""
    from slate_desktop import __version__

    return __version__


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
    (docs / "changelog.Debian.gz").write_bytes(
        gzip.compress(changes.replace("VERSION", version()).encode(), 9, mtime=0)
    )
    shutil.move(place / "THIRD-PARTY-LICENCES.txt", docs / "THIRD-PARTY-LICENCES.txt")
    shutil.move(place / "sbom.cdx.json", docs / "sbom.cdx.json")
    overrides = share / "lintian" / "overrides"
    overrides.mkdir(parents=True)
    shutil.copy(HERE / "lintian-overrides", overrides / PACKAGE)
    settle_modes(tree)
    write_control(tree)
    target = output / f"{PACKAGE}_{version()}-1_{architecture()}.deb"
    command = ["dpkg-deb", "--root-owner-group", "-Zxz", "-z3", "--build", str(tree), str(target)]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    shutil.rmtree(tree)
    return target


def make_portable(bundle: Path, output: Path) -> Path:
    """Return an archive of a folder that runs wherever it is unpacked."""
    name = f"{PACKAGE}-{version()}-linux-{architecture()}"
    tree = output / name
    shutil.rmtree(tree, ignore_errors=True)
    shutil.copytree(bundle, tree, symlinks=True)
    desktop_files(tree / "share")
    shutil.copy(HERE / "portable-readme.txt", tree / "README.txt")
    settle_modes(tree)
    target = output / f"{name}.tar.xz"
    with tarfile.open(target, "w:xz", preset=6) as archive:
        archive.add(tree, arcname=name, filter=_owned_by_root)
    shutil.rmtree(tree)
    return target


def desktop_files(share: Path) -> None:
    """Write what a desktop and its shells look for below ``share``."""
    _copy(HERE / f"{PACKAGE}.desktop", share / "applications")
    _copy(HERE / f"{APP_ID}.metainfo.xml", share / "metainfo")
    _copy(HERE / f"{PACKAGE}.mime.xml", share / "mime" / "packages", f"{PACKAGE}.xml")
    source = ROOT / "resources" / "app" / f"{PACKAGE}.svg"
    _copy(source, share / "icons" / "hicolor" / "scalable" / "apps")
    draw_icons(source, share / "icons" / "hicolor")
    manual = share / "man" / "man1"
    manual.mkdir(parents=True)
    for name, text in manual_pages().items():
        (manual / f"{name}.1.gz").write_bytes(gzip.compress(text.encode(), 9, mtime=0))
    for shell, path in (
        ("bash", "bash-completion/completions/slate"),
        ("zsh", "zsh/vendor-completions/_slate"),
        ("fish", "fish/vendor_completions.d/slate.fish"),
    ):
        target = share / path
        target.parent.mkdir(parents=True)
        target.write_text(completion(shell), encoding="utf-8")


def draw_icons(source: Path, directory: Path) -> None:
    """Write the application's icon as PNG in every size that desktops ask for."""
    os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
    from PySide6.QtCore import QRectF, Qt
    from PySide6.QtGui import QGuiApplication, QImage, QPainter
    from PySide6.QtSvg import QSvgRenderer

    app = QGuiApplication.instance() or QGuiApplication([])
    renderer = QSvgRenderer(str(source))
    for size in ICON_SIZES:
        image = QImage(size, size, QImage.Format.Format_ARGB32_Premultiplied)
        image.fill(Qt.GlobalColor.transparent)
        painter = QPainter(image)
        renderer.render(painter, QRectF(0, 0, size, size))
        painter.end()
        target = directory / f"{size}x{size}" / "apps" / f"{PACKAGE}.png"
        target.parent.mkdir(parents=True)
        if not image.save(str(target)):
            raise SystemExit(f"{target} cannot be written")
    del app


def completion(shell: str) -> str:
    """Return the script that completes ``slate`` in a shell."""
    from typer._completion_shared import get_completion_script

    return get_completion_script(prog_name="slate", complete_var="_SLATE_COMPLETE", shell=shell)


def manual_pages() -> dict[str, str]:
    """Return the manual pages, made from the commands' own help. Source: man-pages(7)."""
    import typer

    from slate_desktop.cli.app import app

    group = typer.main.get_command(app)
    lines = [
        f'.TH SLATE 1 "" "SLATE Desktop {version()}" "User Commands"',
        ".SH NAME", "slate \\- the control centre for people who make games, as a command",
        ".SH SYNOPSIS", ".B slate", "[\\-\\-json] COMMAND [ARGUMENT ...]",
        ".SH DESCRIPTION",
        "Everything that the window does, for scripts. With no settings, the broker, the",
        "database and the agent that it needs start by themselves on this machine.",
        ".SH COMMANDS",
    ]  # fmt: skip
    for path, command in _commands(group, "slate"):
        words = (command.help or command.short_help or "").strip().replace("\n\n", "\n")
        lines += [".TP", f".B {_roff(path)}", _roff(words) or "\\&"]
    lines += [".SH SEE ALSO", ".BR slate\\-desktop (1)"]
    desktop = [
        f'.TH SLATE\\-DESKTOP 1 "" "SLATE Desktop {version()}" "User Commands"',
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
    return {"slate": "\n".join(lines) + "\n", "slate-desktop": "\n".join(desktop) + "\n"}


def _commands(group, path: str):
    for name, command in sorted(group.commands.items()):
        if command.hidden:
            continue
        if hasattr(command, "commands"):
            yield from _commands(command, f"{path} {name}")
        else:
            yield f"{path} {name}", command


def _roff(text: str) -> str:
    escaped = text.replace("\\", "\\e").replace("-", "\\-")
    return "\n".join(
        f"\\&{line}" if line[:1] in (".", "'") else line for line in escaped.splitlines()
    )


def settle_modes(tree: Path) -> None:
    """Give files the modes that packages have: programs 0755, everything else 0644."""
    for path in [tree, *tree.rglob("*")]:
        if path.is_symlink():
            continue
        path.chmod(0o755 if path.is_dir() or _is_program(path) else 0o644)


def _is_program(path: Path) -> bool:
    if ".so" in path.name or not path.stat().st_mode & 0o111:
        return False
    with path.open("rb") as file:
        return file.read(4).startswith((b"\x7fELF", b"#!"))


def write_control(tree: Path) -> None:
    """Write the package's description and scripts."""
    size = sum(p.lstat().st_size for p in tree.rglob("*") if not p.is_dir())
    control = tree / "DEBIAN"
    control.mkdir()
    fields = {
        "Package": PACKAGE,
        "Version": f"{version()}-1",
        "Architecture": architecture(),
        "Maintainer": "The SLATE developers <slate@example.com>",
        "Installed-Size": str(-(-size // 1024)),
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
    text = "".join(f"{name}: {value}\n" for name, value in fields.items())
    (control / "control").write_text(text, encoding="utf-8")
    script = control / "postrm"
    shutil.copy(HERE / "postrm", script)
    script.chmod(0o755)


def architecture() -> str:
    """Return Debian's name of this machine's architecture."""
    import platform

    return {"x86_64": "amd64", "aarch64": "arm64"}.get(platform.machine(), platform.machine())


def _copy(source: Path, directory: Path, name: str = "") -> None:
    directory.mkdir(parents=True, exist_ok=True)
    shutil.copy(source, directory / (name or source.name))


def _owned_by_root(entry: tarfile.TarInfo) -> tarfile.TarInfo:
    entry.uid = entry.gid = 0
    entry.uname = entry.gname = "root"
    return entry


if __name__ == "__main__":
    sys.exit(main())
