"""A folder of mixed assets that a test makes: textures, sounds, models, one of them corrupt."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import soundfile

from tests.services.pictures import cutout, landscape, normal_map, psd, save
from tests.services.small_models import obj_with_materials, rich_model

CORRUPT = "textures/broken_albedo.png"


def mixed_assets(folder: Path) -> int:
    """Fill a folder with 50 assets, one of them corrupt; return how many there are."""
    textures, sounds, models = (folder / name for name in ("textures", "sounds", "models"))
    for each in (textures, sounds, models):
        each.mkdir(parents=True)
    for number in range(15):
        shift = 40 * number
        colour = np.roll(landscape(128, 128), shift, axis=0)
        (textures / f"rock{number}_albedo.png").write_bytes(save(colour, "PNG", "RGB"))
    for number in range(3):
        leaves = np.roll(cutout(128, 64), 9 * number, axis=1)
        (textures / f"leaf{number}_albedo.tga").write_bytes(save(leaves, "TGA"))
        waves = np.roll(normal_map(64, 128), 11 * number, axis=1)
        (textures / f"wave{number}_normal.psd").write_bytes(psd(waves))
    # One that takes long enough for its progress to be seen.
    large = save(landscape(1536, 1536), "PNG", "RGB")
    (textures / "cliff_albedo.png").write_bytes(large)
    (folder / CORRUPT).write_bytes(save(landscape(256, 256), "PNG", "RGB")[:9000])
    times = np.arange(22_050) / 22_050
    for number in range(14):
        tone = 0.2 * np.sin(2 * np.pi * (200 + 30 * number) * times)
        soundfile.write(sounds / f"step{number}.wav", tone, 22_050)
    noise = np.random.default_rng(3).normal(0, 0.1, 30 * 44_100)
    soundfile.write(sounds / "wind.flac", noise, 44_100)
    for number in range(10):
        rich_model(models / f"tree{number}.glb", side=8 + number)
    obj_with_materials(models)  # its picture is an asset too
    (folder / "notes.txt").write_text("nothing for SLATE")
    return 15 + 6 + 2 + 15 + 10 + 2
