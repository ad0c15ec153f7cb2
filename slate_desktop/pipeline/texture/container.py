"""What DDS and KTX2 have in common: levels of bytes in a GPU's format."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

from slate_desktop.domain.assets.texture import ColorSpace
from slate_desktop.pipeline.texture.gpuformats import GpuFormat
from slate_desktop.pipeline.texture.image import TextureFacts

Buffer: TypeAlias = bytes | memoryview


@dataclass(frozen=True, slots=True, kw_only=True)
class GpuTexture:
    """A texture as a GPU samples it.

    Attributes:
        gpu: its format.
        width: of the largest level, pixels.
        height: of the largest level, pixels.
        levels: bytes of each level of the first layer, largest first.
        layers: array layers, cube faces and slices in the file.
        is_premultiplied: colours were multiplied by alpha.
        notes: sentences about what is not read.
    """

    gpu: GpuFormat
    width: int
    height: int
    levels: tuple[Buffer, ...]
    layers: int = 1
    is_premultiplied: bool = False
    notes: tuple[str, ...] = ()

    def facts(self, form: str) -> TextureFacts:
        """Return what is known about it; ``form`` is the container's short name."""
        notes = list(self.notes)
        if self.layers > 1:
            notes.append(f"The file has {self.layers} layers; the first is read.")
        return TextureFacts(
            format=form,
            width=self.width,
            height=self.height,
            channels=self.gpu.channels,
            bits=0 if self.gpu.is_block else self.gpu.block_bytes * 8 // self.gpu.channels,
            mode=self.gpu.name,
            is_float=self.gpu.is_float,
            color_space=ColorSpace.SRGB if self.gpu.is_srgb else ColorSpace.LINEAR,
            levels=len(self.levels),
            layers=self.layers,
            gpu_bytes=sum(map(len, self.levels)) * self.layers,
            notes=tuple(notes),
            extra={"is_premultiplied": self.is_premultiplied} if self.is_premultiplied else {},
        )
