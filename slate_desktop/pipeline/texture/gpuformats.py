"""Pixel formats of a GPU: their blocks, and their numbers in KTX2 (Vulkan) and DDS (DXGI).

Source: https://registry.khronos.org/vulkan/specs/latest/man/html/VkFormat.html and
https://learn.microsoft.com/windows/win32/api/dxgiformat/ne-dxgiformat-dxgi_format
"""

from __future__ import annotations

from dataclasses import dataclass, replace


@dataclass(frozen=True, slots=True, kw_only=True)
class GpuFormat:
    """How levels of a texture lie in memory.

    Attributes:
        name: such as ``bc7`` or ``rgba8``.
        block_width: pixels across a block; 1 where nothing is compressed.
        block_height: pixels down a block.
        block_bytes: bytes of a block.
        channels: that a sampler gets from it.
        vk: Vulkan's number for linear values.
        vk_srgb: Vulkan's number for sRGB values; 0: none.
        dxgi: DXGI's number for linear values; 0: none.
        dxgi_srgb: DXGI's number for sRGB values; 0: none.
        is_float: values may pass 1.
        is_srgb: which of the numbers is meant.
    """

    name: str
    block_width: int = 4
    block_height: int = 4
    block_bytes: int = 16
    channels: int = 4
    vk: int
    vk_srgb: int = 0
    dxgi: int = 0
    dxgi_srgb: int = 0
    is_float: bool = False
    is_srgb: bool = False

    @property
    def is_block(self) -> bool:
        """Whether it is block compressed."""
        return self.block_width > 1

    @property
    def vk_number(self) -> int:
        """Vulkan's number for its colour space."""
        return self.vk_srgb if self.is_srgb else self.vk

    @property
    def dxgi_number(self) -> int:
        """DXGI's number for its colour space; 0 where DDS cannot hold it."""
        return self.dxgi_srgb if self.is_srgb else self.dxgi

    def blocks(self, width: int, height: int) -> tuple[int, int]:
        """Return blocks across and down a level."""
        return -(-width // self.block_width), -(-height // self.block_height)

    def level_bytes(self, width: int, height: int) -> int:
        """Return the bytes of a level, width and height in pixels."""
        across, down = self.blocks(width, height)
        return across * down * self.block_bytes

    def in_space(self, *, is_srgb: bool) -> GpuFormat:
        """Return it for sRGB or linear values; linear where there is no other."""
        return replace(self, is_srgb=is_srgb and bool(self.vk_srgb))


def _plain(
    name: str,
    size_bytes: int,
    channels: int,
    vk: int,
    vk_srgb: int = 0,
    dxgi: int = 0,
    dxgi_srgb: int = 0,
    *,
    is_float: bool = False,
) -> GpuFormat:
    return GpuFormat(
        name=name,
        block_width=1,
        block_height=1,
        block_bytes=size_bytes,
        channels=channels,
        vk=vk,
        vk_srgb=vk_srgb,
        dxgi=dxgi,
        dxgi_srgb=dxgi_srgb,
        is_float=is_float,
    )


# ASTC's block sizes in the order of Vulkan's numbers, from 157 in steps of two.
_ASTC_SIDES = (
    (4, 4), (5, 4), (5, 5), (6, 5), (6, 6), (8, 5), (8, 6),
    (8, 8), (10, 5), (10, 6), (10, 8), (10, 10), (12, 10), (12, 12),
)  # fmt: skip
_FIRST_ASTC = 157
_FIRST_ASTC_FLOAT = 1000066000


def _astc() -> list[GpuFormat]:
    return [
        GpuFormat(
            name=f"astc_{width}x{height}",
            block_width=width,
            block_height=height,
            vk=_FIRST_ASTC + 2 * index,
            vk_srgb=_FIRST_ASTC + 2 * index + 1,
        )
        for index, (width, height) in enumerate(_ASTC_SIDES)
    ] + [
        GpuFormat(
            name=f"astc_{width}x{height}_hdr",
            block_width=width,
            block_height=height,
            vk=_FIRST_ASTC_FLOAT + index,
            is_float=True,
        )
        for index, (width, height) in enumerate(_ASTC_SIDES)
    ]


_ALL = (
    GpuFormat(name="bc1", block_bytes=8, channels=3, vk=131, vk_srgb=132, dxgi=71, dxgi_srgb=72),
    GpuFormat(name="bc1a", block_bytes=8, vk=133, vk_srgb=134, dxgi=71, dxgi_srgb=72),
    GpuFormat(name="bc2", vk=135, vk_srgb=136, dxgi=74, dxgi_srgb=75),
    GpuFormat(name="bc3", vk=137, vk_srgb=138, dxgi=77, dxgi_srgb=78),
    GpuFormat(name="bc4", block_bytes=8, channels=1, vk=139, dxgi=80),
    GpuFormat(name="bc5", channels=2, vk=141, dxgi=83),
    GpuFormat(name="bc6h", channels=3, vk=143, dxgi=95, is_float=True),
    GpuFormat(name="bc6h_signed", channels=3, vk=144, dxgi=96, is_float=True),
    GpuFormat(name="bc7", vk=145, vk_srgb=146, dxgi=98, dxgi_srgb=99),
    GpuFormat(name="etc2_rgb", block_bytes=8, channels=3, vk=147, vk_srgb=148),
    GpuFormat(name="etc2_rgba1", block_bytes=8, vk=149, vk_srgb=150),
    GpuFormat(name="etc2_rgba", vk=151, vk_srgb=152),
    GpuFormat(name="eac_r", block_bytes=8, channels=1, vk=153),
    GpuFormat(name="eac_rg", channels=2, vk=155),
    *_astc(),
    _plain("r8", 1, 1, 9, 15, 61),
    _plain("rg8", 2, 2, 16, 22, 49),
    _plain("rgb8", 3, 3, 23, 29),
    _plain("bgr8", 3, 3, 30, 36),
    _plain("rgba8", 4, 4, 37, 43, 28, 29),
    _plain("bgra8", 4, 4, 44, 50, 87, 91),
    _plain("r16", 2, 1, 70, dxgi=56),
    _plain("rg16", 4, 2, 77, dxgi=35),
    _plain("rgba16", 8, 4, 91, dxgi=11),
    _plain("r16f", 2, 1, 76, dxgi=54, is_float=True),
    _plain("rg16f", 4, 2, 83, dxgi=34, is_float=True),
    _plain("rgba16f", 8, 4, 97, dxgi=10, is_float=True),
    _plain("r32f", 4, 1, 100, dxgi=41, is_float=True),
    _plain("rg32f", 8, 2, 103, dxgi=16, is_float=True),
    _plain("rgb32f", 12, 3, 106, dxgi=6, is_float=True),
    _plain("rgba32f", 16, 4, 109, dxgi=2, is_float=True),
)

BY_NAME = {entry.name: entry for entry in _ALL}


def by_vk(number: int) -> GpuFormat | None:
    """Return the format of a Vulkan number, or None: one that is not read here."""
    for entry in _ALL:
        if number == entry.vk:
            return entry
        if number and number == entry.vk_srgb:
            return replace(entry, is_srgb=True)
    return None


def by_dxgi(number: int) -> GpuFormat | None:
    """Return the format of a DXGI number, or None: one that is not read here."""
    for entry in _ALL:
        if number and number == entry.dxgi:
            return entry
        if number and number == entry.dxgi_srgb:
            return replace(entry, is_srgb=True)
    return None


def level_sizes(width: int, height: int) -> list[tuple[int, int]]:
    """Return the sides of every mip level, down to 1 × 1."""
    count = max(width, height).bit_length()
    return [(max(1, width >> level), max(1, height >> level)) for level in range(count)]
