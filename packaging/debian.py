"""What this project's Debian packages share: versions, manual, modes, times, packing."""

from __future__ import annotations

import email.utils
import gzip
import os
import platform
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "packaging")]
import version as versions  # noqa: E402

MAINTAINER = "The SLATE developers <slate@example.com>"


def version() -> str:
    """Return the version of this checkout, in Debian's form."""
    return str(versions.read())


def described() -> str:
    """Return the version that people read in the manual."""
    return versions.read().base


def manual(see_also: str, more: tuple[str, ...] = ()) -> str:
    """Return the manual page of ``slate``, made from its commands' help. Source: man-pages(7).

    Args:
        see_also: the other pages, in roff.
        more: sections of this package alone, lines of roff.
    """
    import typer

    from slate_desktop.cli.app import app

    group = typer.main.get_command(app)
    lines = [
        f'.TH SLATE 1 "" "SLATE Desktop {described()}" "User Commands"',
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
    lines += [*more, ".SH SEE ALSO", f".BR {see_also}"]
    return "\n".join(lines) + "\n"


def completion(shell: str) -> str:
    """Return the script that completes ``slate`` in a shell."""
    from typer._completion_shared import get_completion_script

    return get_completion_script(prog_name="slate", complete_var="_SLATE_COMPLETE", shell=shell)


def _commands(group: Any, path: str) -> Iterator[tuple[str, Any]]:
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


def settle_times(tree: Path) -> None:
    """Give everything the time of the last commit: the same sources give the same package."""
    moment = versions.source_date()
    for path in [*tree.rglob("*"), tree]:
        os.utime(path, (moment, moment), follow_symlinks=False)


def filled(changes: str) -> str:
    """Return a changelog with the version and the date of this checkout."""
    date = email.utils.formatdate(versions.source_date())
    return changes.replace("VERSION", version()).replace("DATE", date.replace("-0000", "+0000"))


def completions(share: Path) -> None:
    """Write what completes ``slate`` in a shell below ``share``."""
    for shell, path in (
        ("bash", "bash-completion/completions/slate"),
        ("zsh", "zsh/vendor-completions/_slate"),
        ("fish", "fish/vendor_completions.d/slate.fish"),
    ):
        target = share / path
        target.parent.mkdir(parents=True)
        target.write_text(completion(shell), encoding="utf-8")


def compressed(text: str) -> bytes:
    """Return a text as packages carry it, the same each time."""
    return gzip.compress(text.encode(), 9, mtime=0)


def control(tree: Path, fields: Mapping[str, str], scripts: Path, names: tuple[str, ...]) -> None:
    """Write the package's description and scripts.

    Args:
        tree: what is installed.
        fields: of ``control``; size and maintainer are added.
        scripts: where the maintainer scripts lie.
        names: of the scripts.
    """
    size = sum(p.lstat().st_size for p in tree.rglob("*") if not p.is_dir())
    place = tree / "DEBIAN"
    place.mkdir(exist_ok=True)
    known = {"Maintainer": MAINTAINER, "Installed-Size": str(-(-size // 1024))}
    text = "".join(f"{name}: {value}\n" for name, value in {**fields, **known}.items())
    (place / "control").write_text(text, encoding="utf-8")
    for name in names:
        shutil.copy(scripts / name, place / name)
        (place / name).chmod(0o755)


def pack(tree: Path, output: Path, package: str) -> Path:
    """Return the package of a tree, which is removed; the same tree gives the same bytes."""
    target = output / f"{package}_{version()}-1_{architecture()}.deb"
    command = ["dpkg-deb", "--root-owner-group", "-Zxz", "-z3", "--build", str(tree), str(target)]
    env = {**os.environ, "SOURCE_DATE_EPOCH": str(versions.source_date())}
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, env=env)
    shutil.rmtree(tree)
    return target


def _is_program(path: Path) -> bool:
    if ".so" in path.name or not path.stat().st_mode & 0o111:
        return False
    with path.open("rb") as file:
        return file.read(4).startswith((b"\x7fELF", b"#!"))


def architecture() -> str:
    """Return Debian's name of this machine's architecture."""
    return {"x86_64": "amd64", "aarch64": "arm64"}.get(platform.machine(), platform.machine())
