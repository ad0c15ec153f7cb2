"""Reads a model of any format, and names the files that it refers to."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path

from slate_desktop.errors import AssetError
from slate_desktop.pipeline.model.document import Document
from slate_desktop.pipeline.model.files import Siblings, read_file

_ARCHIVES = (b"PK\x03\x04", b"PK\x05\x06", b"\x1f\x8b", b"7z\xbc\xaf", b"Rar!")


def read(source: Path) -> Document:
    """Read a model and check that it shows something.

    Raises:
        AssetError: it is not sound, or needs more than is allowed.
    """
    from slate_desktop.pipeline.model.survey import check_geometry
    from slate_desktop.pipeline.model.uses import uses_of

    document = _load(source, _content(source))
    uses_of(document)  # extensions that name accessors have their form
    check_geometry(document)
    return document


@contextlib.contextmanager
def faults_of_file() -> Iterator[None]:
    """Say that the file is at fault where its values do not have the form that they should.

    The check before covers what the standard types; extensions and extras may hold anything.

    Raises:
        AssetError: in place of what such values lead to.
    """
    try:
        yield
    except (KeyError, IndexError, TypeError, AttributeError, ValueError, OverflowError) as exc:
        raise AssetError.invalid("The model is damaged: a part of it has no sound form.") from exc


def references(source: Path) -> tuple[str, ...]:
    """Return the files that a model refers to, by names relative to its folder, with ``/``.

    Raises:
        AssetError: a glTF cannot be read, or refers to what is not beside it.
    """
    with faults_of_file():
        return _references(source)


def _references(source: Path) -> tuple[str, ...]:
    from slate_desktop.pipeline.model.load import uris_of
    from slate_desktop.pipeline.model.mtl import pictures_of
    from slate_desktop.pipeline.model.obj import libraries_of

    suffix = source.suffix.lower()
    if suffix in (".gltf", ".glb"):
        siblings = Siblings(source.parent)
        names = [siblings.name_of(uri) for uri in uris_of(_content(source))]
        return tuple(dict.fromkeys(names))
    if suffix != ".obj":
        return ()
    found: dict[str, None] = {}
    for library in libraries_of(_content(source)):
        # A library that is missing or lies elsewhere is left out, as are its pictures.
        text = _sibling(source, library, found)
        for uri in pictures_of(text):
            _sibling(source, uri, found)
    return tuple(found)


def _sibling(source: Path, uri: str, found: dict[str, None]) -> str:
    siblings = Siblings(source.parent)
    try:
        text = siblings.read(uri).decode("utf-8", "replace")
    except AssetError:
        return ""
    found[siblings.name_of(uri)] = None
    return text


def _content(source: Path) -> bytes:
    data = read_file(source)
    if data.startswith(_ARCHIVES):
        raise AssetError.invalid("The file is an archive, which is not read as a model.")
    return data


def _load(source: Path, data: bytes) -> Document:
    siblings = Siblings(source.parent, len(data))
    match source.suffix.lower():
        case ".glb" | ".gltf":
            from slate_desktop.pipeline.model.load import load_gltf

            return load_gltf(data, source.parent)
        case ".obj":
            from slate_desktop.pipeline.model.obj import load_obj

            return load_obj(data, siblings)
        case ".stl":
            from slate_desktop.pipeline.model.scans import load_stl

            return load_stl(data)
        case ".ply":
            from slate_desktop.pipeline.model.scans import load_ply

            return load_ply(data)
        case ".fbx":
            from slate_desktop.pipeline.model.fbx import load_fbx

            return load_fbx(source, data, siblings)
        case other:
            raise AssetError.invalid(
                f"Files of the type {other or 'without ending'} are no models."
            )
