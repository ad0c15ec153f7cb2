"""Writes a document's files, opens them again and checks that they hold what they should."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path

from slate_desktop.domain.assets.model import (
    LodLayout,
    MeshCompression,
    ModelCounts,
    ModelFormat,
    ModelOptions,
)
from slate_desktop.domain.assets.product import Product
from slate_desktop.errors import CommandError, EnvironmentFaultError, ErrorCode
from slate_desktop.pipeline.model.document import Document
from slate_desktop.pipeline.model.images import SUFFIXES
from slate_desktop.pipeline.model.read import read
from slate_desktop.pipeline.model.reread import Reader
from slate_desktop.pipeline.model.save import save_glb, save_gltf
from slate_desktop.pipeline.model.series import Series
from slate_desktop.pipeline.model.survey import counts_of

# A series keeps its first file in memory while the others are read.
LARGE_BYTES = 128 * 1024 * 1024


def is_large(document: Document) -> bool:
    """Tell whether a model's bytes should be in memory as seldom as possible."""
    return document.input_size > LARGE_BYTES


class Writer:
    """Writes the products of one job into its directory; pictures go there once.

    Args:
        out_dir: exists and is the job's own.
        stem: of the products' names.
        options: of the job.
        document: the model, whose levels differ from it in their meshes only.
    """

    def __init__(self, out_dir: Path, stem: str, options: ModelOptions, document: Document) -> None:
        self._out_dir = out_dir
        self._stem = stem
        self._options = options
        self._pictures: dict[str, str] = {}
        self._compress = options.compression is MeshCompression.MESHOPT
        self._series, self._reader = None, None
        is_series = options.generate_lods and options.lod_layout is LodLayout.FILES
        is_series = is_series and options.format is ModelFormat.GLB and not document.views
        if is_series and not is_large(document):
            self._series = Series(document, compress=self._compress)
            self._reader = Reader(self._series.extent)
        self.products: list[Product] = []

    def write(self, document: Document, level: int) -> ModelCounts:
        """Write a document as level 0, the model itself, or as a coarser one; return its counts.

        Raises:
            EnvironmentFaultError: the directory cannot be written.
            CommandError: ``internal``: what was written does not hold what it should.
        """
        stem = f"{self._stem}_lod{level}" if level else self._stem
        role = f"lod{level}" if level else "primary"
        name = f"{stem}.{self._options.format.value}"
        match self._options.format:
            case ModelFormat.GLB:
                self._put(name, role, self._glb(document))
            case ModelFormat.GLTF:
                images = self._put_pictures(document)
                text, parts = save_gltf(document, f"{stem}.bin", images, compress=self._compress)
                self._put(f"{stem}.bin", "buffer", parts)
                self._put(name, role, [text])
            case ModelFormat.OBJ:
                from slate_desktop.pipeline.model.export import write_mtl, write_obj

                if document.list_of("materials"):
                    images = self._put_pictures(document)
                    self._put(f"{stem}.mtl", "materials", [write_mtl(document, images)])
                self._put(name, role, [write_obj(document, f"{stem}.mtl")])
            case ModelFormat.STL:
                from slate_desktop.pipeline.model.export import write_stl

                self._put(name, role, [write_stl(document)])
            case ModelFormat.PLY:
                from slate_desktop.pipeline.model.export import write_ply

                self._put(name, role, [write_ply(document)])
        return self._check(name, document)

    def _glb(self, document: Document) -> list[bytes | memoryview]:
        if self._series is not None:
            return self._series.save(document)
        return save_glb(document, compress=self._compress)

    def _put_pictures(self, document: Document) -> list[str]:
        names: list[str] = []
        for image in document.images:
            digest = hashlib.sha256(image.data).hexdigest()
            if digest not in self._pictures:
                suffix = SUFFIXES.get(image.mime, ".bin")
                name = f"{self._stem}_image{len(self._pictures)}{suffix}"
                self._put(name, "image", [image.data])
                self._pictures[digest] = name
            names.append(self._pictures[digest])
        return names

    def _put(self, name: str, role: str, parts: Sequence[bytes | memoryview]) -> None:
        digest, size = hashlib.sha256(), 0
        try:
            with (self._out_dir / name).open("xb") as file:
                for part in parts:
                    file.write(part)
                    digest.update(part)
                    size += len(part)
        except OSError as exc:
            raise EnvironmentFaultError(f"{name} cannot be written: {exc.strerror}.") from exc
        self.products.append(
            Product(
                path=name,
                role=role,
                format=name.rpartition(".")[2],
                size=size,
                sha256=digest.hexdigest(),
            )
        )

    def _check(self, name: str, document: Document) -> ModelCounts:
        wanted = counts_of(document)
        path = self._out_dir / name
        found = counts_of(read(path) if self._reader is None else self._reader.read(path))
        if self._options.format in (ModelFormat.GLB, ModelFormat.GLTF):
            is_same = found == wanted
        else:
            is_same = found.triangles == wanted.triangles
        if not is_same:
            raise CommandError(
                ErrorCode.INTERNAL, f"{name} does not hold what was written: {found} for {wanted}."
            )
        return wanted
