"""What a build left behind: files with size and hash, and whether the main one is what it must be.

Files are opened, never run. An archive's directory is read, nothing is unpacked.

Sources: ELF https://refspecs.linuxfoundation.org/elf/gabi4+/ch4.eheader.html ·
PE https://learn.microsoft.com/windows/win32/debug/pe-format ·
Mach-O <mach-o/loader.h>, <mach-o/fat.h> ·
PCK https://github.com/godotengine/godot core/io/file_access_pack.h
"""

from __future__ import annotations

import hashlib
import os
import stat
import struct
import zipfile
from collections.abc import Iterator
from pathlib import Path, PurePosixPath

import msgspec

from slate_desktop.domain.builds.recipe import ArtifactKind

MAX_FILES = 20_000
_BLOCK = 1 << 20
_MACHO = {b"\xfe\xed\xfa\xce", b"\xfe\xed\xfa\xcf", b"\xce\xfa\xed\xfe", b"\xcf\xfa\xed\xfe"}
_FAT = b"\xca\xfe\xba\xbe"
_ELF_TYPES = {2, 3}
_PCK = b"GDPC"
_TITLES = {
    ArtifactKind.ELF: "a Linux program (ELF)",
    ArtifactKind.PE: "a Windows program (PE)",
    ArtifactKind.MACHO: "a macOS program (Mach-O)",
    ArtifactKind.ZIP: "a zip archive",
    ArtifactKind.APK: "an Android package",
    ArtifactKind.WEB: "a web page with its program (wasm)",
    ArtifactKind.FOLDER: "a folder with files",
}


class Artifact(msgspec.Struct, frozen=True, kw_only=True):
    """One file of a build; ``path`` is below the output folder, with ``/`` between its parts."""

    name: str
    path: str
    size: int
    sha256: str
    is_executable: bool = False


class ArtifactCheck(msgspec.Struct, frozen=True, kw_only=True):
    """What the main product is: ``problem`` is empty when it is as it must be."""

    problem: str = ""
    found: str = ""


def check_product(output: Path, product: str, kind: ArtifactKind) -> ArtifactCheck:
    """Tell whether the main product is there, not empty, and of its kind.

    Args:
        output: the build's output folder.
        product: a path below it; empty when any file will do.
        kind: what the product must be.
    """
    if not product:
        has_content = any(path.stat().st_size for path in _files(output))
        return ArtifactCheck(problem="" if has_content else "the build left no file behind")
    path = output / product
    try:
        info = os.lstat(path)
    except OSError:
        return ArtifactCheck(problem=f"{product} is not there")
    if stat.S_ISLNK(info.st_mode):
        return ArtifactCheck(problem=f"{product} is a link")
    if stat.S_ISDIR(info.st_mode):
        return _check_folder(path, product, kind)
    if not stat.S_ISREG(info.st_mode):
        return ArtifactCheck(problem=f"{product} is no file")
    if info.st_size == 0:
        return ArtifactCheck(problem=f"{product} is empty")
    if kind is ArtifactKind.FOLDER:
        return ArtifactCheck(problem=f"{product} is no folder")
    found = identify(path)
    wanted = {
        ArtifactKind.ANY: True,
        ArtifactKind.WEB: _is_web(path),
        ArtifactKind.ZIP: found in (ArtifactKind.ZIP, ArtifactKind.APK),
    }.get(kind, found is kind)
    seen = _TITLES.get(found, "something else") if found else "something else"
    if not wanted:
        return ArtifactCheck(problem=f"{product} is not {_TITLES[kind]} but {seen}", found=seen)
    problem = _check_pack(path)
    return ArtifactCheck(problem=problem, found=seen)


def identify(path: Path) -> ArtifactKind | None:
    """Return what a file is, from its own structure; None for what is not known."""
    try:
        with path.open("rb") as file:
            head = file.read(64)
            if _is_elf(head):
                return ArtifactKind.ELF
            if _is_pe(file.fileno(), head):
                return ArtifactKind.PE
            if _is_macho(head):
                return ArtifactKind.MACHO
        if zipfile.is_zipfile(path):
            with zipfile.ZipFile(path) as archive:
                names = archive.namelist()
            if not names:
                return None
            return ArtifactKind.APK if "AndroidManifest.xml" in names else ArtifactKind.ZIP
    except (OSError, zipfile.BadZipFile, struct.error, ValueError):
        return None
    return None


def is_pack(path: Path) -> bool:
    """Tell whether a file is, or ends with, a Godot pack."""
    try:
        with path.open("rb") as file:
            if file.read(4) == _PCK:
                return True
            file.seek(-4, os.SEEK_END)
            return file.read(4) == _PCK
    except OSError:
        return False


def collect(output: Path) -> list[Artifact]:
    """Return all files of the output folder with size and hash, in the order of their paths.

    Links are left out: what they point to is either listed itself or not part of the build.

    Raises:
        OSError: a file cannot be read.
    """
    found: list[Artifact] = []
    for path in _files(output):
        relative = path.relative_to(output).as_posix()
        info = path.stat()
        found.append(
            Artifact(
                name=PurePosixPath(relative).name,
                path=relative,
                size=info.st_size,
                sha256=file_sha256(path),
                is_executable=bool(info.st_mode & 0o100),
            )
        )
    return found


def file_sha256(path: Path) -> str:
    """Return a file's SHA-256 in hexadecimal digits.

    Raises:
        OSError: it cannot be read.
    """
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(_BLOCK):
            digest.update(block)
    return digest.hexdigest()


def _files(output: Path) -> Iterator[Path]:
    count = 0
    for folder, names, files in os.walk(output):
        names.sort()
        for name in sorted(files):
            path = Path(folder) / name
            if stat.S_ISREG(os.lstat(path).st_mode):
                count += 1
                if count > MAX_FILES:
                    return
                yield path


def _check_folder(path: Path, product: str, kind: ArtifactKind) -> ArtifactCheck:
    if kind not in (ArtifactKind.FOLDER, ArtifactKind.ANY, ArtifactKind.WEB):
        return ArtifactCheck(problem=f"{product} is a folder, not {_TITLES[kind]}")
    files = list(_files(path))
    if not any(file.stat().st_size for file in files):
        return ArtifactCheck(problem=f"{product} holds no files")
    if kind is ArtifactKind.WEB and not (path / "index.html").is_file():
        return ArtifactCheck(problem=f"{product} holds no index.html")
    return ArtifactCheck(found=_TITLES[ArtifactKind.FOLDER])


def _check_pack(path: Path) -> str:
    """A Godot pack beside the program must be one."""
    pack = path.with_suffix(".pck")
    if pack.is_file() and pack != path and not is_pack(pack):
        return f"{pack.name} is no Godot pack"
    return ""


def _is_elf(head: bytes) -> bool:
    if head[:4] != b"\x7fELF" or len(head) < 20:
        return False
    order = {1: "<", 2: ">"}.get(head[5])
    return (
        head[4] in (1, 2)
        and order is not None
        and struct.unpack_from(f"{order}H", head, 16)[0] in _ELF_TYPES
    )


def _is_pe(descriptor: int, head: bytes) -> bool:
    if head[:2] != b"MZ" or len(head) < 64:
        return False
    offset = struct.unpack_from("<I", head, 60)[0]
    os.lseek(descriptor, offset, os.SEEK_SET)
    return os.read(descriptor, 4) == b"PE\0\0"


def _is_macho(head: bytes) -> bool:
    if head[:4] in _MACHO:
        return True
    # Java classes have the same first bytes; a fat binary has few architectures.
    return head[:4] == _FAT and len(head) >= 8 and 0 < struct.unpack_from(">I", head, 4)[0] < 20


def _is_web(path: Path) -> bool:
    if path.suffix.lower() not in (".html", ".htm"):
        return False
    for program in path.parent.glob("*.wasm*"):
        with program.open("rb") as file:
            head = file.read(4)
        # Gzip and Brotli builds ship the program packed.
        if head == b"\0asm" or program.suffix in (".gz", ".br"):
            return True
    return False
